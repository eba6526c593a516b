// New render: what is wanted, and the sheet it will become, side by side.

import "./box.js";
import { get, post } from "./api.js";
import { h, later, refill } from "./dom.js";
import { crops, field, icon, press, say, select, simulated } from "./pieces.js";
import { filled, pieces } from "./prompts.js";
import { go } from "./visit.js";
import { capital, count, dollars, duration, spoken } from "./words.js";

const WHEN = [
  ["on_approval", "When I say yes", "Drafts wait on the contact sheet; you pick."],
  ["auto", "At once", "The first draft is taken and the final follows."],
  ["off_peak", "Tonight", "The final waits for the off-peak window and its price."],
  ["draft_only", "Drafts only", "No final is made."],
];
const COUNTS = [1, 2, 3, 4, 6, 8];
const SEEDS = 2 ** 32;

export async function show(main, { query }) {
  const [models, templates, policy, from] = await Promise.all([
    get("v1/models"), get("v1/templates"), get("v1/policy"), query.get("from") ? get(`v1/jobs/${query.get("from")}`) : null,
  ]);
  const desk = new Desk({ models, templates, policy });
  main.append(h("header", { class: "title" }, h("h1", { tabindex: "-1" }, from ? "Render again" : "New render")), desk.form);
  await desk.start(from?.input ?? { template: query.get("template"), use_case: query.get("use_case") }, from);
  return () => desk.stop();
}

class Desk {
  constructor({ models, templates, policy }) {
    Object.assign(this, { models, templates, policy });
    this.details = new Map(); // template name -> its versions
    this.values = {};
    this.boxSet = false; // whether the box is the user's own or the template's
    this.sizeSet = false; // and the size, or what the API would take without one
    this.build();
  }

  build() {
    this.source = segments("What it is made from", [["template", "Template"], ["prompt", "Free prompt"]], "template", () => this.changed());
    this.template = select(this.templates.templates.map((each) => [each.name, each.title]), "", { id: "template", onchange: () => this.pickTemplate() });
    this.version = select([], "", { id: "version", onchange: () => this.drawVariables() });
    this.variables = h("div", { class: "variables" });
    this.prompt = h("textarea", { id: "prompt", rows: 4, maxlength: 4000, placeholder: "Studio photograph of trail running shoes on wet slate, morning light" });
    this.useCase = select(this.models.picks.map((each) => [each.use_case, each.title]), this.models.default_use_case, { id: "use-case" });
    this.why = h("p", { class: "hint why" });
    this.texts = h("textarea", { id: "expected", rows: 2, placeholder: "SALE" });
    this.size = select([], "", { id: "size", onchange: () => { this.sizeSet = true; } });
    this.seed = h("input", { id: "seed", type: "text", inputmode: "numeric", autocomplete: "off", placeholder: "drawn once, and recorded", pattern: "[0-9]{1,10}|[a-z][a-z0-9_-]{0,39}(@[1-9][0-9]*)?" });
    this.seedSet = select([["", "A number"], ...this.seedSets()], "", { "aria-label": "Named seed set", oninput: () => { this.seed.value = this.seedSet.value; this.changed(); } });
    this.drafts = segments("How many drafts", COUNTS.map((each) => [String(each), String(each)]), "3", () => this.changed());
    this.when = radios("finalize", WHEN, "on_approval", () => this.changed());
    this.negative = h("input", { id: "negative", type: "text", maxlength: 4000 });
    this.model = select([["", "As the use case says"], ...this.models.models.filter((each) => each.available && each.tiers.includes("final")).map((each) => [each.name, each.title ? `${each.name}: ${each.title}` : each.name])], "", { id: "model" });
    this.guidance = h("input", { id: "guidance", type: "number", min: 0, max: 30, step: 0.1, placeholder: "policy" });
    this.steps = h("input", { id: "steps", type: "number", min: 1, max: 150, step: 1, placeholder: "policy" });
    this.tags = h("input", { id: "tags", type: "text", placeholder: "spring, campaign-7" });
    this.ceiling = h("input", { id: "ceiling", type: "number", min: 0.000001, step: "any", placeholder: "no limit" });
    this.webhook = h("input", { id: "webhook", type: "url", placeholder: "https://" });
    this.box = document.createElement("pc-box");
    this.words = h("p", { class: "rendered", "aria-live": "off" });
    this.facts = h("div", { class: "estimate", "aria-live": "polite" });
    this.submit = h("button", { class: "primary wide", id: "submit" }, "Draft it");
    this.problem = h("p", { class: "wrong", role: "alert" });
    this.form = this.lay();
    this.form.addEventListener("input", () => this.changed());
    this.form.addEventListener("submit", (event) => { event.preventDefault(); press(this.submit, () => this.send()); });
    this.box.addEventListener("change", () => { this.boxSet = true; this.changed(); });
    this.ask = later(350, () => this.estimate());
  }

