// What verification saw, for people: the letters that differ, the defects, and the boxes to draw on the picture.

import { h } from "./dom.js";
import { chip } from "./pieces.js";
import { capital, duration, percent, spoken } from "./words.js";

const WORDS = { pass: ["Passed", "good"], fail: ["Failed", "bad"], unreadable: ["Unreadable", "bad"] };

export const verdictChip = (verification) => chip(...(verification ? WORDS[verification.verdict] : ["Not verified"]));

/** Boxes of a render: what was read and where, defects, and where the text was asked for. */
export function marks(render, wished) {
  const seen = render.verification;
  const asked = wished ?? render.recipe.text?.box;
  return [
    ...(asked ? [{ box: asked, kind: "asked", text: "asked for here" }] : []),
    ...(seen?.texts ?? []).flatMap((check) => check.boxes.map((box, at) => ({ box, kind: check.verdict === "pass" ? "good" : "bad", text: at ? "" : check.recognized || "nothing read" }))),
    ...(seen?.artifacts ?? []).filter((each) => each.box).map((each) => ({ box: each.box, kind: each.score >= each.limit ? "defect" : "faint", text: spoken(each.kind) })),
  ];
}

/** The whole verification of a render. */
export function verdict(render) {
  const seen = render.verification;
  if (!seen) return h("p", { class: "hint" }, render.tier === "draft" ? "Drafts are looked at by you; finals are read back and checked." : "Not verified.");
  return h("div", { class: "verdict" },
    h("p", { class: "row" }, verdictChip(seen), h("span", { class: "hint" }, `${seen.engine || "read back"}${seen.elapsed_ms ? `, ${duration(seen.elapsed_ms)}` : ""}`)),
    seen.texts.map(reading),
    h("h3", {}, "Defects"),
    seen.artifacts.length ? h("table", { class: "defects" },
      h("thead", {}, h("tr", {}, ["What", "Score", "Limit"].map((each) => h("th", { scope: "col" }, each)))),
      h("tbody", {}, [...seen.artifacts].sort((a, b) => b.score / b.limit - a.score / a.limit).map((each) => h("tr", { class: each.score >= each.limit ? "over" : "" },
        h("th", { scope: "row" }, capital(spoken(each.kind)), each.score >= each.limit && each.detail && h("small", {}, each.detail)),
        h("td", {}, h("meter", { min: 0, max: each.limit * 1.5 || 1, high: each.limit, optimum: 0, value: each.score, "aria-label": `${spoken(each.kind)} score` }), ` ${each.score.toFixed(2)}`),
        h("td", {}, each.limit.toFixed(2))))))
      : h("p", { class: "hint" }, "None was found."),
    seen.similarity && h("p", { class: "hint" }, `Against its draft: structure ${percent(seen.similarity.ssim)}, colour shift ${seen.similarity.colour_shift.toFixed(1)}, ${seen.similarity.phash_distance} of 64 hash bits apart.`));
}

function reading(check) {
  const { expected, read } = letters(check.expected, check.recognized);
  const show = (pieces, tag) => pieces.map((each) => (each.differs ? h(tag, {}, each.text === " " ? "␣" : each.text) : each.text));
  return h("div", { class: `reading ${check.verdict}` },
    h("p", {}, h("span", { class: "side" }, "Asked"), h("span", { class: "letters" }, show(expected, "ins"))),
    h("p", {}, h("span", { class: "side" }, "Read"), h("span", { class: "letters" }, check.recognized ? show(read, "del") : h("i", {}, "nothing"))),
    h("p", { class: "hint" }, check.verdict === "pass" ? "Every letter is there." : `${percent(check.cer)} of the letters differ.`, check.confidence ? ` Confidence ${percent(check.confidence)}.` : ""));
}

/** Both texts cut where they differ, letter by letter: Levenshtein's alignment, without case and space. */
export function letters(expected, read) {
  const [a, b] = [[...expected], [...read]];
  const same = (one, other) => one.toLocaleLowerCase() === other.toLocaleLowerCase();
  const cost = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (__, j) => (i && j ? 0 : i + j)));
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      cost[i][j] = Math.min(cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same(a[i - 1], b[j - 1]) ? 0 : 1));
    }
  }
  const left = [], right = [];
  let [i, j] = [a.length, b.length];
  while (i || j) {
    const equal = i && j && same(a[i - 1], b[j - 1]);
    if (i && j && cost[i][j] === cost[i - 1][j - 1] + (equal ? 0 : 1)) {
      left.unshift({ text: a[(i -= 1)], differs: !equal });
      right.unshift({ text: b[(j -= 1)], differs: !equal });
    } else if (i && cost[i][j] === cost[i - 1][j] + 1) left.unshift({ text: a[(i -= 1)], differs: a[i] !== " " });
    else right.unshift({ text: b[(j -= 1)], differs: b[j] !== " " });
  }
  return { expected: left, read: right };
}
