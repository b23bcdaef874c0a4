"""The pages in a browser: pointer, keyboard, screen reader, the right numbers; and nothing leaves the page.

Needs Playwright and a Chromium (on PATH, or Playwright's own); without, these tests are skipped. With
AUTODIFF_BROWSER=required in the environment they fail instead.
"""

import os
import shutil
from contextlib import contextmanager

import pytest

import autodiff
import nn
from autodiff import draw
from autodiff.notation import brief
from autodiff.page.story import Story
from tests.test_draw import HOSTILE, xor

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    missing = pytest.fail if os.environ.get("AUTODIFF_BROWSER") == "required" else pytest.skip
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        missing("no Playwright: pip install playwright")
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=path)
        except Error as error:
            missing(
                f"no Chromium: install {' or '.join(NAMES)}, or run `playwright install chromium`: {error}"
            )
        yield chromium
        chromium.close()


@contextmanager
def opened(browser, tmp_path, html, quiet=True, **options):
    """A page, opened from a file; it must ask for nothing else, complain of nothing, open no dialog."""
    path = tmp_path / "page.html"
    path.write_text(html, encoding="utf-8")
    context = browser.new_context(viewport={"width": 1200, "height": 800}, **options)
    page = context.new_page()
    requests, complaints = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message) or dialog.dismiss())
    page.goto(path.as_uri())
    try:
        yield page
        if quiet:
            assert requests == [path.as_uri()]
            assert complaints == []
        else:
            page.complaints = complaints
    finally:
        context.close()


@pytest.fixture
def xor_page(browser, tmp_path):
    """XOR's page after `backward()`, with its model and its graph."""
    model, loss, names = xor(backward=True)
    drawing = draw(loss, names=names)
    with opened(browser, tmp_path, drawing.html) as page:
        yield page, model, drawing.graph


def texts(page, id, kind):
    """The visible entries of a node's value or gradient, in the picture."""
    return page.evaluate(
        """([id, kind]) => [...document.querySelectorAll(`[id="${id}"] text.${kind}`)]
           .filter(text => getComputedStyle(text).visibility === "visible")
           .map(text => text.textContent).slice(1)""",
        [id, kind],
    )


def dimmed(page):
    return set(page.evaluate('[...document.querySelectorAll(".dim")].map(g => g.id)'))


def position(page):
    return int(page.locator(".position").inner_text().split(" / ")[0])


def entries(grid):
    return [entry for row in grid.rows for entry in row]


# Stepping -------------------------------------------------------------------------------------------------


def check_step(page, story, k):
    """After step k the picture shows the values and gradients that there are, and no others."""
    assert position(page) == k
    for tensor in story.graph.tensors:
        known = story.appears.get(tensor.id, 0) <= k
        assert texts(page, tensor.id, "value") == (entries(tensor.value) if known else [])
        complete = tensor.gradient is not None and story.arrives[tensor.id] <= k
        assert texts(page, tensor.id, "gradient") == (entries(tensor.gradient) if complete else [])


def test_forward_and_backward_to_the_end_with_the_right_numbers(xor_page):
    page, model, graph = xor_page
    story = Story(graph)
    for k, scene in enumerate(story.scenes, 1):
        page.get_by_role("button", name="Next", exact=True).click()
        check_step(page, story, k)
        lit = set(page.evaluate('[...document.querySelectorAll(".current[id]")].map(g => g.id)'))
        assert lit == {*scene.nodes, *scene.arrows}
        assert page.locator(".steps li.current math").count() > 0
        assert page.locator(".steps li.current > div").is_visible()
    by_name = {tensor.name: tensor.id for tensor in graph.tensors}
    for name, parameter in model.named_parameters():
        wanted = [brief(entry) for entry in parameter.grad.numpy().ravel().tolist()]
        assert texts(page, by_name[name], "gradient") == wanted
        assert wanted == page.locator(f"#about-{by_name[name]} table.gradient td").all_text_contents()
        last = page.locator(".steps li").nth(story.arrives[by_name[name]] - 1)
        assert last.locator("table.gradient td").all_text_contents() == wanted
    for k in reversed(range(1, len(story.scenes))):
        page.get_by_role("button", name="Back", exact=True).click()
        check_step(page, story, k)


def test_gradients_that_arrive_in_parts_show_when_they_are_whole(browser, tmp_path):
    w = autodiff.tensor(3.0, requires_grad=True)
    loss = w * w * w
    loss.backward()
    drawing = draw(loss, names={"w": w})
    with opened(browser, tmp_path, drawing.html) as page:
        story = Story(drawing.graph)
        for k in range(1, len(story.scenes) + 1):
            page.keyboard.press("ArrowRight")
            check_step(page, story, k)
        assert page.locator(".steps li.current table.gradient td").all_text_contents() == ["27"]


