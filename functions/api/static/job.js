// One job: pick a draft, judge the final, see how it came to be.

import "./viewer.js";
import { get, live, post } from "./api.js";
import { h, refill } from "./dom.js";
import { facts } from "./facts.js";
import { rating } from "./rating.js";
import { chip, copier, crops, icon, mark, picture, press, say, select, simulated, strip } from "./pieces.js";
import { asCommand, asCurl, asPython, download, sameAgain } from "./take.js";
import { audit, deliveries } from "./trail.js";
import { letters, marks, verdict, verdictChip } from "./verdict.js";
import { go, may } from "./visit.js";
import { ago, capital, count, dollars, duration, ENDED, jobTitle, moving, plainly, renderName, spoken, stepName, templateName } from "./words.js";

const TURNED_DOWN = new Set(["rendered_text_mismatch", "visible_defects"]);

export async function show(main, { id, query }) {
  const sheet = new Sheet(main, id, query);
  sheet.take(await get(`v1/jobs/${id}`));
  return sheet.watch();
}

class Sheet {
  constructor(main, id, query) {
    Object.assign(this, { id, wanted: { left: query.get("left"), right: query.get("right") } });
    this.head = h("header", { class: "jobhead" });
    this.contact = h("section", { class: "contact", "aria-label": "Contact sheet", hidden: true });
    this.proof = document.createElement("pc-proof");
    this.proof.overlay = true;
    this.choice = h("div", { class: "row picks" });
    this.side = h("div", { class: "side" });
    this.desk = h("section", { class: "lighttable", "aria-label": "Proof", hidden: true }, h("div", { class: "mountview" }, h("div", { class: "bed" }, crops(), this.proof), this.choice), this.side);
    this.pending = h("section", { class: "onpress" });
    this.attempts = h("section", { class: "ladder", hidden: true });
    this.rate = h("section", { class: "rate" });
    this.along = h("section", { class: "along" });
    this.trail = h("section", { class: "trail" });
    this.posts = h("section", { class: "posts", hidden: true });
    main.append(this.head, this.contact, this.pending, this.desk, this.attempts, h("div", { class: "twofold" }, h("div", {}, this.rate, this.along), h("div", {}, this.trail, this.posts)));
  }

  watch() {
    const stop = live(async () => {
      this.take(await get(`v1/jobs/${this.id}`));
      return moving(this.job.stage) ? 1 : ENDED.has(this.job.stage) ? 20 : 4;
    });
    return () => { this.over = true; stop(); this.stopPosts?.(); };
  }

  /** Show the job as it is now; what did not change is left alone. */
  take(job) {
    if (this.over || job === this.job) return;
    const before = this.job;
    this.job = job;
    document.title = `${jobTitle(job).slice(0, 60)} · Presscheck`;
    this.renders = job.attempts.filter((each) => each.image);
    this.drawHead();
    this.drawContact();
    this.drawProof();
    this.drawAttempts();
    if (!before) { this.drawAlong(); this.drawRate(); }
    if (!before || before.stage !== job.stage) {
      this.drawTrail();
      this.drawRate();
      if (before && job.stage === "awaiting_approval") say("The drafts are on the contact sheet.");
      if (before && job.stage === "done") say("The final passed.");
    }
  }

  // ── head ─────────────────────────────────────────────────────────────────