  lay() {
    this.fields = {};
    const put = (label, control, options) => (this.fields[options.name] = field(label, control, options));
    this.templatePart = h("div", { class: "part" },
      h("div", { class: "pairup" }, put("Template", this.template, { name: "template" }), put("Version", this.version, { name: "version" })), this.variables);
    this.promptPart = h("div", { class: "part" }, put("Prompt", this.prompt, { name: "prompt" }));
    return h("form", { class: "desk", novalidate: true },
      h("div", { class: "wishes" },
        h("section", {}, h("h2", {}, "Words"), this.source, this.templatePart, this.promptPart,
          put("Text that must be readable", this.texts, { name: "expected_text", hint: "One line each; read back from the final, letter by letter." })),
        h("section", {}, h("h2", {}, "Purpose"), put("Use case", this.useCase, { name: "use_case" }), this.why,
          h("div", { class: "pairup" }, put("Size", this.size, { name: "size" }),
            h("div", {}, put("Seed", this.seed, { name: "seed" }),
              h("div", { class: "row tight" }, h("button", { type: "button", class: "quiet small", id: "dice", onclick: () => this.roll() }, icon("dice"), "Roll"), this.seedSet)))),
        h("section", {}, h("h2", {}, "Run"), h("fieldset", {}, h("legend", {}, "Drafts"), this.drafts), this.when),
        h("details", { class: "more" }, h("summary", {}, "More: model, negative prompt, limits, tags, webhook"),
          h("div", { class: "part grid2" },
            put("Model", this.model, { name: "model", hint: "Instead of the policy’s choice." }), put("Negative prompt", this.negative, { name: "negative_prompt" }),
            put("Guidance", this.guidance, { name: "guidance" }), put("Steps", this.steps, { name: "steps" }),
            put("Spend at most, in dollars", this.ceiling, { name: "max_cost_usd_micros" }), put("Tags", this.tags, { name: "tags", hint: "Separated by commas." }),
            put("Webhook", this.webhook, { name: "webhook" })))),
      h("aside", { class: "preview", "aria-label": "The sheet" },
        h("div", { class: "mount" }, h("div", { class: "bed" }, crops(), this.box)),
        h("h2", { class: "label" }, "Prompt as sent"), this.words, this.facts, this.problem, this.submit));
  }

  stop() {
    this.over = true;
    this.ask.cancel();
  }

  seedSets() {
    return Object.entries(this.templates.seeds).flatMap(([name, versions]) =>
      Object.entries(versions).reverse().map(([version, seed]) => [`${name}@${version}`, `${name}@${version} (${seed})`]));
  }

  // ── filling in ───────────────────────────────────────────────────────────

  async start(input, from) {
    const named = input.template?.split("@");
    this.source.value = input.prompt && !named ? "prompt" : "template";
    this.prompt.value = input.prompt ?? "";
    if (named) this.template.value = named[0];
    await this.pickTemplate(from?.template?.version ?? named?.[1], input.variables);
    if (input.use_case) this.useCase.value = input.use_case;
    else if (from) this.useCase.value = from.use_case;
    this.sizeSet = Boolean(from);
    this.drawSizes(from?.size ?? input.size);
    if (input.expected_text?.length) this.texts.value = input.expected_text.join("\n");
    if (input.text_box) { this.box.box = input.text_box; this.boxSet = true; }
    if (from) { this.seed.value = from.seed_set ?? String(from.seed); this.drafts.value = String(COUNTS.includes(input.drafts) ? input.drafts : 3); this.when.value = input.finalize; }
    this.negative.value = input.negative_prompt ?? "";
    this.model.value = input.model ?? "";
    this.guidance.value = input.guidance ?? "";
    this.steps.value = input.steps ?? "";
    this.tags.value = (input.tags ?? []).join(", ");
    if (this.model.value || input.guidance || input.steps || input.negative_prompt) this.form.querySelector("details").open = true;
    this.useCase.addEventListener("change", () => this.drawSizes(this.usualSize()));
    this.source.addEventListener("click", () => this.drawSizes(this.usualSize()));
    this.changed();
  }