def test_slider_steps_and_headings_lead_to_their_step(xor_page):
    page, _, _ = xor_page
    page.get_by_role("slider").fill("3")
    assert position(page) == 3
    page.locator(".steps button").nth(8).click()
    assert position(page) == 9
    page.get_by_role("button", name="To the end").click()
    assert position(page) == 14
    page.get_by_role("button", name="To the start").click()
    assert position(page) == 0


def test_plays_to_the_end_and_pauses(xor_page):
    page, _, _ = xor_page
    page.clock.install()
    page.get_by_role("button", name="Play").click()
    assert position(page) == 1
    page.clock.run_for(3300)
    assert position(page) == 3
    page.get_by_role("button", name="Pause").click()
    page.clock.run_for(5000)
    assert position(page) == 3
    page.get_by_role("button", name="Play").click()
    page.clock.run_for(60_000)
    assert position(page) == 14
    assert page.get_by_role("button", name="Play").is_visible()


# Pointer --------------------------------------------------------------------------------------------------


def test_hover_shows_value_gradient_and_rule(xor_page):
    page, _, graph = xor_page
    hidden = next(tensor for tensor in graph.tensors if tensor.symbol == "t2")
    card = page.locator(f"#about-{hidden.id}")
    assert not card.is_visible()
    page.hover(f"#{hidden.id}")
    assert card.is_visible()
    assert card.locator("table.value td").all_text_contents() == entries(hidden.value)
    assert card.locator("table.gradient td").all_text_contents() == entries(hidden.gradient)
    assert "t2+=t3@output.weight" in card.locator("math").text_content().replace(" ", "")
    page.mouse.move(2, 790)
    assert not card.is_visible()
    arrow = next(arrow for arrow in graph.arrows if arrow.tail == hidden.id)
    page.hover(f'[id="{arrow.id}"] text')
    card = page.locator(f"#about-{arrow.id}")
    assert card.is_visible() and card.locator("table.gradient td").count() == 16


def test_a_card_keeps_what_is_not_known_yet(xor_page):
    page, _, graph = xor_page
    page.keyboard.press("ArrowRight")
    hidden = next(tensor for tensor in graph.tensors if tensor.symbol == "t2")
    page.hover(f"#{hidden.id}")
    card = page.locator(f"#about-{hidden.id}")
    assert card.is_visible()
    assert not card.locator("table.value").is_visible() and not card.locator("table.gradient").is_visible()


def dependents(graph, id):
    found = {id}
    for op in graph.operations:
        if found & set(op.inputs):
            found |= {op.id, op.output}
    return found | {arrow.id for arrow in graph.arrows if arrow.tail in found and arrow.head in found}


def test_click_pins_and_dims_what_does_not_depend_on_it(xor_page):
    page, _, graph = xor_page
    everything = {node.id for node in graph.nodes()} | {arrow.id for arrow in graph.arrows}
    for name in ("hidden.weight", "output.bias", "loss"):
        id = next(tensor.id for tensor in graph.tensors if tensor.name == name)
        page.click(f"#{id}")
        assert dimmed(page) == everything - dependents(graph, id)
        assert page.locator(f"#{id}").get_attribute("aria-pressed") == "true"
        assert page.locator(f"section.pinned #about-{id}").is_visible()
        page.click(f"#{id}")
        assert dimmed(page) == set()
        assert not page.locator("section.pinned").is_visible()


def test_zoom_and_pan(xor_page):
    page, _, _ = xor_page
    width = "document.querySelector('svg.autodiff').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.get_by_role("button", name="Larger").click()
    assert page.evaluate(width) == pytest.approx(1.25 * before, rel=1e-3)
    page.get_by_role("button", name="Fit").click()
    view = "document.querySelector('.picture')"
    assert page.evaluate(
        f"[{view}.scrollWidth - {view}.clientWidth, {view}.scrollHeight - {view}.clientHeight]"
    ) == [0, 0]
    for _ in range(8):
        page.keyboard.press("+")
    scroll = "[document.querySelector('.picture').scrollLeft, document.querySelector('.picture').scrollTop]"
    left, top = page.evaluate(scroll)
    box = page.locator(".picture").bounding_box()
    x, y = box["x"] + 20, box["y"] + 300
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y - 50, steps=5)
    page.mouse.up()
    assert page.evaluate(scroll) == [left - 30, top + 50]
    assert dimmed(page) == set()  # a drag is no click
    page.keyboard.down("Control")
    size = page.evaluate(width)
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    page.wait_for_function(f"{width} > {size}")


# Keyboard and screen reader -------------------------------------------------------------------------------


