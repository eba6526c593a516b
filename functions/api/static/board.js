// The board: every job, newest first, as it moves.

import { get, live, withQuery } from "./api.js";
import { h, later, refill } from "./dom.js";
import { empty, failed, icon, mark, picture, select, strip } from "./pieces.js";
import { may } from "./visit.js";
import { ago, capital, count, dollars, duration, ENDED, jobTitle, moving, spoken, STAGES, stageWord, templateName } from "./words.js";

const PAGE = 24;
const FAST_S = 1.5, SLOW_S = 8;
const FILTERS = ["stage", "use_case", "model", "template", "tag", "q"];

export async function show(main, { query }) {
  const board = new Board(main, Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""])));
  await board.first();
  return board.watch();
}

class Board {
  constructor(main, filters) {
    this.filters = filters;
    this.jobs = new Map(); // id -> job, of all pages loaded
    this.cards = new Map(); // id -> {element, state}
    this.cursor = null;
    this.tally = h("p", { class: "tally", "aria-live": "polite" });
    this.sheet = h("div", { class: "cards", id: "cards" });
    this.foot = h("div", { class: "foot" });
    this.bar = filterBar(filters, (changed) => this.refilter(changed));
    main.append(
      h("header", { class: "title" },
        h("h1", { tabindex: "-1" }, "Board"), this.tally,
        may("render") && h("a", { class: "button primary", href: "#/new" }, icon("plus"), "New render")),
      this.bar, this.sheet, this.foot);
  }

  async first() {
    this.sheet.setAttribute("aria-busy", "true");
    this.sheet.replaceChildren(...Array.from({ length: 6 }, ghost));
    await this.load(null);
    this.sheet.removeAttribute("aria-busy");
    this.draw();
  }

  async load(cursor) {
    const page = await get(withQuery("v1/jobs", { limit: PAGE, ...this.filters, cursor }));
    const filters = this.filters;
    for (const job of page.jobs) this.jobs.set(job.id, job);
    if (cursor || this.cursor === null) this.cursor = filters === this.filters ? page.cursor : this.cursor;
    return page;
  }

