// Charts as SVG: lines over days and bars, with a table of the same figures for whoever does not see them.

import { h, s, uid } from "./dom.js";

const WIDE = 560, HIGH = 190, LEFT = 52, RIGHT = 12, TOP = 14, BOTTOM = 26;
const INKS = ["cyan", "magenta", "ochre", "ink", "green", "violet"];

/** Round numbers that span 0 to `most`, about four of them. */
function ticks(most) {
  if (!most) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= rough) * power;
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, at) => at * step);
}

/**
 * Lines over days. `series`: [{name, values: [number or null, one a day]}], `days`: ISO dates, `show`: number -> text.
 * A day without a value is a gap, never a zero. A series keeps the ink of its `place` in every chart. `target`: a line to stay below, with its name.
 */
export function lines({ title, note, days, series, show, target }) {
  const drawn = series.filter((each) => each.values.some((value) => value !== null));
  const most = Math.max(target?.value ?? 0, ...drawn.flatMap((each) => each.values.filter((value) => value !== null)));
  const scale = ticks(most);
  const top = scale.at(-1);
  const x = (at) => LEFT + (days.length === 1 ? 0.5 : at / (days.length - 1)) * (WIDE - LEFT - RIGHT);
  const y = (value) => HIGH - BOTTOM - (value / top) * (HIGH - TOP - BOTTOM);
  const every = Math.ceil(days.length / 7);
  const body = s("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "chart", role: "img", "aria-label": `${title}. The figures are in the table below.` },
    scale.map((value) => [s("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(value), y2: y(value) }), s("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, show(value).replace(/\.0(?= s)/, ""))]),
    days.map((day, at) => (days.length - 1 - at) % every === 0 && s("text", { class: "tick", x: x(at), y: HIGH - 8, "text-anchor": "middle" }, dayName(day))),
    target && [s("line", { class: "target", x1: LEFT, x2: WIDE - RIGHT, y1: y(target.value), y2: y(target.value) }), s("text", { class: "tick target-name", x: WIDE - RIGHT, y: y(target.value) - 5, "text-anchor": "end" }, target.name)],
    drawn.map((each) => {
      return s("g", { class: `line ${ink(each)}` }, s("path", { d: path(each.values, x, y) }),
        each.values.map((value, at) => value !== null && s("circle", { cx: x(at), cy: y(value), r: 3.2 }, s("title", {}, `${each.name}, ${dayName(days[at])}: ${show(value)}`))));
    }));
  return frame({ title, note, body, empty: !drawn.length, legend: drawn.map((each) => ({ ...each, latest: show(each.values.findLast((value) => value !== null)) })), table: table(title, ["Day", ...series.map((each) => each.name)], days.map((day, at) => [dayName(day), ...series.map((each) => (each.values[at] === null ? "–" : show(each.values[at])))])) });
}

const ink = (each) => INKS[each.place % INKS.length];

function path(values, x, y) {
  let d = "", pen = false;
  values.forEach((value, at) => {
    if (value === null) pen = false;
    else {
      d += `${pen ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      pen = true;
    }
  });
  return d;
}

function frame({ title, note, body, empty, legend, table: figures }) {
  return h("figure", { class: "plot" },
    h("figcaption", {}, h("h3", {}, title), h("p", { class: "hint" }, note)),
    empty ? h("p", { class: "nodata" }, "Nothing was made in this time.") : body,
    !empty && h("ul", { class: "legend" }, legend.map((each) => h("li", { class: ink(each) }, each.name, h("b", {}, each.latest)))),
    !empty && h("details", {}, h("summary", {}, "Figures"), figures));
}

function table(title, head, rows) {
  const id = uid("table");
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": id }, h("table", {}, h("caption", { class: "vh", id }, title),
    h("thead", {}, h("tr", {}, head.map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), rest.map((each) => h("td", {}, each)))))));
}

const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
export const dayName = (day) => DAY.format(new Date(`${day}T00:00:00Z`));