  async pickTemplate(version, values = {}) {
    const name = this.template.value;
    if (!this.details.has(name)) {
      this.variables.replaceChildren(h("p", { class: "hint" }, "One moment")); // nobody types into fields that are about to go
      this.details.set(name, await get(`v1/templates/${name}`));
      if (this.template.value !== name) return;
    }
    const found = this.details.get(name);
    this.version.replaceChildren(...[...found.versions].reverse().map((each) => h("option", { value: each.version }, `${each.version}${each.version === found.released ? ", in force" : ""}`)));
    this.version.value = String(version ?? found.released ?? found.versions.at(-1).version);
    const shown = this.chosen();
    if (this.source.value === "template" && !shown.use_cases.includes(this.useCase.value)) this.useCase.value = shown.use_cases[0] ?? this.models.default_use_case;
    this.drawVariables(values);
    this.drawSizes(this.usualSize());
  }

  /** The size the API takes where none is asked for: the template's, else the use case's first. */
  usualSize() {
    if (this.sizeSet) return this.size.value;
    return this.source.value === "template" ? this.chosen().size : null;
  }

  chosen() {
    return this.details.get(this.template.value)?.versions.find((each) => String(each.version) === this.version.value);
  }

  drawVariables(given = this.values) {
    const template = this.chosen();
    this.values = {};
    this.variables.replaceChildren(...Object.entries(template.variables).map(([name, rule]) => {
      const value = given[name] ?? rule.default ?? (rule.type === "bool" ? false : "");
      this.values[name] = value;
      return this.variable(name, rule, value, template.example?.[name]);
    }));
    if (!this.boxSet) this.box.box = template.text_box;
    this.changed();
  }

  variable(name, rule, value, example) {
    const id = `variable-${name}`;
    const keep = (next) => { this.values[name] = next; this.changed(); };
    const title = capital(spoken(name));
    let control;
    if (rule.type === "enum") control = select(rule.values, value, { id, onchange: () => keep(control.value) });
    else if (rule.type === "bool") {
      control = h("input", { type: "checkbox", id, checked: value, onchange: () => keep(control.checked) });
      return h("label", { class: "tick", for: id }, control, title);
    } else if (rule.type === "int" || rule.type === "number") {
      control = h("input", { type: "number", id, value, min: rule.min, max: rule.max, step: rule.type === "int" ? 1 : "any", oninput: () => keep(control.value === "" ? "" : Number(control.value)) });
    } else {
      control = h("input", { type: "text", id, value, maxlength: rule.max_length ?? 40, placeholder: example ?? "", required: rule.required && rule.default === null, oninput: () => keep(control.value) });
    }
    const place = (this.fields[`variables.${name}`] = field(title, control, { hint: rule.description ?? "", name: `variables.${name}` }));
    if (rule.type === "colour") place.append(swatch(control, (next) => { control.value = next; keep(next); }));
    return place;
  }

  drawSizes(wanted = this.size.value) {
    const sizes = this.policy.rules.use_cases[this.useCase.value]?.sizes ?? ["1024x1024"];
    const all = wanted && !sizes.includes(wanted) ? [wanted, ...sizes] : sizes;
    this.size.replaceChildren(...all.map((each) => h("option", { value: each }, `${each.replace("x", " × ")}${shape(each)}`)));
    this.size.value = wanted && all.includes(wanted) ? wanted : all[0];
    this.changed();
  }

  roll() {
    this.seed.value = String(crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS);
    this.seedSet.value = "";
    this.changed();
  }

  // ── what it comes to ─────────────────────────────────────────────────────