def test_keyboard_alone(xor_page):
    page, _, graph = xor_page
    story = Story(graph)
    for k in range(1, len(story.scenes) + 1):
        page.keyboard.press("ArrowRight")
        check_step(page, story, k)
    page.keyboard.press("ArrowRight")
    assert position(page) == len(story.scenes)
    page.keyboard.press("ArrowLeft")
    assert position(page) == len(story.scenes) - 1
    page.keyboard.press("Home")
    assert position(page) == 0
    page.keyboard.press("End")
    assert position(page) == len(story.scenes)

    focused = "document.activeElement.id"
    page.keyboard.press("ArrowDown")  # into the picture
    first = page.evaluate(focused)
    assert first == "n0" and page.locator("#about-n0").is_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) == "n1"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.locator("#n0").get_attribute("aria-pressed") == "true" and dimmed(page)
    page.keyboard.press("Escape")
    assert not dimmed(page)
    page.keyboard.press("Space")
    assert dimmed(page)
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "n0"


def test_every_control_is_reached_by_tab_and_the_picture_is_one_stop(xor_page):
    page, _, _ = xor_page
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(({id, ariaLabel, textContent}) => id || ariaLabel || textContent)(document.activeElement)"
        )
        if name in reached or not name:
            break
        reached.append(name)
    assert reached[:9] == [
        "To the start",
        "Back",
        "Play",
        "Next",
        "To the end",
        "Step",
        "Smaller",
        "Fit",
        "Larger",
    ]
    assert [name for name in reached if name.startswith("n")] == ["n0"]
    assert "Keys" in reached and any("linear" in name for name in reached)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    assert position(page) == 1  # once, not twice
    page.get_by_role("button", name="Next", exact=True).focus()
    page.keyboard.press("Space")
    assert position(page) == 2


def test_a_screen_reader_has_roles_names_and_news(xor_page):
    page, _, graph = xor_page
    tree = page.locator("main").aria_snapshot()
    for words in ('toolbar "Steps"', 'button "Play"', 'slider "Step"', "status", "list"):
        assert words in tree
    for node in graph.nodes():
        label = page.locator(f"#{node.id}").get_attribute("aria-label")
        assert (getattr(node, "symbol", None) or node.name) in label
    assert page.locator(".picture").get_by_role("button").count() == len(graph.nodes())
    status = page.get_by_role("status")
    assert status.inner_text() == ""
    page.keyboard.press("ArrowRight")
    assert status.inner_text().startswith(f"Step 1 of 14, linear → t₁. {graph.operations[0].equation()}.")
    page.keyboard.press("End")
    assert status.inner_text().startswith("Step 14 of 14")
    assert "the gradient is complete" in status.inner_text()
    assert page.get_by_role("slider").get_attribute("aria-valuetext").startswith("14")
    page.click("#n0")
    assert status.inner_text().startswith("Pinned: hidden.weight")


# Where and how it is shown --------------------------------------------------------------------------------


def test_hostile_names_are_verbatim_and_harmless(browser, tmp_path):
    names = {name: autodiff.tensor([1.0, 2.0], requires_grad=True) for name in HOSTILE if name.strip()}
    loss = sum((w * w).sum() for w in names.values())
    loss.backward()
    drawing = draw(loss, names=names, title=HOSTILE[3])
    with opened(browser, tmp_path, drawing.html) as page:
        assert page.title() == HOSTILE[3]
        assert page.evaluate("document.scripts.length") == 1
        assert page.locator("b").count() == 0
        pictures = {code: chr(0x2400 + code) for code in range(0x20) if code != 10} | {0x7F: "␡"}
        heads = page.locator(".card h3").evaluate_all(
            "all => all.map(h => h.firstChild.textContent.trimEnd())"
        )
        for name in names:
            assert name.translate(pictures) in heads
        for _ in range(len(Story(drawing.graph).scenes)):
            page.keyboard.press("ArrowRight")


def test_the_policy_is_in_force(browser, tmp_path):
    _, loss, names = xor(backward=True)
    with opened(browser, tmp_path, draw(loss, names=names).html, quiet=False) as page:
        page.evaluate(
            """() => {
              for (const [name, text] of [["script", "window.taken = 1"], ["style", "body { opacity: 0 }"]]) {
                const element = document.createElement(name);
                element.textContent = text;
                document.body.append(element);
              }
              new Image().src = "http://localhost:9/x.png";
            }"""
        )
        assert page.evaluate("window.taken") is None
        assert page.evaluate("getComputedStyle(document.body).opacity") == "1"
    assert sum("Content Security Policy" in text for text in page.complaints) >= 3


