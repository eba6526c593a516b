// Making and changing elements. Text is only ever set as text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("a", {class: "x", href: "#/"}, "text", [more, null]). Functions become listeners: {onclick: …}. */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

/** The same for SVG. */
export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) set(element, name, value);
  element.append(...flat(children));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

const flat = (children) => children.flat(9).filter((each) => each !== null && each !== undefined && each !== false);

/**
 * Fill a place anew, only when `state` says something else than the last time; where the focus was, it is again:
 * at the element with the same id or data-focus.
 */
export function refill(place, state, make) {
  const now = JSON.stringify(state);
  if (place.dataset.state === now) return false;
  const held = place.contains(document.activeElement) ? document.activeElement : null;
  const name = held && (held.id ? `#${CSS.escape(held.id)}` : held.dataset.focus && `[data-focus="${CSS.escape(held.dataset.focus)}"]`);
  const typed = held && "value" in held ? held.value : null;
  place.replaceChildren(...flat([make()]));
  place.dataset.state = now;
  const again = name && place.querySelector(name);
  if (again) {
    again.focus({ preventScroll: true });
    if (typed !== null && again.tagName === "INPUT" && again.type === "text") again.value = typed;
  }
  return true;
}

/** Call when nothing more has been asked for a while. */
export function later(milliseconds, action) {
  let timer;
  const ask = (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), milliseconds);
  };
  ask.cancel = () => clearTimeout(timer);
  return ask;
}

let last = 0;
/** An id no other element has. */
export const uid = (stem) => `${stem}-${(last += 1)}`;