  watch() {
    const stop = live(async () => {
      await this.load(null);
      await this.followOlder();
      this.draw();
      return [...this.jobs.values()].some((job) => moving(job.stage)) ? FAST_S : SLOW_S;
    }, (error) => this.sheet.replaceChildren(failed(error)));
    const clock = setInterval(() => this.tick(), 15_000);
    const end = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.more(), { rootMargin: "600px" });
    end.observe(this.foot);
    return () => { stop(); clearInterval(clock); end.disconnect(); this.over = true; };
  }

  /** Jobs beyond the first page that still move are looked at one by one. */
  async followOlder() {
    const behind = [...this.jobs.values()].sort(newest).slice(PAGE).filter((job) => moving(job.stage)).slice(0, 4);
    for (const job of await Promise.all(behind.map((each) => get(`v1/jobs/${each.id}`)))) this.jobs.set(job.id, job);
  }

  async more() {
    if (!this.cursor || this.loading) return;
    this.loading = true;
    refill(this.foot, "loading", () => h("p", { class: "waiting" }, mark(true), "Older jobs"));
    try {
      await this.load(this.cursor);
      this.loading = false;
      this.draw();
    } catch (error) {
      refill(this.foot, ["failed", Date.now()], () => h("p", { class: "row" }, error.message,
        h("button", { type: "button", onclick: () => { this.loading = false; this.more(); } }, "Try again")));
    }
  }

  async refilter(changed) {
    this.filters = { ...this.filters, ...changed };
    this.bar.tell(this.filters);
    history.replaceState(null, "", new URL(`#${withQuery("/", this.filters)}`, document.baseURI));
    this.jobs.clear();
    this.cursor = null;
    this.sheet.setAttribute("aria-busy", "true");
    try {
      await this.load(null);
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError") this.sheet.replaceChildren(failed(error, () => this.refilter({})));
    } finally {
      this.sheet.removeAttribute("aria-busy");
    }
  }

  draw() {
    if (this.over) return;
    const jobs = [...this.jobs.values()].sort(newest);
    const wanted = jobs.map((job) => this.card(job));
    let at = this.sheet.firstChild;
    for (const element of wanted) {
      if (element === at) at = at.nextSibling;
      else this.sheet.insertBefore(element, at);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
    for (const id of this.cards.keys()) if (!this.jobs.has(id)) this.cards.delete(id);
    if (!jobs.length && !this.cursor) this.sheet.append(this.nothing());
    this.tell(jobs);
    if (this.cursor && jobs.length < PAGE) this.more(); // a filter finds rare jobs a thousand at a time
    if (!this.loading) refill(this.foot, ["end", Boolean(this.cursor), jobs.length], () =>
      this.cursor ? h("button", { type: "button", onclick: () => this.more() }, "Older jobs") : jobs.length > PAGE && h("p", { class: "hint" }, "That is every job."));
  }

  card(job) {
    const state = JSON.stringify([job.stage, job.cost_usd_micros, renders(job).map((each) => [each.tier, each.candidate, each.image?.sha256]), job.error]);
    const held = this.cards.get(job.id);
    if (held?.state === state) return held.element;
    const element = held?.element ?? h("article", { class: "card", data: { job: job.id } });
    element.dataset.stage = job.stage;
    const focused = element.contains(document.activeElement);
    element.replaceChildren(...faces(job));
    if (focused) element.querySelector("a")?.focus({ preventScroll: true });
    this.cards.set(job.id, { element, state });
    return element;
  }

  tick() {
    for (const each of this.sheet.querySelectorAll("time")) each.textContent = ago(each.dateTime);
  }

  tell(jobs) {
    const moves = jobs.filter((job) => moving(job.stage)).length;
    const asks = jobs.filter((job) => job.stage === "awaiting_approval").length;
    const parts = [`${count(jobs.length, "job")}${this.cursor ? " and more" : ""}`];
    if (moves) parts.push(`${moves} on the press`);
    if (asks) parts.push(`${asks} ${asks === 1 ? "needs" : "need"} your eye`);
    const text = jobs.length ? parts.join(" · ") : "";
    if (this.tally.textContent !== text) this.tally.textContent = text;
  }

  nothing() {
    if (Object.values(this.filters).some(Boolean)) {
      return empty("Nothing like that", "No job on record matches these filters.",
        h("button", { type: "button", onclick: () => { this.bar.clear(); this.refilter(Object.fromEntries(FILTERS.map((each) => [each, ""]))); } }, "Clear filters"));
    }
    return empty("The press is clean", "Ask for a picture: the first drafts are here in seconds, the final follows when you say yes.",
      may("render") && h("a", { class: "button primary", href: "#/new" }, "New render"));
  }
}

const newest = (a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : a.id < b.id ? 1 : -1);
const renders = (job) => [...job.drafts, ...(job.final ? [job.final] : [])];

// ── one card ─────────────────────────────────────────────────────────────────

function faces(job) {
  const drafts = job.drafts.filter((each) => each.image);
  const final = job.final?.image ? job.final : null;
  const made = job.template ? templateName(job.template) : capital(spoken(job.use_case));
  const painter = job.final ?? drafts.at(-1);
  const draft = drafts.find((each) => each.candidate === job.chosen_draft) ?? drafts[0];
  const undecided = !final && !job.chosen_draft && drafts.length > 1;
  return [
    h("div", { class: undecided ? `proof sheet-of-${Math.min(drafts.length, 4)}` : "proof pair" },
      undecided
        ? drafts.slice(0, 4).map((each) => face(each, `Draft ${each.candidate}`))
        : [face(draft, drafts.length > 1 ? `Draft ${draft?.candidate}` : "Draft", job), face(final, final && job.stage === "failed" ? "Best try" : "Final", job)]),
    h("div", { class: "caption" },
      h("h2", {}, h("a", { href: `#/jobs/${job.id}` }, jobTitle(job))),
      h("p", { class: "meta lined" }, h("span", {}, made, painter && [" · ", painter.model], job.input.tags?.map((tag) => [" ", h("span", { class: "tag" }, tag)])),
        h("time", { datetime: job.created_at, title: job.created_at }, ago(job.created_at))),
      h("p", { class: "status" }, strip(job.stage),
        h("span", { class: "cost" }, [
          job.metrics.total_ms !== null && job.stage === "done" ? duration(job.metrics.total_ms) : job.metrics.draft_ms !== null && `draft ${duration(job.metrics.draft_ms)}`,
          ENDED.has(job.stage) && job.cost_usd_micros ? dollars(job.cost_usd_micros) : renders(job).some((each) => each.cached) && "cached",
        ].filter(Boolean).join(" · ")))),
  ];
}

