"use strict";
// Shows and hides what the page already says; writes no markup. One `Stepper` for each `.stepper`.

class Stepper {
  constructor(root) {
    this.root = root;
    this.view = root.querySelector(".picture");
    this.svg = root.querySelector("svg.autodiff");
    this.shapes = new Map([...this.svg.querySelectorAll(".node, .edge")].map(g => [g.id, g]));
    this.nodes = [...this.shapes.values()].filter(g => g.classList.contains("node"))
      .sort((a, b) => place(a) - place(b));
    this.steps = [...root.querySelectorAll(".steps > li")];
    this.slider = root.querySelector(".controls input");
    this.at = 0;  // 0: the whole picture; k: after step k
    this.scale = 1;
    this.timer = null;
    this.pinned = null;
    root.classList.add("alive");  // without a program all steps are open
    this.listen();
    this.focusable(this.nodes[0]);
    this.fit(0.75);  // to be read without zooming
    this.go(0, false);
  }

  // Steps ------------------------------------------------------------------------------------------------

  go(k, aloud = true) {
    this.at = Math.max(0, Math.min(k, this.steps.length));
    for (const [id, g] of this.shapes) {
      for (const part of [g, this.card(id)]) {
        part?.classList.toggle("pending", this.at > 0 && (g.dataset.from ?? 0) > this.at);
        part?.classList.toggle("unknown", this.at > 0 && (g.dataset.gradient ?? 0) > this.at);
      }
      g.classList.remove("current", "forward", "backward");
    }
    this.steps.forEach((li, i) => {
      li.classList.toggle("current", i + 1 === this.at);
      li.classList.toggle("done", i + 1 < this.at);
      const button = li.querySelector("button");
      button.tabIndex = i + 1 === Math.max(1, this.at) ? 0 : -1;
      button.setAttribute("aria-current", i + 1 === this.at ? "step" : "false");
    });
    const li = this.steps[this.at - 1];
    if (li) {
      const parts = (li.dataset.nodes + " " + li.dataset.arrows).split(" ").map(id => this.shapes.get(id));
      for (const g of parts) g?.classList.add("current", li.className.includes("forward") ? "forward" : "backward");
      scrollWithin(li.parentElement, li);
      scrollWithin(this.view, ...parts.filter(g => g?.classList.contains("node")));
    }
    const said = li ? li.dataset.said : this.root.querySelector(".overview").textContent;
    this.slider.value = this.at;
    this.slider.setAttribute("aria-valuetext", li ? li.querySelector("button").textContent : "The whole picture");
    this.root.querySelector(".position").textContent = `${this.at} / ${this.steps.length}`;
    this.root.classList.toggle("overviewing", this.at === 0);
    if (aloud) this.say(said);
    if (this.at === this.steps.length) this.pause();
  }

  play() {
    if (this.timer !== null) return this.pause();
    this.go(this.at === this.steps.length ? 1 : this.at + 1);
    if (this.at === this.steps.length) return;
    this.timer = setInterval(() => this.go(this.at + 1), 1600);
    this.playing();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.playing();
  }

  playing() {
    const button = this.root.querySelector("button.play"), on = this.timer !== null;
    for (const text of ["textContent", "ariaLabel"]) button[text] = on ? "Pause" : "Play";
  }

  say(text) {
    this.root.querySelector(".said").textContent = text;
  }

  // Cards ------------------------------------------------------------------------------------------------

  card(id) {
    return document.getElementById("about-" + id);
  }

  show(g) {
    const card = g && this.card(g.id);
    if (this.shown && this.shown !== card) this.hide();
    if (!card || g === this.pinned) return;
    card.hidden = false;
    [this.shown, this.about] = [card, g];
    const box = g.getBoundingClientRect(), width = document.documentElement.clientWidth;
    const height = document.documentElement.clientHeight;
    const right = box.right + 8 + card.offsetWidth <= width;
    const left = right ? box.right + 8 : Math.max(8, box.left - 8 - card.offsetWidth);
    card.style.left = Math.min(left, Math.max(8, width - card.offsetWidth - 8)) + "px";
    card.style.top = Math.max(8, Math.min(box.top, height - card.offsetHeight - 8)) + "px";
  }