  changed() {
    if (!this.form || this.over) return;
    const fromTemplate = this.source.value === "template";
    this.templatePart.hidden = !fromTemplate;
    this.promptPart.hidden = fromTemplate;
    const template = fromTemplate ? this.chosen() : null;
    if (fromTemplate && !template) return;
    const expected = this.expected(template);
    this.box.size = this.size.value || "1024x1024";
    const sample = template && { ...template.example, ...Object.fromEntries(Object.entries(this.values).filter(([, value]) => value !== "")) };
    const meant = (template?.expected_text ?? []).map((each) => filled(each, template.variables, sample) || each.replace(/[{}|]+/g, "").trim());
    this.box.words = (this.texts.value.trim() ? expected : template ? meant : []).join("\n");
    this.texts.placeholder = meant.join("\n") || (template ? "Nothing: this picture carries no words" : "SALE");
    this.fields.expected_text.querySelector(".hint").textContent = template?.expected_text.length && !this.texts.value.trim()
      ? "Left empty, the template’s own: it is read back from the final, letter by letter." : "One line each; read back from the final, letter by letter.";
    this.seedSet.value = [...this.seedSet.options].some((each) => each.value === this.seed.value.trim()) ? this.seed.value.trim() : "";
    this.drawWords(template);
    const pick = this.models.picks.find((each) => each.use_case === this.useCase.value);
    refill(this.why, pick, () => (pick.problem ? [pick.problem] : [pick.why, " ", h("span", { class: "picks" }, `Drafts by ${pick.draft}, finals by ${pick.final}.`)]));
    this.submit.textContent = this.when.value === "auto" ? "Print it" : `Draft ${this.drafts.value === "1" ? "it" : count(Number(this.drafts.value), "sheet")}`;
    this.ask();
  }

  expected(template) {
    const own = this.texts.value.split("\n").map((each) => each.trim()).filter(Boolean);
    if (own.length || !template) return own;
    return template.expected_text.map((each) => filled(each, template.variables, this.values)).filter(Boolean);
  }

  drawWords(template) {
    this.local = true;
    if (!template) return refill(this.words, this.prompt.value, () => this.prompt.value.trim() || h("span", { class: "missing" }, "Write a prompt"));
    const found = pieces(template.prompt, template.variables, this.values);
    this.local = found !== null;
    return refill(this.words, found, () => found === null
      ? h("span", { class: "missing" }, "This template decides by itself: its words are shown with the estimate.")
      : found.map((each) => (each.from ? h("mark", { class: each.missing ? "missing" : "" }, each.missing ? spoken(each.from) : each.text) : each.text)));
  }

  /** The body of the request: only what was chosen. */
  wish() {
    const template = this.source.value === "template" ? this.chosen() : null;
    const own = this.texts.value.split("\n").map((each) => each.trim()).filter(Boolean);
    const wish = { use_case: this.useCase.value, drafts: Number(this.drafts.value), finalize: this.when.value, size: this.size.value };
    if (template) {
      wish.template = `${this.template.value}@${this.version.value}`;
      wish.variables = Object.fromEntries(Object.entries(this.values).filter(([, value]) => value !== ""));
    } else wish.prompt = this.prompt.value;
    if (own.length) wish.expected_text = own;
    const expected = this.expected(template);
    if (this.box.box && expected.length && String(this.box.box) !== String(template?.text_box)) Object.assign(wish, { text_box: this.box.box, expected_text: expected });
    const seed = this.seed.value.trim();
    if (seed) wish.seed = /^\d+$/.test(seed) ? Number(seed) : seed;
    for (const [name, control] of [["negative_prompt", this.negative], ["model", this.model], ["webhook", this.webhook]]) if (control.value.trim()) wish[name] = control.value.trim();
    for (const [name, control] of [["guidance", this.guidance], ["steps", this.steps]]) if (control.value !== "") wish[name] = Number(control.value);
    if (this.ceiling.value) wish.max_cost_usd_micros = Math.round(Number(this.ceiling.value) * 1e6);
    const tags = this.tags.value.split(",").map((each) => each.trim()).filter(Boolean);
    if (tags.length) wish.tags = tags;
    return wish;
  }

  async estimate() {
    const number = (this.asked = (this.asked ?? 0) + 1);
    const wish = this.wish();
    const incomplete = wish.template ? Object.entries(this.chosen().variables).some(([name, rule]) => rule.required && rule.default === null && wish.variables[name] === undefined) : !wish.prompt.trim();
    if (incomplete) return this.tellEstimate(null);
    try {
      const found = await post("v1/estimate", wish);
      if (number === this.asked && !this.over) { this.complain(null); this.tellEstimate(found); }
    } catch (error) {
      if (number !== this.asked || this.over) return undefined;
      this.tellEstimate(null);
      if (error.status === 422 || error.status === 410) this.complain(error);
    }
    return undefined;
  }