function face(render, label, job) {
  if (render?.image) return h("figure", {}, picture(render.image, `${label} of “${render.recipe?.prompt?.slice(0, 80) ?? ""}”`), h("figcaption", {}, label));
  const ended = job && ENDED.has(job.stage);
  return h("figure", { class: "pending" }, ended || job?.stage === "waiting_off_peak" || job?.stage === "awaiting_approval" ? h("span", { class: "blank-face" }) : mark(true), h("figcaption", {}, label));
}

const ghost = () => h("div", { class: "card ghost", "aria-hidden": "true" }, h("div", { class: "proof pair" }, h("figure"), h("figure")), h("div", { class: "caption" }, h("p"), h("p")));

// ── filters ──────────────────────────────────────────────────────────────────

function filterBar(filters, changed) {
  const search = h("input", { type: "search", id: "search", value: filters.q, placeholder: "Search prompts and tags", "aria-label": "Search prompts and tags", autocomplete: "off" });
  const soon = later(300, () => changed({ q: search.value.trim() }));
  search.addEventListener("input", soon);
  const stage = choice("Stage", "stage", filters, Object.keys(STAGES).map((each) => [each, stageWord(each)]), changed);
  const rest = ["use_case", "model", "template"].map((name) => choice(capital(spoken(name)), name, filters, filters[name] ? [[filters[name], filters[name]]] : [], changed));
  const tag = h("input", { type: "text", value: filters.tag, placeholder: "Tag", "aria-label": "Tag", size: 10, autocomplete: "off", onchange: () => changed({ tag: tag.value.trim() }) });
  const some = h("span", { class: "refined" });
  const open = h("button", { type: "button", class: "refine", "aria-expanded": "false", onclick: () => open.setAttribute("aria-expanded", String(open.getAttribute("aria-expanded") !== "true")) }, "Filters", some);
  const none = h("button", { type: "button", class: "quiet", onclick: () => { bar.clear(); changed(Object.fromEntries(FILTERS.map((name) => [name, ""]))); search.focus(); } }, icon("cross"), "Clear");
  const bar = h("search", { class: "filters" }, h("span", { class: "searchbox" }, icon("search"), search), open, h("div", { class: "refinements" }, stage, rest, tag), none);
  bar.clear = () => { for (const each of [search, tag, stage, ...rest]) each.value = ""; };
  bar.tell = (now) => {
    const narrowed = FILTERS.filter((name) => name !== "q" && now[name]).length;
    some.textContent = narrowed ? ` (${narrowed})` : "";
    none.hidden = !FILTERS.some((name) => now[name]);
  };
  bar.tell(filters);
  const fillIn = () => options().then((known) => rest.forEach((each, at) => extend(each, [known.use_cases, known.models, known.templates][at])), () => {});
  (window.requestIdleCallback ?? ((run) => setTimeout(run, 400)))(fillIn);
  return bar;
}

function choice(label, name, filters, options, changed) {
  const control = select([["", `Any ${label.toLowerCase()}`], ...options], filters[name], { "aria-label": label, name });
  control.addEventListener("change", () => changed({ [name]: control.value }));
  return control;
}

function extend(control, names) {
  const held = control.value;
  for (const name of names) if (![...control.options].some((each) => each.value === name)) control.append(h("option", { value: name }, name));
  control.value = held;
}

async function options() {
  const [models, templates] = await Promise.all([get("v1/models"), get("v1/templates")]);
  return {
    use_cases: models.picks.map((each) => each.use_case),
    models: models.models.filter((each) => each.available).map((each) => each.name),
    templates: templates.templates.flatMap((each) => [...each.versions].reverse().map((version) => `${each.name}@${version}`)),
  };
}
