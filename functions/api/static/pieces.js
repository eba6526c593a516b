// Parts that several views share: pictures, the control strip, notices, empty and failed states.

import { h, s, uid } from "./dom.js";
import { ENDED, moving, STAGES, stageWord } from "./words.js";

// ── pictures ─────────────────────────────────────────────────────────────────

const links = new Map(); // image by content and kind -> {url, at}: a new signature is no reason to load a picture again
const FRESH_MS = 8 * 60_000;

function steady(name, url) {
  const held = links.get(name);
  if (held && Date.now() - held.at < FRESH_MS) return held.url;
  links.set(name, { url, at: Date.now() });
  return url;
}

/** The address of a stored image; the same one for as long as it works. */
export const link = (image) => steady(`full ${image.sha256}`, image.url);
const thumbLink = (image) => (image.thumb_url ? steady(`thumb ${image.sha256}`, image.thumb_url) : link(image));

/**
 * A picture that keeps its place while it loads, and says so when it cannot be had.
 * `image`: key, sha256, width, height, url, perhaps thumb_url.
 */
export function picture(image, alt, { full = false, eager = false } = {}) {
  const img = h("img", {
    src: full ? link(image) : thumbLink(image), alt, width: image.width, height: image.height, draggable: "false",
    loading: eager ? null : "lazy", decoding: "async",
  });
  img.addEventListener("error", () => img.replaceWith(h("span", { class: "gone" }, mark(), "This picture cannot be loaded.")), { once: true });
  return img;
}

/** The registration mark; it turns where something is being made. */
export const mark = (turning = false) =>
  s("svg", { class: turning ? "mark turning" : "mark", viewBox: "0 0 24 24", "aria-hidden": "true" },
    s("circle", { cx: 12, cy: 12, r: 6.5 }), s("path", { d: "M12 1v22M1 12h22" }));

/** Corner crop marks around a sheet; decoration only. */
export const crops = () => ["nw", "ne", "sw", "se"].map((corner) => h("i", { class: `crop ${corner}`, "aria-hidden": "true" }));

const ICONS = {
  sun: "M12 3v2m0 14v2M3 12h2m14 0h2M5.6 5.6l1.5 1.5m9.8 9.8 1.5 1.5m0-12.8-1.5 1.5M7.1 16.9l-1.5 1.5M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z",
  dice: "M4 4h16v16H4zM8.6 8.6h.8v.8h-.8zM14.6 8.6h.8v.8h-.8zM8.6 14.6h.8v.8h-.8zM14.6 14.6h.8v.8h-.8zM11.6 11.6h.8v.8h-.8z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  board: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  plus: "M12 5v14M5 12h14",
  compare: "M4 5h7v14H4zM13 5h7v14h-7zM12 2v20",
  chart: "M4 19h16M6 16v-4M11 16V6M16 16v-7",
  stack: "M12 4l8 4-8 4-8-4zM4 12l8 4 8-4M4 16l8 4 8-4",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  down: "M12 4v11m-4-4 4 4 4-4M5 20h14",
  again: "M19 12a7 7 0 1 1-2-5l2 2m0-5v5h-5",
  link: "M10 14l4-4M9 7l2-2a4 4 0 0 1 6 6l-2 2M15 17l-2 2a4 4 0 0 1-6-6l2-2",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM5 20a7 7 0 0 1 14 0",
};

export const icon = (name) =>
  s("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, s("path", { d: ICONS[name] }));

// ── the job at a glance ──────────────────────────────────────────────────────

const PATCHES = ["draft", "choice", "final", "check"];

/** The control strip: four patches of process colour, one a step, and the stage in words. */
export function strip(stage, { words = true } = {}) {
  const [, reached] = STAGES[stage] ?? ["", 0];
  const bad = ENDED.has(stage) && stage !== "done";
  return h("span", { class: `strip ${bad ? "bad" : ""} ${moving(stage) ? "moving" : ""}` },
    h("span", { class: "patches", "aria-hidden": "true" },
      PATCHES.map((name, at) => h("i", { class: `${name} ${at < reached ? "full" : at === reached && !bad ? "now" : ""}` }))),
    words && h("span", { class: "word" }, stageWord(stage)));
}

export const chip = (text, kind = "", props = {}) => h("span", { class: `chip ${kind}`, ...props }, text);

/** Says that no generative model painted this. */
export const simulated = () =>
  h("span", { class: "chip simulated", title: "Painted by the simulator of the local stack, not by a generative model" }, "Simulated");

// ── notices ──────────────────────────────────────────────────────────────────

/** Say something in passing, at the foot of the page. */
export function say(text, kind = "") {
  const place = document.getElementById("notice");
  const line = h("p", { class: kind }, text);
  place.append(line);
  setTimeout(() => line.remove(), kind === "bad" ? 9000 : 4500);
}

/** Run what a button asks for: it cannot be pressed twice, and a refusal is said. */
export async function press(button, action) {
  if (button.getAttribute("aria-busy")) return undefined;
  button.setAttribute("aria-busy", "true");
  try {
    return await action();
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, "bad");
    return undefined;
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** A button that copies what `text()` answers. */
export function copier(text, label = "Copy") {
  const word = h("span", {}, label);
  return h("button", {
    type: "button", class: "quiet small",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text());
        word.textContent = "Copied";
      } catch {
        word.textContent = "Select it and copy";
      }
      setTimeout(() => { word.textContent = label; }, 1800);
    },
  }, icon("copy"), word);
}

// ── states of a whole view ───────────────────────────────────────────────────

/** Nothing here yet: what it is for and what to do next. */
export const empty = (title, text, ...actions) =>
  h("section", { class: "blank" }, h("div", { class: "sheet" }, crops(), mark(), h("h2", {}, title), h("p", {}, text), h("p", { class: "row" }, actions)));

/** It could not be had: why, and a way on. */
export const failed = (error, again) =>
  h("section", { class: "blank", role: "alert" },
    h("div", { class: "sheet" }, crops(), mark(),
      h(document.querySelector("main h1") ? "h2" : "h1", {}, error.status === 404 ? "Not here" : error.status === 403 ? "Not with this key" : error.status ? "The API refused" : "Nobody answers"),
      h("p", {}, error.message),
      h("p", { class: "row" }, again && h("button", { type: "button", onclick: again }, "Try again"), h("a", { class: "button quiet", href: "#/" }, "To the board"))));

export const waiting = (text = "One moment") => h("p", { class: "waiting", role: "status" }, mark(true), text);

/** A field with its label, and a place for what is wrong with it. */
export function field(label, control, { hint = "", name = "" } = {}) {
  const id = control.id || (control.id = uid("f"));
  const notes = [];
  const wrong = h("p", { class: "wrong", id: `${id}-wrong` });
  if (hint) notes.push(`${id}-hint`);
  control.setAttribute("aria-describedby", [...notes, wrong.id].join(" "));
  const place = h("div", { class: "field", data: { param: name } },
    h("label", { for: id }, label), control, hint && h("p", { class: "hint", id: `${id}-hint` }, hint), wrong);
  place.complain = (text) => {
    wrong.textContent = text ?? "";
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return place;
}

export const select = (options, value, props = {}) =>
  h("select", props, options.map((option) => {
    const [key, text] = Array.isArray(option) ? option : [option, option];
    return h("option", { value: key, selected: String(key) === String(value ?? "") }, text);
  }));
