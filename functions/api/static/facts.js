// The facts under every picture: what painted it, from what, how fast, how dear, and what the seed is worth.

import { h } from "./dom.js";
import { chip, simulated } from "./pieces.js";
import { dollars, duration, modelName, perThousand, seedWorth, settings, templateName } from "./words.js";

const ROWS = [
  ["Model", (r) => [modelName(r), r.simulated && [" ", simulated()]], (r) => r.model],
  ["Revision", (r) => h("span", { class: "mono" }, r.model_revision || "not told"), (r) => r.model_revision],
  ["Seed", (r) => { const [short, long] = seedWorth(r.seed); return [h("span", { class: "mono" }, String(r.seed.sent ?? r.seed.requested)), " ", chip(short, r.seed.determinism === "exact" && r.seed.sent !== null ? "good" : "", { title: long })]; }, (r) => [r.seed.sent, r.seed.determinism]],
  ["Template", (r) => (r.template ? [templateName(r.template), " ", h("span", { class: "mono soft" }, r.template.digest.slice(0, 8))] : "free prompt"), (r) => templateName(r.template)],
  ["Recipe", (r) => [settings(r.recipe), r.typeset && h("small", {}, "The words are set in type, not painted.")], (r) => settings(r.recipe)],
  ["Painted from", (r) => r.prompt_effective || "the prompt as asked, for all that was told", (r) => r.prompt_effective],
  ["Fingerprint", (r) => h("span", { class: "mono", title: r.fingerprint }, r.fingerprint.slice(0, 16)), (r) => r.fingerprint],
  ["Latency", (r) => (r.cached ? `${duration(r.latency_ms.total)}, from the cache` : [duration(r.latency_ms.total), h("small", {}, `painting ${duration(r.latency_ms.inference)}, queue ${duration(r.latency_ms.queue)}`)]), (r) => r.latency_ms.total],
  ["Cost", (r) => (r.cost_usd_micros ? [dollars(r.cost_usd_micros), h("small", {}, `${perThousand(r.cost_usd_micros)} per 1,000`)] : "$0.00"), (r) => r.cost_usd_micros],
  ["Made", (r) => (r.cached ? chip("Cached", "info", { title: "The same recipe was painted before: the same bytes, for nothing" }) : chip("Fresh")), (r) => r.cached],
  ["Image", (r) => (r.image ? h("span", { class: "mono", title: `sha256 ${r.image.sha256}` }, r.image.sha256.slice(0, 16)) : "–"), (r) => r.image?.sha256],
];

/** A table with one column a render; `named` is [[name, render]]. Where they differ from the first, a dot says so. */
export function facts(named) {
  const first = named[0][1];
  return h("table", { class: "facts" },
    h("caption", { class: "vh" }, "How these pictures were made"),
    h("thead", {}, h("tr", {}, h("td"), named.map(([name]) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ROWS.map(([label, show, value]) => h("tr", {}, h("th", { scope: "row" }, label), named.map(([, render], at) => {
      const differs = at > 0 && JSON.stringify(value(render)) !== JSON.stringify(value(first));
      return h("td", { class: differs ? "differs" : "" }, show(render), differs && h("span", { class: "vh" }, " (differs)"));
    })))));
}
