// Insight: what the jobs of the last days came to, over time, by whatever is asked.

import { get, withQuery } from "./api.js";
import { lines } from "./charts.js";
import { h, refill } from "./dom.js";
import { empty, failed, select, simulated } from "./pieces.js";
import { capital, count, duration, percent, perThousand, spoken } from "./words.js";

const PAGE = 50;
const BY = [["model", "Model"], ["use_case", "Use case"], ["template", "Template version"]];
const MOST_LINES = 5;

// The article's own figures, for its hero pipeline before and after.
const ARTICLE = { latency: ["27 s", "21 s"], artifacts: ["18 %", "4 %"], cost: ["$42.00", "$29.00"] };

export async function show(main, { query }) {
  const wall = new Wall(main, { days: Number(query.get("days")) || 14, by: query.get("by") ?? "model", use_case: query.get("use_case") ?? "" });
  wall.read();
  return () => { wall.over = true; };
}

class Wall {
  constructor(main, asked) {
    this.asked = asked;
    this.cells = [];
    this.jobs = 0;
    this.state = h("p", { class: "tally", role: "status" });
    const days = select([[7, "Last 7 days"], [14, "Last 14 days"], [30, "Last 30 days"], [90, "Last 90 days"]], asked.days, { "aria-label": "Time", id: "days", onchange: () => this.change({ days: Number(days.value) }) });
    const by = h("div", { class: "segments", role: "group", "aria-label": "One line for each" }, BY.map(([value, text]) =>
      h("button", { type: "button", data: { value }, "aria-pressed": String(asked.by === value), onclick: () => { for (const each of by.children) each.setAttribute("aria-pressed", String(each.dataset.value === value)); this.change({ by: value }); } }, text)));
    this.use = select([["", "Every use case"]], "", { "aria-label": "Use case", onchange: () => this.change({ use_case: this.use.value }) });
    this.place = h("div", { class: "wall" });
    main.append(h("header", { class: "title" }, h("h1", { tabindex: "-1" }, "Insight"), this.state), h("div", { class: "row filters" }, by, days, this.use), this.place);
  }

  change(next) {
    const again = next.days !== undefined && next.days !== this.asked.days;
    Object.assign(this.asked, next);
    history.replaceState(null, "", new URL(`#/${withQuery("insight", this.asked)}`, document.baseURI));
    if (again) this.read();
    else this.draw();
  }