  drawHead() {
    const { job } = this;
    refill(this.head, [job.stage, job.cost_usd_micros, job.error, job.metrics.total_ms, this.accepted?.seq], () => [
      h("a", { class: "back", href: "#/" }, "Board"),
      h("div", { class: "title" },
        h("h1", { tabindex: "-1" }, jobTitle(job)),
        h("div", { class: "actions row" },
          may("render") && !ENDED.has(job.stage) && h("button", { type: "button", class: "quiet", data: { focus: "cancel" }, onclick: (event) => this.act(event, "cancel", {}, "Canceled.") }, "Cancel"),
          may("render") && h("button", { type: "button", data: { focus: "again" }, onclick: (event) => this.again(event.currentTarget) }, icon("again"), "Run again"),
          may("render") && h("a", { class: "button", href: `#/new?from=${job.id}` }, "Change and render"))),
      jobTitle(job) !== job.prompt && h("p", { class: "asprompt" }, job.prompt),
      h("p", { class: "meta row" }, strip(job.stage), h("span", {}, capital(spoken(job.use_case))), h("span", {}, templateName(job.template)),
        h("span", {}, job.size.replace("x", " × ")), h("span", {}, dollars(job.cost_usd_micros)), job.metrics.total_ms !== null && h("span", {}, duration(job.metrics.total_ms)),
        h("time", { datetime: job.created_at, title: job.created_at }, ago(job.created_at)),
        this.renders.some((each) => each.simulated) && simulated(), job.input.tags.map((tag) => h("a", { class: "tag", href: `#/?tag=${encodeURIComponent(tag)}` }, tag)),
        h("span", { class: "id" }, h("span", { class: "mono soft" }, job.id), copier(() => job.id, "Copy id"))),
      job.error && h("div", { class: "failure", role: "status" }, h("h2", {}, this.why(job)), h("p", {}, plainly(job.error)), TURNED_DOWN.has(job.error_detail?.code) && [h("p", { class: "hint" }, "The best attempt is below. Give the words more room, fewer letters or another style, and render again; or take one as it is."), may("approve") && this.takeAsItIs()]),
      this.accepted && h("p", { class: "failure mild" }, `Verification turned this final down; ${this.accepted.actor} took it as it is${this.accepted.data.reason ? `: “${this.accepted.data.reason}”` : "."}`),
    ]);
  }

  /** A person looked, and it will do: the only way a final that was turned down is delivered, and it is on record. */
  takeAsItIs() {
    const finals = this.renders.filter((each) => each.tier === "final");
    const which = select(finals.map((each) => [each.attempt, renderName(each)]), this.job.final?.attempt, { "aria-label": "Which attempt" });
    const reason = h("input", { type: "text", maxlength: 500, placeholder: "Why it will do; kept on record", "aria-label": "Why it will do" });
    return h("p", { class: "row" }, which, reason,
      h("button", { type: "button", id: "accept", onclick: (event) => this.act(event, "accept", { attempt: Number(which.value), reason: reason.value }, "Accepted, and on record.") }, icon("check"), "Accept it"));
  }

  why(job) {
    if (job.error_detail?.code === "rendered_text_mismatch") return "The final does not say what was asked";
    if (job.error_detail?.code === "visible_defects") return "The final shows a defect";
    return job.stage === "failed" ? "This job failed" : "This job ended without a final";
  }

  async act(event, path, body, done) {
    await press(event.currentTarget, async () => {
      this.wanted = {};
      this.take(await post(`v1/jobs/${this.id}/${path}`, body));
      if (done) say(done);
    });
  }

  again(button) {
    return press(button, async () => {
      const job = await post("v1/jobs", sameAgain(this.job));
      say("The same recipe again: equal pictures come from the cache.");
      go(`jobs/${job.id}`);
    });
  }

  // ── contact sheet ────────────────────────────────────────────────────────

  drawContact() {
    const { job } = this;
    const asks = job.stage === "awaiting_approval";
    const drafts = job.drafts.filter((each) => each.image);
    const coming = job.stage === "drafting" || job.stage === "queued" ? Math.max(job.input.drafts - drafts.length, 0) : 0;
    this.contact.hidden = !(asks || drafts.length > 1 || (coming && job.input.drafts > 1));
    if (this.contact.hidden) return;
    const picked = job.chosen_draft ?? this.picked ?? (asks ? drafts[0]?.candidate : null);
    this.contact.classList.toggle("asks", asks);
    refill(this.contact, [job.stage, drafts.map((each) => [each.candidate, each.image.sha256]), coming, job.chosen_draft], () => [
      h("fieldset", { class: "frames" },
        h("legend", {}, asks ? "Which one goes to print?" : "Contact sheet"),
        drafts.map((each) => this.frame(each, each.candidate === picked, asks)),
        Array.from({ length: coming }, () => h("div", { class: "shot coming" }, h("div", { class: "film", style: { "--ratio": this.ratio() } }, mark(true)), h("p", { class: "hint" }, "Drafting")))),
      asks && may("approve") && this.decide(drafts),
      asks && !may("approve") && h("p", { class: "hint" }, "This key may look, not approve."),
    ]);
    if (asks) this.picked ??= picked;
  }

