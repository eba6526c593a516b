// <pc-box>: where the text belongs, drawn on a frame of the picture's shape. Mouse, finger, or keys.

import { h } from "./dom.js";
import { icon } from "./pieces.js";

const STEP = 0.01, LEAST = 0.03;
const SIDES = ["x", "y", "width", "height"];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const round = (value) => Math.round(value * 1000) / 1000;

class TextBox extends HTMLElement {
  #box = null; // [x, y, w, h] in fractions
  #words = "";

  connectedCallback() {
    if (this.frame) return;
    this.area = h("div", {
      class: "area", tabindex: "0", role: "group", "aria-roledescription": "text box",
      onkeydown: (event) => this.#key(event),
    }, h("span", { class: "words" }), ["nw", "ne", "sw", "se"].map((corner) => h("i", { class: `grip ${corner}`, data: { corner } })));
    this.frame = h("div", { class: "frame" }, h("p", { class: "invite" }, "Draw where the text belongs"), this.area);
    this.frame.addEventListener("pointerdown", (event) => this.#grab(event));
    this.numbers = SIDES.map((side, at) => {
      const control = h("input", { type: "number", min: 0, max: 100, step: 1, "aria-label": `${side} in percent`, onchange: () => this.#typed(at, control) });
      return h("label", { class: "mini" }, ["X", "Y", "W", "H"][at], control);
    });
    this.clear = h("button", { type: "button", class: "quiet small", onclick: () => { this.box = null; this.#tell(); this.frame.focus?.(); } }, icon("cross"), "No box");
    this.start = h("button", { type: "button", class: "quiet small", onclick: () => { this.box = [0.1, 0.08, 0.8, 0.28]; this.#tell(); this.area.focus(); } }, "Place a box");
    this.append(this.frame, h("div", { class: "row numbers" }, this.numbers, this.clear, this.start));
    this.#draw();
  }

  get box() { return this.#box; }
  set box(value) {
    this.#box = value && value.map(round);
    this.#draw();
  }

  /** `1024x1024`: the frame takes its shape. */
  set size(value) {
    const [width, height] = value.split("x").map(Number);
    this.style.setProperty("--ratio", `${width} / ${height}`);
    this.style.setProperty("--tall", String(width / height));
    this.dataset.size = value;
  }

  /** What is written into the box, to see whether it fits. */
  set words(value) {
    this.#words = value;
    this.#draw();
  }

  #draw() {
    if (!this.frame) return;
    const box = this.#box;
    this.area.hidden = this.clear.hidden = !box;
    this.start.hidden = Boolean(box);
    this.frame.classList.toggle("empty", !box);
    this.numbers.forEach((label, at) => {
      const control = label.querySelector("input");
      control.disabled = !box;
      if (document.activeElement !== control || !box) control.value = box ? Math.round(box[at] * 100) : "";
    });
    if (!box) return;
    const [x, y, w, hgt] = box;
    for (const [name, value] of [["left", x], ["top", y], ["width", w], ["height", hgt]]) this.area.style[name] = `${value * 100}%`;
    this.area.setAttribute("aria-label", `Text box, ${percent(w)} wide and ${percent(hgt)} high, ${percent(x)} from the left, ${percent(y)} from the top. Arrows move it, with shift they size it, delete removes it.`);
    const words = this.area.querySelector(".words");
    words.textContent = this.#words;
    const longest = Math.max(1, ...this.#words.split("\n").map((line) => line.length));
    const lines = Math.max(1, this.#words.split("\n").length);
    const { width, height } = this.frame.getBoundingClientRect();
    words.style.fontSize = `${Math.max(8, Math.min((w * width * 0.94) / (longest * 0.66), (hgt * height * 0.86) / (lines * 1.12)))}px`;
  }

  #tell() {
    this.dispatchEvent(new Event("change", { bubbles: true }));
  }

  #grab(event) {
    if (event.button > 0) return;
    event.preventDefault();
    const at = this.#point(event);
    const corner = event.target.dataset?.corner;
    const inside = event.target === this.area || event.target.classList.contains("words");
    const old = this.#box;
    const move = (next) => {
      const [px, py] = this.#point(next);
      if (inside) this.box = [clamp(old[0] + px - at[0], 0, 1 - old[2]), clamp(old[1] + py - at[1], 0, 1 - old[3]), old[2], old[3]];
      else {
        const [fx, fy] = corner ? [old[0] + (corner.includes("w") ? old[2] : 0), old[1] + (corner.includes("n") ? old[3] : 0)] : at;
        this.box = [Math.min(fx, px), Math.min(fy, py), Math.abs(px - fx), Math.abs(py - fy)];
      }
    };
    const drop = () => {
      this.frame.removeEventListener("pointermove", move);
      if (this.#box && (this.#box[2] < LEAST || this.#box[3] < LEAST)) this.box = old;
      this.#tell();
      if (this.#box) this.area.focus({ preventScroll: true });
    };
    this.frame.setPointerCapture(event.pointerId);
    this.frame.addEventListener("pointermove", move);
    this.frame.addEventListener("lostpointercapture", drop, { once: true });
  }

  #point(event) {
    const frame = this.frame.getBoundingClientRect();
    return [clamp((event.clientX - frame.left) / frame.width, 0, 1), clamp((event.clientY - frame.top) / frame.height, 0, 1)];
  }

  #key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Delete" || event.key === "Backspace") {
      this.box = null;
      this.start.focus();
    } else if (way) {
      const [x, y, w, hgt] = this.#box;
      const by = STEP * (event.altKey ? 5 : 1);
      this.box = event.shiftKey
        ? [x, y, clamp(w + way[0] * by, LEAST, 1 - x), clamp(hgt + way[1] * by, LEAST, 1 - y)]
        : [clamp(x + way[0] * by, 0, 1 - w), clamp(y + way[1] * by, 0, 1 - hgt), w, hgt];
    } else return;
    event.preventDefault();
    this.#tell();
  }

  #typed(at, control) {
    const next = [...this.#box];
    next[at] = clamp(Number(control.value) / 100 || 0, at > 1 ? LEAST : 0, 1);
    next[0] = Math.min(next[0], 1 - LEAST);
    next[1] = Math.min(next[1], 1 - LEAST);
    next[2] = Math.min(next[2], 1 - next[0]);
    next[3] = Math.min(next[3], 1 - next[1]);
    this.box = next;
    this.#tell();
  }
}

const percent = (value) => `${Math.round(value * 100)} percent`;

customElements.define("pc-box", TextBox);
