// Values in the words a designer reads: money, time, seeds, stages. Pure.

/** `$0.0123`: three digits that count, and at least two decimals. */
export function dollars(micros) {
  const amount = micros / 1e6;
  if (amount >= 1 || amount === 0) return `$${amount.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
  const [whole, fraction = ""] = Number(amount.toPrecision(3)).toFixed(6).replace(/0+$/, "").split(".");
  return `$${whole}.${fraction.padEnd(2, "0")}`;
}

/** Of one image, and of a thousand. */
export const perThousand = (micros) => `$${(micros / 1000).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** `431 ms`, `2.3 s`, `4 min 05 s`. */
export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}

/** `just now`, `12 s ago` … `3 d ago`. */
export function ago(then, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(then)) / 1000));
  if (seconds < 5) return "just now";
  for (const [unit, length] of [["d", 86_400], ["h", 3600], ["min", 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  }
  return `${seconds} s ago`;
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const moment = (at) => MOMENT.format(new Date(at));
export const bytes = (count) => (count < 1024 ? `${count} B` : count < 1048576 ? `${(count / 1024).toFixed(0)} kB` : `${(count / 1048576).toFixed(1)} MB`);
export const percent = (share, digits = 0) => `${(share * 100).toFixed(digits)} %`;
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en-US")} ${number === 1 ? one : many}`;

/** Every stage: its word, and how far the press is (0 waiting … 4 done). */
export const STAGES = {
  queued: ["Queued", 0], drafting: ["Drafting", 0], awaiting_approval: ["Needs your eye", 1],
  waiting_off_peak: ["Due tonight", 1], finalizing: ["Printing final", 1], verifying: ["Checking", 2],
  repairing: ["Repairing", 2], done: ["Done", 4], rejected: ["Rejected", 1], failed: ["Failed", 2],
  canceled: ["Canceled", 0], expired: ["Expired", 1],
};
export const ENDED = new Set(["done", "rejected", "failed", "canceled", "expired"]);
const STANDING = new Set(["awaiting_approval", "waiting_off_peak"]);
export const moving = (stage) => !ENDED.has(stage) && !STANDING.has(stage);
export const stageWord = (stage) => STAGES[stage]?.[0] ?? stage;

export const templateName = (ref) => (ref ? `${ref.name}@${ref.version}` : "free prompt");

/** What the seed is worth: [short, long]. Never a claim the host did not make. */
export function seedWorth(seed) {
  if (seed.sent === null) return ["not sent", "This host takes no seed: another render will differ."];
  const drift = seed.reported !== null && seed.reported !== seed.sent ? ` The host reports ${seed.reported}.` : "";
  return {
    exact: ["honoured, exact", `Same recipe, same bytes.${drift}`],
    best_effort: ["best effort", `Close to equal, not equal.${drift}`],
    none: ["sent, not honoured", `The host takes the seed and does not keep to it.${drift}`],
  }[seed.determinism];
}

/** `dalle3-hd, served by sketch-fine`: what was asked for and what painted. */
export const modelName = (render) => (render.alias ? `${render.alias.asked}, served by ${render.alias.served_by}` : render.model);

const SAMPLERS = { typography: "typography pass", typeset: "typeset" };

/** Settings of a recipe beside prompt and seed. */
export function settings(recipe) {
  const parts = [recipe.size.replace("x", " × ")];
  if (recipe.steps !== null) parts.push(`${recipe.steps} steps`);
  if (recipe.guidance_scale !== null) parts.push(`guidance ${recipe.guidance_scale}`);
  if (recipe.sampler !== "default") parts.push(SAMPLERS[recipe.sampler] ?? recipe.sampler);
  if (recipe.mask) parts.push("masked");
  return parts.join(", ");
}

/** `Draft 2`, `Final`, `Final, attempt 3`. */
export function renderName(render) {
  if (render.tier === "draft") return `Draft ${render.candidate}`;
  return render.attempt > 1 ? `Final, attempt ${render.attempt}` : "Final";
}

/** What a job is called: the words that fill its template, or its prompt. */
export function jobTitle(job) {
  const said = Object.entries(job.input.variables ?? {}).filter(([, value]) => typeof value === "string").map(([, value]) => value);
  if (!job.template || !said.length) return job.prompt;
  return capital(said.join(", "));
}

const STEPS = {
  reseed: "A fresh seed", lower_guidance: "Less guidance", letter_box: "Lettering under a mask", strict_letter_box: "A stricter mask",
  letterer: "The lettering model", typeset: "Words set in type",
};

/** A step of the repair ladder for people. */
export const stepName = (step) => STEPS[step] ?? capital(spoken(step));

/** An error without its code in front and without the JSON a host wrapped it in. */
export function plainly(text) {
  const wrapped = text.match(/\{"error":.*\}$/s);
  let said = text;
  if (wrapped) {
    try {
      said = `${text.slice(0, wrapped.index)}${JSON.parse(wrapped[0]).error.message ?? wrapped[0]}`;
    } catch {
      said = text; // cut off, or not JSON after all: shown as it came
    }
  }
  return capital(said.replace(/^[a-z]+(_[a-z]+)+: /, ""));
}

/** `hero_banner` for people. */
export const spoken = (name) => name.replaceAll("_", " ").replaceAll("-", " ");
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
