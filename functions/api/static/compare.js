// Compare: any two renders, how far apart they are and what they came with.

import "./viewer.js";
import { get, withQuery } from "./api.js";
import { h, later, refill } from "./dom.js";
import { facts } from "./facts.js";
import { crops, empty, failed, icon, picture, waiting } from "./pieces.js";
import { marks, verdictChip } from "./verdict.js";
import { go } from "./visit.js";
import { ago, capital, jobTitle, percent, renderName, spoken, templateName } from "./words.js";

export async function show(main, { query }) {
  const sides = { left: query.get("left") ?? "", right: query.get("right") ?? "" };
  const place = h("div", {});
  main.append(h("header", { class: "title" }, h("h1", { tabindex: "-1" }, "Compare"),
    h("p", { class: "hint" }, "Two renders of any two jobs: the pixels, and what differs in how they were made.")), place);
  if (sides.left && sides.right) {
    place.append(waiting("Laying one over the other"));
    await lay(place, sides);
  } else {
    await choose(place, sides);
  }
}

const address = (sides) => withQuery("compare", sides);

// ── choosing ─────────────────────────────────────────────────────────────────

async function choose(place, sides) {
  const page = await get("v1/jobs?limit=60");
  const jobs = page.jobs.filter((job) => pictures(job).length);
  if (!jobs.length) {
    place.replaceChildren(empty("Nothing to compare yet", "Two renders are needed: make the first.", h("a", { class: "button primary", href: "#/new" }, "New render")));
    return;
  }
  const search = h("input", { type: "search", placeholder: "Search prompts, templates, models", "aria-label": "Search renders" });
  const list = h("div", { class: "choices" });
  const asked = sides.left ? "right" : "left";
  const held = sides.left || sides.right;
  const draw = () => refill(list, [search.value], () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = jobs.filter((job) => words.every((word) => `${job.prompt} ${templateName(job.template)} ${job.use_case} ${job.final?.model ?? ""} ${job.id}`.toLowerCase().includes(word)));
    return found.length ? found.map((job) => shelf(job, sides, asked, held)) : h("p", { class: "hint" }, "No render like that among the newest 60 jobs.");
  });
  search.addEventListener("input", later(150, draw));
  place.replaceChildren(h("div", { class: "asks row" }, h("h2", {}, held ? "Held against which?" : "Which is the first?"), h("span", { class: "searchbox" }, icon("search"), search),
    held && h("span", { class: "hint" }, "The first is chosen. ", h("a", { href: "#/compare" }, "Begin again"))), list);
  draw();
}

const pictures = (job) => [...job.drafts, ...(job.final ? [job.final] : [])].filter((each) => each.image);

function shelf(job, sides, asked, held) {
  const renders = pictures(job);
  return h("section", { class: "shelf" },
    h("p", { class: "about" }, h("a", { href: `#/jobs/${job.id}` }, jobTitle(job).slice(0, 90)), h("span", { class: "hint" }, `${spoken(job.use_case)} · ${templateName(job.template)} · ${ago(job.created_at)}`)),
    h("div", { class: "row" }, renders.map((render) => {
      const name = `${job.id}:${render.tier === "draft" ? `d${render.candidate}` : "f"}-${render.attempt}`;
      return h("button", { type: "button", class: "film pickable", disabled: name === held, style: { "--ratio": "1" }, onclick: () => go(address({ ...sides, [asked]: name })) },
        picture(render.image, ""), h("span", { class: "under" }, render.tier === "draft" ? renderName(render) : "Final"));
    })));
}

// ── comparing ────────────────────────────────────────────────────────────────

async function lay(place, sides) {
  let found;
  try {
    found = await get(address(sides).replace("compare", "v1/compare"));
  } catch (error) {
    if (error.status === 401) throw error;
    place.replaceChildren(failed(error, () => go("compare")));
    return;
  }
  const proof = document.createElement("pc-proof");
  const names = { left: caption(found.left, found), right: caption(found.right, found) };
  const boxes = h("input", { type: "checkbox", onchange: () => { proof.overlay = boxes.checked; } });
  proof.mode = "wipe";
  const { pixels } = found;
  place.replaceChildren(
    h("section", { class: "finding" }, crops(), h("h2", { id: "headline" }, found.headline),
      h("dl", { class: "figures" },
        figure("Pixels changed", percent(pixels.changed, 1), "by more than 8 of 255"),
        figure("Mean difference", percent(pixels.mean, 2), "of the full range"),
        figure("Structure (SSIM)", pixels.ssim.toFixed(3), "1 is the same picture"),
        figure("Hash distance", `${found.phash_distance} of 64`, found.phash_distance <= 8 ? "look alike" : "look different"))),
    h("section", { class: "lighttable" },
      h("div", { class: "mountview" }, h("div", { class: "bed" }, proof),
        h("div", { class: "row picks" }, h("label", { class: "tick" }, boxes, "What was read and found"),
          h("a", { class: "button quiet small", href: `#/${address({ left: sides.right, right: sides.left })}` }, "Swap"),
          h("a", { class: "button quiet small", href: "#/compare" }, "Other renders"))),
      h("div", { class: "side" }, h("h2", {}, "What differs"), changes(found),
        h("h2", {}, "Everything on record"), facts([[names.left, found.left.render], [names.right, found.right.render]]),
        h("p", { class: "row" }, h("span", { class: "hint" }, "Verified"), verdictChip(found.left.render.verification), verdictChip(found.right.render.verification)))));
  proof.show({ left: { render: found.left.render, name: names.left }, right: { render: found.right.render, name: names.right }, marks });
}

function caption(side, { left, right }) {
  const name = renderName(side.render);
  const other = side === left ? right : left;
  if (left.job_id === right.job_id) return name;
  return name === renderName(other.render) ? `${name}, ${side === left ? "first" : "second"}` : name;
}

const figure = (label, value, note) => h("div", {}, h("dt", {}, label), h("dd", {}, value, h("small", {}, note)));

const WORDY = new Set(["prompt", "negative_prompt"]);

function changes({ changes: found }) {
  if (!found.length) return h("p", { class: "hint" }, "Nothing: the recipes are equal.");
  return h("table", { class: "facts changes" }, h("thead", {}, h("tr", {}, ["What", "First", "Second"].map((each) => h("th", { scope: "col" }, each)))),
    h("tbody", {}, found.map(({ field, left, right }) => h("tr", {}, h("th", { scope: "row" }, capital(spoken(field))),
      ...(WORDY.has(field) && left && right ? worded(left, right) : [h("td", {}, plain(left)), h("td", {}, plain(right))])))));
}

const plain = (value) => (value === null || value === "" ? h("i", { class: "soft" }, "none") : typeof value === "object" ? JSON.stringify(value) : /^[0-9a-f]{64}$/.test(value) ? h("span", { class: "mono", title: value }, value.slice(0, 12)) : String(value));

/** Two texts with the words that only one of them has marked. */
function worded(left, right) {
  const [a, b] = [left.split(/\s+/), right.split(/\s+/)];
  const long = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) long[i][j] = a[i] === b[j] ? long[i + 1][j + 1] + 1 : Math.max(long[i + 1][j], long[i][j + 1]);
  const [one, other] = [[], []];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { one.push(a[i], " "); other.push(b[j], " "); i += 1; j += 1; }
    else if (j >= b.length || (i < a.length && long[i + 1][j] >= long[i][j + 1])) one.push(h("del", {}, a[i++]), " ");
    else other.push(h("ins", {}, b[j++]), " ");
  }
  return [h("td", { class: "words" }, one), h("td", { class: "words" }, other)];
}
