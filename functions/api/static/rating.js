// What somebody thinks of a job's pictures: stars, what is wrong, a note.

import { post } from "./api.js";
import { h } from "./dom.js";
import { press, say } from "./pieces.js";
import { may, me } from "./visit.js";
import { ago, capital, spoken } from "./words.js";

const FLAWS = [
  "text_wrong", "text_missing", "text_placement", "off_prompt", "off_brand", "changed_from_draft", "composition", "colour", "anatomy", "face", "hands",
  "object", "blur", "noise", "seam", "repeated", "banding",
];
const STARS = [1, 2, 3, 4, 5];
const MEANT = ["", "Unusable", "Poor", "Usable", "Good", "Print it"];

/** The form, filled with this key's own rating, and what others said; `rated` takes the job as it is then. */
export function rating(job, rated) {
  const own = job.ratings?.find((each) => each.by === me?.name);
  const others = (job.ratings ?? []).filter((each) => each !== own);
  return [h("h2", {}, "Rating"), may("approve") ? form(job, own, rated) : !job.ratings?.length && h("p", { class: "hint" }, "Nobody rated it yet."),
    others.length > 0 && h("ul", { class: "ratings" }, others.map((each) => h("li", {}, h("b", {}, each.by), ` ${each.stars} of 5`, each.flaws.length > 0 && `, ${each.flaws.map(spoken).join(", ")}`, each.note && h("q", {}, each.note), h("span", { class: "hint" }, ` ${ago(each.at)}`))))];
}

function form(job, own, rated) {
  const word = h("span", { class: "hint", "aria-live": "polite" }, own ? MEANT[own.stars] : "");
  const stars = h("fieldset", { class: "stars" }, h("legend", { class: "vh" }, "Stars"), STARS.map((value) =>
    h("label", { title: MEANT[value] }, h("input", { type: "radio", name: "stars", value, class: "vh", id: `star-${value}`, checked: own?.stars === value, onchange: () => { word.textContent = MEANT[value]; } }),
      h("span", { "aria-hidden": "true" }, "★"), h("span", { class: "vh" }, `${value} of 5: ${MEANT[value]}`))));
  const flaws = h("fieldset", { class: "flaws" }, h("legend", {}, "What is wrong with it"), FLAWS.map((flaw) =>
    h("label", {}, h("input", { type: "checkbox", value: flaw, checked: own?.flaws.includes(flaw) ?? false }), h("span", {}, capital(spoken(flaw))))));
  const note = h("input", { type: "text", id: "rating-note", maxlength: 1000, value: own?.note ?? "", "aria-label": "Note", placeholder: "A note for whoever picks the next model" });
  return h("form", {
    class: "rating",
    onsubmit: (event) => {
      event.preventDefault();
      press(event.submitter, async () => {
        const chosen = stars.querySelector(":checked");
        if (!chosen) throw new Error("Give one to five stars first.");
        rated(await post(`v1/jobs/${job.id}/rating`, { stars: Number(chosen.value), flaws: [...flaws.querySelectorAll(":checked")].map((each) => each.value), note: note.value.trim() }));
        say("Rated, and on record.");
      });
    },
  }, h("div", { class: "row" }, stars, word), flaws, h("div", { class: "row" }, note, h("button", { id: "rate" }, own ? "Rate anew" : "Rate")));
}