  ratio() {
    return this.job.size.replace("x", " / ");
  }

  frame(draft, picked, asks) {
    const name = `Draft ${draft.candidate}`;
    const input = h("input", {
      type: "radio", name: "draft", class: "vh", value: draft.candidate, checked: picked, disabled: !asks, id: `draft-${draft.candidate}`,
      onchange: () => { this.picked = draft.candidate; this.drawProof(); },
    });
    return h("label", { class: "shot", for: input.id }, input,
      h("div", { class: "film", style: { "--ratio": `${draft.image.width} / ${draft.image.height}` } }, picture(draft.image, `${name} of “${jobTitle(this.job)}”`), pencil()),
      h("p", { class: "hint" }, h("b", {}, String(draft.candidate)), ` seed ${draft.seed.sent ?? draft.seed.requested}`, draft.cached ? ", cached" : `, ${duration(draft.latency_ms.total).replaceAll(" ", "\u00a0")}`));
  }

  decide(drafts) {
    const reason = h("input", { type: "text", placeholder: "Why not? Kept on record", "aria-label": "Reason for the rejection", maxlength: 500 });
    const more = select([1, 2, 3, 4].map((each) => [each, `${each} more`]), 3, { "aria-label": "How many more drafts" });
    return h("div", { class: "decide" },
      h("button", { type: "button", class: "primary", id: "approve", onclick: (event) => this.act(event, "approve", { draft: Number(this.picked ?? drafts[0].candidate) }) }, icon("check"), "Print the final"),
      h("button", { type: "button", id: "approve-tonight", onclick: (event) => this.act(event, "approve", { draft: Number(this.picked ?? drafts[0].candidate), off_peak: true }, "The final waits for the off-peak window.") }, "Print it tonight"),
      h("span", { class: "joined" }, h("button", { type: "button", id: "more-drafts", onclick: (event) => this.act(event, "drafts", { count: Number(more.value) }) }, "More like this"), more),
      h("details", { class: "reject" }, h("summary", {}, "Reject all"), h("p", { class: "row" }, reason,
        h("button", { type: "button", class: "danger", id: "reject", onclick: (event) => this.act(event, "reject", { reason: reason.value }, "Rejected.") }, "Reject"))));
  }

  // ── proof ────────────────────────────────────────────────────────────────

  drawProof() {
    const { job, renders } = this;
    const chosen = job.drafts.find((each) => each.candidate === (job.chosen_draft ?? this.picked)) ?? job.drafts[0];
    const final = job.final?.image ? job.final : renders.filter((each) => each.tier === "final").at(-1);
    this.desk.hidden = !renders.length;
    refill(this.pending, [job.stage, renders.length], () => !renders.length && !ENDED.has(job.stage) && job.input.drafts === 1
      ? h("div", { class: "film alone", style: { "--ratio": this.ratio() } }, mark(true)) : null);
    if (!renders.length) return;
    const named = (key) => renders.find((each) => nameOf(each) === key);
    const right = named(this.wanted.right) ?? final ?? chosen;
    const left = named(this.wanted.left) ?? (final && chosen?.image && right !== chosen ? chosen : null);
    const state = JSON.stringify([[left, right].map((each) => each && [nameOf(each), each.image.sha256, each.verification, each.cost_usd_micros]), this.accepted?.seq]);
    if (state === this.shown) return;
    this.shown = state;
    this.proof.show({ left: left && { render: left, name: this.caption(left) }, right: { render: right, name: this.caption(right) }, marks: (render) => marks(render, job.input.text_box) });
    this.drawChoice(left, right);
    refill(this.side, [state, job.stage], () => [
      h("h2", {}, "Verification"), verdict(right.verification || !left?.verification ? right : left),
      job.stage === "done" && right.attempt === job.final?.attempt && right.verification && right.verification.verdict !== "pass" && !this.accepted && h("p", { class: "hint" }, `Use case “${spoken(job.use_case)}” lets this pass.`),
      facts([...(left ? [[renderName(left), left]] : []), [renderName(right), right]]),
    ]);
  }