  tellEstimate(found) {
    if (found && !this.local) refill(this.words, found.prompt, () => found.prompt);
    refill(this.facts, found && { ...found, prompt: "" }, () => found
      ? h("dl", { class: "ticket" },
        priced(count(found.drafts, "draft"), found.draft, found.drafts), found.final && priced("Final", found.final, 1),
        h("div", { class: "sum" }, h("dt", {}, "Altogether, about", h("small", {}, found.latency_ms === null ? "no render of this kind to time it by yet" : `in ${duration(found.latency_ms)}`)),
          h("dd", {}, found.cost_usd_micros === null ? "unknown yet" : dollars(found.cost_usd_micros), found.most_usd_micros > found.cost_usd_micros && h("small", {}, `${dollars(found.most_usd_micros)} with all ${count(found.repairs, "repair")}`))),
        found.draft.simulated && h("div", {}, h("dt", {}, simulated()), h("dd", { class: "hint" }, "painted by the local simulator")))
      : h("p", { class: "hint" }, "Cost and time are estimated when the words are complete."));
  }

  complain(error) {
    for (const each of Object.values(this.fields)) each.complain(null);
    this.problem.textContent = "";
    if (!error) return null;
    const place = this.fields[error.param] ?? this.fields[error.param?.split(".")[0]];
    if (place?.isConnected) place.complain(error.message);
    else this.problem.textContent = error.message;
    return place;
  }

  async send() {
    this.key ??= crypto.randomUUID();
    try {
      const job = await post("v1/jobs", this.wish(), { headers: { "idempotency-key": this.key } });
      this.key = null;
      go(`jobs/${job.id}`);
    } catch (error) {
      if (!error.status) throw error; // nobody answered: the same key makes the next try safe
      this.key = null;
      const place = this.complain(error);
      if (place?.isConnected) {
        place.closest("details")?.setAttribute("open", "");
        place.querySelector("input, select, textarea")?.focus();
      }
      say(error.message, "bad");
    }
  }
}

/** One line of the estimate; a model sold by the second has no price before it painted something like it. */
const priced = (label, render, times) => h("div", {}, h("dt", {}, label, h("small", {}, render.alias ? `${render.model} for ${render.alias.asked}` : render.model)),
  h("dd", {}, render.cost_usd_micros === null ? "–" : dollars(render.cost_usd_micros * times), render.latency_ms !== null && h("small", {}, `about ${duration(render.latency_ms)}`)));

function shape(size) {
  const [width, height] = size.split("x").map(Number);
  return width === height ? ", square" : width > height ? ", wide" : ", tall";
}

/** A colour may be named in words no browser knows; then the swatch shows the whole wheel, not a wrong colour. */
function swatch(control, choose) {
  const picker = h("input", { type: "color", "aria-label": "Pick the colour", value: /^#[0-9a-f]{6}$/i.test(control.value) ? control.value : "#c0301c", oninput: () => { choose(picker.value); tell(); } });
  const place = h("span", { class: "swatch" }, picker);
  const tell = () => {
    const known = CSS.supports("color", control.value);
    place.classList.toggle("known", known);
    place.style.setProperty("--swatch", known ? control.value : "transparent");
  };
  control.addEventListener("input", tell);
  tell();
  return place;
}

/** Buttons of which one is pressed; `value` reads and sets it. */
function segments(label, options, first, changed) {
  const place = h("div", { class: "segments", role: "group", "aria-label": label }, options.map(([value, text]) =>
    h("button", { type: "button", data: { value }, onclick: () => { place.value = value; changed(); } }, text)));
  Object.defineProperty(place, "value", {
    get: () => place.dataset.value,
    set: (value) => {
      place.dataset.value = value;
      for (const each of place.children) each.setAttribute("aria-pressed", String(each.dataset.value === value));
    },
  });
  place.value = first;
  return place;
}

function radios(name, options, first, changed) {
  const place = h("fieldset", { class: "radios" }, h("legend", {}, "Final"), options.map(([value, text, hint]) =>
    h("label", {}, h("input", { type: "radio", name, value, checked: value === first, onchange: changed }), h("span", {}, h("b", {}, text), h("small", {}, hint)))));
  Object.defineProperty(place, "value", {
    get: () => place.querySelector(":checked").value,
    set: (value) => { place.querySelector(`[value="${value}"]`).checked = true; },
  });
  return place;
}