@pytest.mark.parametrize(
    "theme, scheme, dark", [("light", "light", 0), ("light", "dark", 1), ("dark", "light", 1)]
)
def test_light_and_dark(browser, tmp_path, theme, scheme, dark):
    _, loss, names = xor(backward=True)
    with opened(browser, tmp_path, draw(loss, names=names, theme=theme).html, color_scheme=scheme) as page:
        colours = page.evaluate(
            """[getComputedStyle(document.body).backgroundColor,
                getComputedStyle(document.querySelector("svg.autodiff polygon")).fill]"""
        )
        assert colours == ["rgb(22, 24, 29)" if dark else "rgb(255, 255, 255)"] * 2


def test_without_a_program_every_step_is_there_to_read(browser, tmp_path):
    _, loss, names = xor(backward=True)
    with opened(browser, tmp_path, draw(loss, names=names).html, java_script_enabled=False) as page:
        assert page.locator(".steps li > div").first.is_visible()
        assert page.locator(".steps li > div").last.is_visible()
        assert page.locator("#n0 text.gradient").first.is_visible()


def test_in_a_notebook(browser, tmp_path):
    model, loss, names = xor(backward=True)
    drawing = draw(loss, names=names)
    html = f"<!DOCTYPE html><meta charset='utf-8'><p>cell</p>{drawing.interactive()._repr_html_()}"
    with opened(browser, tmp_path, html) as page:
        frame = page.frame_locator("iframe")
        for _ in range(14):
            frame.get_by_role("button", name="Next", exact=True).click()
        assert frame.locator(".position").inner_text() == "14 / 14"
        wanted = [brief(entry) for entry in model.hidden.bias.grad.numpy().tolist()]
        assert frame.locator(".steps li.current table.gradient td").all_text_contents() == wanted


def test_a_folded_graph(browser, tmp_path):
    x = autodiff.tensor(0.5, requires_grad=True)
    y = x
    for _ in range(200):
        y = (y * y + x).tanh()
    drawing = draw(y, names={"x": x})
    assert drawing.graph.folds
    with opened(browser, tmp_path, drawing.html) as page:
        story = Story(drawing.graph)
        for k in range(1, len(story.scenes) + 1):
            page.keyboard.press("ArrowRight")
            check_step(page, story, k)


# The report of a training ---------------------------------------------------------------------------------


@pytest.fixture
def report(browser, tmp_path):
    """The report of a model that answers "class 1" right of a line that moves to the right, step by step."""
    model = nn.Linear(2, 1)
    x = autodiff.tensor([[-1.0, -1.0], [1.0, 1.0], [0.5, -0.5]])
    y = autodiff.tensor([[0.0], [1.0], [1.0]])
    watch = nn.watch(model, 1, data=(x, y))
    loss_fn = nn.BCEWithLogitsLoss()
    for step in range(6):
        with autodiff.no_grad():
            model.weight.copy_(autodiff.tensor([[50.0, 0.0]]))
            model.bias.fill_(-50.0 * (-1 + 0.4 * step))
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        watch.step(loss)
    watch.stop()
    with opened(browser, tmp_path, watch.html) as page:
        yield page, watch


def painted(page):
    """Of the middle row of the plane: how many points are more red than blue, from the right."""
    row = page.evaluate(
        """() => {
          const canvas = document.querySelector("canvas"), copy = new OffscreenCanvas(canvas.width, 1);
          const context = copy.getContext("2d", {willReadFrequently: true});
          context.drawImage(canvas, 0, -20);
          return [...context.getImageData(0, 0, canvas.width, 1).data];
        }"""
    )
    return sum(row[4 * i] > row[4 * i + 2] for i in range(len(row) // 4))


def test_slider_of_a_report_moves_plane_and_curves(report):
    page, watch = report
    steps = [step for step, _ in watch.boundary.frames]
    slider = page.get_by_role("slider", name="Time")
    red, places = [], []
    for k, step in enumerate(steps):
        slider.fill(str(k))
        assert page.locator(".time [role=status]").inner_text().startswith(f"step {step}")
        red.append(painted(page))
        places.append(float(page.locator(".chart .cursor").first.get_attribute("x1")))
        across = watch.boundary.plane()[:40, 0]
        assert red[-1] == (across > -1 + 0.4 * (step - 1)).sum()
    assert places == sorted(places) and red == sorted(red, reverse=True)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(".time [role=status]").inner_text().startswith(f"step {steps[-2]}")
    assert page.locator(".axes svg path").count() == 3


def test_keys_of_a_report_step_only_within_the_picture(report):
    page, _ = report
    page.keyboard.press("ArrowRight")
    assert position(page) == 0
    page.locator(".stepper button.next").focus()
    page.keyboard.press("ArrowRight")
    assert position(page) == 1


def test_curves_of_a_report_have_words(report):
    page, _ = report
    labels = page.locator("svg.chart").evaluate_all("all => all.map(svg => svg.ariaLabel)")
    assert labels[0].startswith("Loss. loss: ")
    assert any(label.startswith("Gradient norm of each layer. model") for label in labels)