  hide() {
    if (this.shown) this.shown.hidden = true;
    this.shown = null;
  }

  pin(g) {
    const section = this.root.querySelector("section.pinned"), old = this.pinned;
    this.hide();
    if (old) {
      old.setAttribute("aria-pressed", "false");
      old.classList.remove("pinned");
      const card = this.card(old.id);
      card.hidden = true;
      this.root.querySelector(".cards").append(card);
    }
    this.pinned = g && g !== old ? g : null;
    section.hidden = !this.pinned;
    const lit = this.pinned ? this.dependents(g.id) : null;
    for (const [id, shape] of this.shapes) shape.classList.toggle("dim", lit !== null && !lit.has(id));
    if (!this.pinned) {
      if (old) this.say("Nothing is pinned.");
      return;
    }
    g.setAttribute("aria-pressed", "true");
    g.classList.add("pinned");
    const card = this.card(g.id);
    card.removeAttribute("style");
    card.hidden = false;
    section.append(card);
    const count = this.nodes.filter(node => lit.has(node.id)).length - 1;
    this.say(`Pinned: ${g.getAttribute("aria-label")}. ${count} of the other ${this.nodes.length - 1} nodes depend on it.`);
  }

  dependents(id) {  // the node, all that is computed of it, and the arrows on the way
    const from = new Map(), lit = new Set([id]), todo = [id];
    for (const name of this.shapes.keys()) {
      const [tail, head] = name.split("-");
      if (head) from.set(tail, [...(from.get(tail) ?? []), [name, head]]);
    }
    while (todo.length) {
      for (const [arrow, head] of from.get(todo.pop()) ?? []) {
        lit.add(arrow);
        if (!lit.has(head)) todo.push(head);
        lit.add(head);
      }
    }
    return lit;
  }

  // Nodes by keyboard ------------------------------------------------------------------------------------

  focusable(g) {  // the picture is one stop of the Tab key: one of its nodes
    for (const node of this.nodes) node.tabIndex = node === g ? 0 : -1;
  }

  toNode(by) {
    const here = this.nodes.indexOf(document.activeElement);
    const g = here < 0 ? this.nodes.find(node => node.tabIndex === 0) : this.nodes[here + by];
    if (g) g.focus({preventScroll: true});
  }

  // Zoom and pan -----------------------------------------------------------------------------------------

  natural() {
    return this.svg.viewBox.baseVal;
  }

  fit(least = 0.1) {
    const {width, height} = this.natural();
    const room = Math.min(this.view.clientWidth / width, this.view.clientHeight / height);
    this.zoom(Math.max(least, Math.min(1.25, room)));
  }

  zoom(scale, x = this.view.clientWidth / 2, y = this.view.clientHeight / 2) {
    const before = this.scale;
    this.scale = Math.max(0.1, Math.min(6, scale));
    const by = this.scale / before, {scrollLeft, scrollTop} = this.view;
    this.svg.style.width = this.natural().width * this.scale + "px";
    this.svg.style.height = this.natural().height * this.scale + "px";
    this.view.scrollTo((scrollLeft + x) * by - x, (scrollTop + y) * by - y);
    this.hide();
  }

  // Events -----------------------------------------------------------------------------------------------