  caption(render) {
    return `${renderName(render)}${this.job.stage === "failed" && render === this.job.final ? ", best try" : ""}`;
  }

  drawChoice(left, right) {
    const options = this.renders.map((each) => [nameOf(each), renderName(each)]);
    const boxes = h("input", { type: "checkbox", id: "boxes", checked: this.proof.hasAttribute("overlay"), onchange: () => { this.proof.overlay = boxes.checked; } });
    const pick = (side, label, render, none) => h("label", { class: "inline" }, label,
      select([...(none ? [["", "none"]] : []), ...options], render ? nameOf(render) : "", { id: `pick-${side}`, onchange: (event) => { this.wanted[side] = event.target.value || "none"; this.drawProof(); } }));
    refill(this.choice, [options, left && nameOf(left), nameOf(right)], () => [
      h("div", { class: "row" }, h("label", { class: "tick" }, boxes, "What was read and found"),
        this.renders.length > 1 && [pick("left", "Left", left, true), pick("right", "Right", right)]),
      h("div", { class: "row tools" },
        h("button", { type: "button", class: "quiet small", id: "download", onclick: (event) => press(event.currentTarget, async () => say(`Saved ${await download(this.job, right)}: the picture as stored, and its record.`)) }, icon("down"), "Download with provenance"),
        left && h("a", { class: "button quiet small", id: "to-compare", href: `#/compare?left=${this.id}:${nameOf(left)}&right=${this.id}:${nameOf(right)}` }, icon("compare"), "Compare"),
        h("a", { class: "button quiet small", href: `#/compare?right=${this.id}:${nameOf(right)}` }, "With another job")),
    ]);
  }

  lay({ right }) {
    this.wanted.right = nameOf(right);
    this.drawProof();
  }

  // ── attempts ─────────────────────────────────────────────────────────────

  drawAttempts() {
    const finals = this.job.attempts.filter((each) => each.tier === "final");
    const broken = this.job.attempts.filter((each) => each.status === "failed");
    const ended = this.job.error_detail?.context?.ended;
    const tried = finals.length > 1 || ended ? finals : broken.length ? this.job.attempts : [];
    this.attempts.hidden = !tried.length;
    if (!tried.length) return;
    refill(this.attempts, tried.map((each) => [ended, nameOf(each), each.status, each.image?.sha256, each.verification?.verdict]), () => [
      h("h2", {}, `${count(tried.length, "attempt")}, and what each one changed`),
      h("ol", { class: "rungs" }, tried.map((each) => h("li", { class: each.attempt === this.job.final?.attempt && each.tier === "final" ? "rung kept" : "rung" },
        h("p", { class: "change" }, each.tier === "final" ? `${each.attempt}` : `D${each.candidate}`, h("span", {}, each.step ? stepName(each.step) : each.repair ? "Repaired" : each.attempt > 1 ? "The same again" : "As planned")),
        h("button", { type: "button", class: "film", disabled: !each.image, style: { "--ratio": this.ratio() }, "aria-label": `Show ${renderName(each)} in the proof`, data: { focus: `rung-${nameOf(each)}` }, onclick: () => { this.lay({ right: each }); this.desk.scrollIntoView({ block: "nearest" }); } },
          each.image ? picture(each.image, "") : h("span", { class: "gone" }, each.error ? "No picture" : "No picture yet"),
          each.recipe.mask && h("i", { class: "maskbox", "aria-hidden": "true", style: boxStyle(each.recipe.mask) })),
        h("p", { class: "row" }, each.error ? chip(each.error.code, "bad") : verdictChip(each.verification)),
        (each.verification?.texts ?? []).filter((check) => check.verdict !== "pass").map((check) => h("p", { class: "misread" }, "read ", h("span", { class: "letters" }, check.recognized ? letters(check.expected, check.recognized).read.map((one) => (one.differs ? h("del", {}, one.text) : one.text)) : "nothing"))),
        (each.verification?.artifacts ?? []).filter((found) => found.score >= found.limit).map((found) => h("p", { class: "misread" }, spoken(found.kind))),
        each.repair && h("p", { class: "how" }, each.repair),
        each.error && h("p", { class: "how" }, plainly(each.error.message)),
        each.typeset && h("p", { class: "how" }, "The words are set in type, not painted."),
        passedOver(each.skipped),
        h("p", { class: "hint" }, each.cached ? "cached" : duration(each.latency_ms.total), " · ", dollars(each.cost_usd_micros))))),
      ended && h("p", { class: "hint" }, `It ended there: ${ended.replace(/ \(.*\)$/s, "")}.`), passedOver(this.job.error_detail?.context?.skipped),
    ]);
  }

