// <pc-proof>: two pictures under one loupe. Wipe from one to the other, lay them side by side or take the difference;
// zoom and pan move both in step. What was verified can be drawn on them.

import { h, uid } from "./dom.js";
import { picture } from "./pieces.js";

const MODES = [["wipe", "Wipe"], ["side", "Side by side"], ["difference", "Difference"]];
const MOST = 12;
const START = 28; // percent: the right picture is the one to judge, the left one is pulled over it
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

class Proof extends HTMLElement {
  #at = { scale: 1, x: 0, y: 0 };
  #pointers = new Map();

  /**
   * Show `left` and `right`: {render, name}; `left` may be null. `marks(render)` answers boxes to draw:
   * [{box, kind, text}]. The view stays where it is when pictures change.
   */
  show({ left, right, marks = () => [] }) {
    this.#build();
    this.pair = { left, right };
    this.marks = marks;
    const both = Boolean(left && right && left.render !== right.render);
    this.modes.hidden = !both;
    const mode = both ? this.mode ?? "wipe" : "single";
    this.panes.dataset.mode = mode;
    for (const each of this.modes.children) each.setAttribute("aria-pressed", String(each.dataset.mode === mode));
    const { width, height } = (right ?? left).render.image;
    this.style.setProperty("--tall", String(height / width));
    this.wipe.hidden = mode !== "wipe";
    this.blade.hidden = mode !== "wipe";
    const shown = both ? [["left", left], ["right", right]] : [["right", right ?? left]];
    this.panes.replaceChildren(...shown.map(([side, each]) => this.#pane(side, each)), this.blade, this.wipe);
    this.#turn();
  }

  set overlay(on) {
    this.toggleAttribute("overlay", on);
  }

  #build() {
    if (this.panes) return;
    const id = uid("wipe");
    this.wipe = h("input", { type: "range", class: "wipe", id, min: 0, max: 100, step: 0.5, value: START, "aria-label": "Wipe between the two pictures", oninput: () => this.#cut() });
    this.blade = h("i", { class: "blade", "aria-hidden": "true" });
    this.panes = h("div", { class: "panes", tabindex: "0", role: "group", "aria-label": "Proof. Plus and minus zoom, arrows move, zero fits." });
    this.scale = h("output", { class: "scale" }, "1.0 ×");
    this.modes = h("div", { class: "segments", role: "group", "aria-label": "How to compare" }, MODES.map(([mode, text]) =>
      h("button", { type: "button", data: { mode }, onclick: () => { this.mode = mode; this.show({ ...this.pair, marks: this.marks }); } }, text)));
    const tool = (label, sign, action) => h("button", { type: "button", class: "quiet small tool", "aria-label": label, title: label, onclick: action }, sign);
    this.bar = h("div", { class: "viewbar" }, this.modes, h("div", { class: "row zoom" },
      tool("Zoom out", "−", () => this.#zoom(1 / 1.5)), this.scale, tool("Zoom in", "+", () => this.#zoom(1.5)), tool("Fit to frame", "Fit", () => this.#fit())));
    this.append(this.bar, this.panes);
    this.panes.addEventListener("keydown", (event) => this.#key(event));
    this.panes.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.panes.addEventListener("pointerdown", (event) => this.#down(event));
    this.panes.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) this.panes.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    this.panes.addEventListener("dblclick", (event) => (this.#at.scale > 1 ? this.#fit() : this.#zoom(4, event)));
    this.#cut();
  }

  #pane(side, { render, name }) {
    const { width, height } = render.image;
    return h("figure", { class: `pane ${side}` },
      h("div", { class: "plate", style: { "--w": width, "--h": height } },
        picture(render.image, `${name}: ${render.recipe.prompt.slice(0, 120)}`, { full: true, eager: true }),
        this.marks(render).map(({ box: [x, y, w, hgt], kind, text }) =>
          h("span", { class: `seen ${kind}`, style: { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${hgt * 100}%` } }, text && h("b", { "aria-hidden": "true" }, text)))),
      h("figcaption", {}, name));
  }

  // ── one place for both ───────────────────────────────────────────────────

  #turn() {
    const at = this.#at;
    const room = (at.scale - 1) / 2;
    at.x = clamp(at.x, -room, room);
    at.y = clamp(at.y, -room, room);
    for (const [name, value] of [["--s", at.scale], ["--x", at.x], ["--y", at.y]]) this.style.setProperty(name, value);
    this.scale.textContent = `${at.scale.toFixed(1)} ×`;
    this.panes.classList.toggle("close", at.scale > 1);
  }

  #fit() {
    this.#at = { scale: 1, x: 0, y: 0 };
    this.#turn();
  }

  /** Closer by a factor, around a pointer or the middle. */
  #zoom(by, event) {
    const at = this.#at;
    const next = clamp(at.scale * by, 1, MOST);
    const pane = event?.target.closest?.(".pane")?.getBoundingClientRect();
    const [px, py] = pane ? [(event.clientX - pane.left) / pane.width - 0.5, (event.clientY - pane.top) / pane.height - 0.5] : [0, 0];
    const ratio = next / at.scale;
    this.#at = { scale: next, x: px - (px - at.x) * ratio, y: py - (py - at.y) * ratio };
    this.#turn();
  }

  #wheel(event) {
    if (!(event.ctrlKey || event.metaKey) && this.#at.scale === 1) return; // the page scrolls on
    event.preventDefault();
    this.#zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 120 : 400)), event);
  }

  #down(event) {
    if (event.target === this.wipe || event.button > 0) return;
    this.#pointers.set(event.pointerId, event);
    if (this.#at.scale > 1 || this.#pointers.size > 1) this.panes.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const pane = this.panes.querySelector(".pane").getBoundingClientRect();
    if (this.#pointers.size === 2) {
      const other = [...this.#pointers.values()].find((each) => each.pointerId !== event.pointerId);
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      this.#zoom(apart(event) / Math.max(apart(before), 1), event);
    } else if (this.#at.scale > 1) {
      this.#at.x += (event.clientX - before.clientX) / pane.width;
      this.#at.y += (event.clientY - before.clientY) / pane.height;
      this.#turn();
    }
    this.#pointers.set(event.pointerId, event);
  }

  #key(event) {
    if (event.target !== this.panes || event.ctrlKey || event.metaKey) return;
    const way = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (event.key === "+" || event.key === "=") this.#zoom(1.5);
    else if (event.key === "-") this.#zoom(1 / 1.5);
    else if (event.key === "0") this.#fit();
    else if (way && this.#at.scale > 1) {
      this.#at.x += way[0] * 0.08;
      this.#at.y += way[1] * 0.08;
      this.#turn();
    } else return;
    event.preventDefault();
  }

  #cut() {
    this.style.setProperty("--cut", this.wipe.value / 100);
  }
}

customElements.define("pc-proof", Proof);