  listen() {
    const {root, view} = this;
    const on = (name, act) => root.querySelector(".controls ." + name).addEventListener("click", act);
    on("start", () => this.go(0));
    on("back", () => this.go(this.at - 1));
    on("play", () => this.play());
    on("next", () => this.go(this.at + 1));
    on("end", () => this.go(this.steps.length));
    on("smaller", () => this.zoom(this.scale / 1.25));
    on("larger", () => this.zoom(this.scale * 1.25));
    on("fit", () => this.fit());
    this.slider.addEventListener("input", () => this.go(Number(this.slider.value)));
    this.steps.forEach((li, i) => li.querySelector("button").addEventListener("click", () => this.go(i + 1)));

    const part = event => event.target.closest?.(".node, .edge");
    view.addEventListener("pointerover", event => this.show(part(event)));
    view.addEventListener("pointerleave", () => this.hide());
    view.addEventListener("scroll", () => this.shown && this.show(this.about));  // it stays beside its node
    view.addEventListener("focusin", event => {
      const g = event.target.closest(".node");
      if (!g) return;
      this.focusable(g);
      scrollWithin(view, g);
      this.show(g);
    });
    view.addEventListener("focusout", () => this.hide());
    this.drag();
    view.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = view.getBoundingClientRect();
      this.zoom(this.scale * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
    }, {passive: false});
    (root.dataset.keys === "page" ? document : root).addEventListener("keydown", event => this.key(event));
  }

  drag() {  // moves the picture; a press without a move pins
    const view = this.view;
    let start = null, moved = false;
    view.addEventListener("pointerdown", event => {
      moved = false;
      start = event.button === 0 && event.pointerType === "mouse"
        ? {x: event.clientX, y: event.clientY, left: view.scrollLeft, top: view.scrollTop} : null;
    });
    view.addEventListener("pointermove", event => {
      if (!start) return;
      const dx = event.clientX - start.x, dy = event.clientY - start.y;
      if (!moved && Math.hypot(dx, dy) < 5) return;
      if (!moved) view.setPointerCapture(event.pointerId);
      moved = true;
      view.scrollTo(start.left - dx, start.top - dy);
    });
    for (const name of ["pointerup", "pointercancel"]) view.addEventListener(name, () => { start = null; });
    view.addEventListener("click", event => {
      const g = event.target.closest(".node");
      if (!moved && g) this.pin(g);
    });
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target, node = target.closest?.(".node");
    const press = target.closest?.("button, summary");
    if (event.shiftKey && event.key.startsWith("Arrow")) {
      const [x, y] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
      this.view.scrollBy(60 * x, 60 * y);
      return event.preventDefault();
    }
    const acts = {
      ArrowRight: () => this.go(this.at + 1),
      ArrowLeft: () => this.go(this.at - 1),
      ArrowDown: () => this.toNode(1),
      ArrowUp: () => this.toNode(-1),
      Home: () => this.go(0),
      End: () => this.go(this.steps.length),
      Escape: () => { this.hide(); this.pin(null); },
      "+": () => this.zoom(this.scale * 1.25),
      "=": () => this.zoom(this.scale * 1.25),
      "-": () => this.zoom(this.scale / 1.25),
      "0": () => this.fit(),
    };
    if (!press) acts[" "] = node ? () => this.pin(node) : () => this.play();
    if (node) acts.Enter = () => this.pin(node);
    if (target === this.slider && event.key !== "Escape") return;  // it steps by itself
    const act = acts[event.key];
    if (!act) return;
    act();
    event.preventDefault();
  }
}

function place(g) {  // in the order of the computation
  return Number(g.id.slice(1));
}

function scrollWithin(box, ...parts) {  // as little as needed; the page around the box does not move
  const outer = box.getBoundingClientRect(), inner = parts.map(part => part.getBoundingClientRect());
  const by = (from, to) => {
    const before = Math.min(...inner.map(r => r[from])) - outer[from] - 12;
    const after = Math.max(...inner.map(r => r[to])) - outer[to] + 12;
    return before < 0 ? before : after > 0 ? Math.min(after, before) : 0;
  };
  if (parts.length) box.scrollBy(by("left", "right"), by("top", "bottom"));
}

for (const root of document.querySelectorAll(".stepper")) root.stepper = new Stepper(root);