  async read() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    this.cells = [];
    this.jobs = 0;
    let cursor = null;
    try {
      do {
        const page = await get(withQuery("v1/insight", { days: this.asked.days, limit: PAGE, cursor }));
        if (this.over || turn !== this.turn) return;
        this.cells.push(...page.cells);
        this.jobs += page.jobs;
        cursor = page.cursor;
        this.state.textContent = cursor ? `${count(this.jobs, "job")} counted so far` : `${count(this.jobs, "job")} in ${this.asked.days} days`;
        this.draw();
      } while (cursor);
    } catch (error) {
      if (!this.over) this.place.replaceChildren(failed(error, () => this.read()));
    }
  }

  draw() {
    if (!this.cells.length) {
      refill(this.place, ["empty"], () => empty("Nothing to count yet", "As soon as jobs run, their latency, cost and defects are drawn here.", h("a", { class: "button primary", href: "#/new" }, "New render")));
      return;
    }
    const uses = [...new Set(this.cells.map((each) => each.use_case))].sort();
    refill(this.use, uses, () => [["", "Every use case"], ...uses.map((each) => [each, capital(spoken(each))])].map(([value, text]) => h("option", { value }, text)));
    this.use.value = this.asked.use_case;
    const cells = this.cells.filter((each) => !this.asked.use_case || each.use_case === this.asked.use_case);
    refill(this.place, [this.asked, this.jobs], () => [this.article(cells), h("div", { class: "plots" }, this.plots(cells))]);
  }

  // ── the article's table, with what was measured here beside it ───────────

  article(cells) {
    const first = cells.filter((each) => each.kind === "first_final");
    const jobs = cells.filter((each) => each.kind === "job");
    const finals = cells.filter((each) => each.kind === "first_final" || each.kind === "repair");
    const over = sum(jobs, "count");
    const painted = cells.some((each) => each.simulated);
    const rows = [
      ["Latency of a final", ...ARTICLE.latency, quantile(first, 0.5), "first attempt, median", quantile(finals, 0.95), "any attempt, 95 of 100"],
      ["Text or defect wrong", ...ARTICLE.artifacts, share(first, "misprints"), "of first attempts", over ? percent(sum(jobs, "misprints") / over, 1) : "–", "as delivered, after repair"],
      ["Cost per 1,000 jobs", ...ARTICLE.cost, costOf(first, sum(first, "count")), "one final each, no repair", costOf(jobs, over), "all drafts, finals, repairs"],
    ];
    return h("section", { class: "beforeafter" },
      h("div", { class: "row spread" }, h("h2", {}, "Before and after"), painted && simulated()),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Before and after" }, h("table", { class: "facts" },
        h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, "Article, before"), h("th", { scope: "col" }, "Article, after"), h("th", { scope: "col" }, "Here, without repair"), h("th", { scope: "col" }, "Here, with everything"))),
        h("tbody", {}, rows.map(([label, before, after, a, noteA, b, noteB]) => h("tr", {}, h("th", { scope: "row" }, label), h("td", {}, before), h("td", {}, after),
          h("td", {}, h("b", {}, a), h("small", {}, noteA)), h("td", {}, h("b", {}, b), h("small", {}, noteB))))))),
      painted && h("p", { class: "hint" }, "Some of these pictures are the simulator’s: its misprint rate is taken from the article, so these figures are no evidence about it."));
  }

  // ── charts ───────────────────────────────────────────────────────────────

  plots(cells) {
    const { by } = this.asked;
    const days = span(cells, this.asked.days);
    const pick = (kinds) => cells.filter((each) => kinds.includes(each.kind));
    const known = leading(cells, by);
    const series = (chosen, value) => known.map((name, place) => ({
      place,
      name: name === "-" ? "free prompt" : by === "use_case" ? capital(spoken(name)) : name,
      values: days.map((day) => value(chosen.filter((each) => each[by] === name && each.day === day))),
    }));
    const drafts = pick(["draft"]), finals = pick(["first_final", "repair"]), first = pick(["first_final"]), jobs = pick(["job"]), renders = pick(["draft", "first_final", "repair"]);
    return [
      lines({ title: "Draft latency", note: "Median from order to picture, cached ones aside", days, series: series(drafts, (some) => middle(some)), show: (ms) => duration(ms), target: { value: 3000, name: "promised: 3 s" } }),
      lines({ title: "Final latency", note: "Median from order to picture, cached ones aside", days, series: series(finals, (some) => middle(some)), show: (ms) => duration(ms) }),
      lines({ title: "Wrong at first", note: "First attempts at a final that verification turned down", days, series: series(first, (some) => rate(some, "misprints")), show: (value) => percent(value) }),
      lines({ title: "Wrong as delivered", note: "Jobs that ended without a final that passed", days, series: series(jobs, (some) => rate(some, "misprints")), show: (value) => percent(value) }),
      lines({ title: "Cost per 1,000 jobs", note: "Drafts, finals and repairs of jobs that are over", days, series: series(jobs, (some) => (sum(some, "count") ? sum(some, "cost_usd_micros") / sum(some, "count") : null)), show: (micros) => perThousand(micros) }),
      lines({ title: "From the cache", note: "Share of renders that cost nothing because they were made before", days, series: series(renders, (some) => rate(some, "cached")), show: (value) => percent(value) }),
    ];
  }
}

const sum = (cells, name) => cells.reduce((total, each) => total + each[name], 0);
const rate = (cells, name) => (sum(cells, "count") ? sum(cells, name) / sum(cells, "count") : null);
const share = (cells, name) => (rate(cells, name) === null ? "–" : percent(rate(cells, name), 1));
const costOf = (cells, number) => (number ? perThousand(sum(cells, "cost_usd_micros") / number) : "–");
const middle = (cells) => at(cells, 0.5);
const quantile = (cells, q) => (at(cells, q) === null ? "–" : duration(at(cells, q)));

/** A quantile of the merged latencies, in ms; null without any. Bucket k ends at 2^(k/4) ms. */
function at(cells, q) {
  const merged = new Map();
  let total = 0;
  for (const cell of cells) {
    for (const [bucket, number] of Object.entries(cell.latency)) {
      merged.set(Number(bucket), (merged.get(Number(bucket)) ?? 0) + number);
      total += number;
    }
  }
  let seen = 0;
  for (const bucket of [...merged.keys()].sort((a, b) => a - b)) {
    seen += merged.get(bucket);
    if (seen >= q * total) return 2 ** ((bucket - 0.5) / 4);
  }
  return null;
}

/** The names with most renders, at most five. */
function leading(cells, by) {
  const totals = new Map();
  for (const each of cells) totals.set(each[by], (totals.get(each[by]) ?? 0) + each.count);
  return [...totals].sort((a, b) => b[1] - a[1]).slice(0, MOST_LINES).map(([name]) => name).sort();
}

/** Every day from the first with a job to the last, at least a week. */
function span(cells, most) {
  const days = cells.map((each) => each.day).sort();
  const last = new Date(`${days.at(-1)}T00:00:00Z`);
  const known = Math.round((last - new Date(`${days[0]}T00:00:00Z`)) / 86_400_000) + 1;
  const length = Math.min(Math.max(known, 7), most + 1);
  return Array.from({ length }, (_, back) => new Date(last - (length - 1 - back) * 86_400_000).toISOString().slice(0, 10));
}