  // ── the rest ─────────────────────────────────────────────────────────────

  drawRate() {
    refill(this.rate, [ENDED.has(this.job.stage), this.job.ratings], () => (this.renders.length && ENDED.has(this.job.stage) ? rating(this.job, (job) => { this.take(job); this.drawRate(); this.drawTrail(); }) : null));
  }

  drawAlong() {
    const forms = { curl: asCurl, Python: asPython, CLI: asCommand };
    const code = h("pre", { tabindex: "0", "aria-label": "The same again as code" });
    const tabs = h("div", { class: "segments", role: "group", "aria-label": "As" }, Object.keys(forms).map((name) =>
      h("button", { type: "button", data: { name }, onclick: () => choose(name) }, name)));
    const choose = (name) => {
      code.textContent = forms[name](this.job);
      for (const each of tabs.children) each.setAttribute("aria-pressed", String(each.dataset.name === name));
    };
    choose("curl");
    this.along.replaceChildren(h("h2", {}, "The same again"), h("div", { class: "row spread" }, tabs, copier(() => code.textContent)), code,
      h("p", { class: "hint" }, "Template version and seed are pinned: this recipe gives this picture, from the cache while it is kept."));
  }

  drawTrail() {
    if (may("audit")) audit(this.trail, this.job).then((events) => {
      this.accepted = events.findLast((each) => each.type === "final.accepted");
      this.drawHead();
      this.drawProof();
    });
    this.posts.hidden = !this.job.input.webhook;
    if (this.job.input.webhook) {
      this.stopPosts?.();
      this.stopPosts = deliveries(this.posts, this.job);
    }
  }
}

/** `d2-1`, `f-3`: one render of a job. */
export const nameOf = (render) => `${render.tier === "draft" ? `d${render.candidate}` : "f"}-${render.attempt}`;

/** The steps of the ladder that answered to what failed and were not taken, each with its reason. */
const passedOver = (skipped) => skipped?.length > 0 && h("ul", { class: "skipped", "aria-label": "Steps passed over" }, skipped.map((each) => h("li", {}, h("s", {}, stepName(each.step)), ` ${each.reason}`)));

const boxStyle = ([x, y, w, hgt]) => ({ left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${hgt * 100}%` });

/** The grease pencil's ring around the frame that was picked. */
function pencil() {
  const ring = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  ring.setAttribute("class", "pencil");
  ring.setAttribute("viewBox", "0 0 100 100");
  ring.setAttribute("preserveAspectRatio", "none");
  ring.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M58 3.5C30 1 5 14 3.5 47 2 82 28 97 53 96.500 82 96 98 78 96.500 48 95 16 70 4 40 5.500");
  ring.append(path);
  return ring;
}
