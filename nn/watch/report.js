// The slider of the report: it paints the plane, and moves the line in the curves.
{
  const slider = document.querySelector(".time input");
  const canvas = document.querySelector(".plane canvas");
  const colours = [[47, 120, 196], [209, 73, 91], [58, 143, 77], [176, 125, 0], [125, 79, 192], [119, 119, 119], [0, 139, 139], [176, 72, 154]];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const frames = canvas && Uint8Array.from(atob(canvas.dataset.frames), c => c.charCodeAt(0));

  const paint = k => {  // each byte: the class in three bits, the certainty in five
    const ground = dark.matches ? 22 : 255, context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height), size = canvas.width * canvas.height;
    for (let i = 0; i < size; i++) {
      const byte = frames[k * size + i], sure = 0.12 + 0.58 * (byte & 31) / 31;
      for (let j = 0; j < 3; j++) image.data[4 * i + j] = ground + (colours[byte >> 5][j] - ground) * sure;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  };

  const show = () => {
    const k = slider ? Number(slider.value) : 0;
    if (canvas) paint(k);
    if (!slider) return;
    const words = document.querySelectorAll(".words li")[k].textContent;
    document.querySelector(".time [role=status]").textContent = words;
    slider.setAttribute("aria-valuetext", words);
    const step = Number(slider.dataset.steps.split(" ")[k]);
    for (const chart of document.querySelectorAll(".chart")) {
      const x = Number(chart.dataset.left) + Number(chart.dataset.width) * step / Number(chart.dataset.steps);
      for (const end of ["x1", "x2"]) chart.querySelector(".cursor").setAttribute(end, x);
    }
  };

  slider?.addEventListener("input", show);
  dark.addEventListener("change", show);
  show();
}
