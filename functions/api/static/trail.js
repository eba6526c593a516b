// The audit chain as a timeline, and what was told to the webhook.

import { get, live, post } from "./api.js";
import { h, refill } from "./dom.js";
import { chip, icon, press, say } from "./pieces.js";
import { ago, capital, count, duration, moment } from "./words.js";

const TOLD = {
  "job.submitted": "Submitted", "render.started": "Render ordered", "render.joined": "Same recipe on the way already",
  "render.finished": "Painted", "render.cached": "From the cache", "render.failed": "A try failed", "render.refused": "No model could take it",
  "final.verified": "Final verified", "final.accepted": "Accepted as it is", "approval.requested": "Drafts laid out", "decision.made": "Decided", "draft.chosen": "Draft chosen",
  "round.opened": "More drafts", "job.completed": "Done", "job.failed": "Failed", "job.rejected": "Rejected", "job.expired": "Expired", "job.canceled": "Canceled",
};

/** Fill `place` with the chain as it is now, checked by the API as it reads; answers its events. */
export async function audit(place, job) {
  let chain;
  try {
    chain = await get(`v1/jobs/${job.id}/audit`);
  } catch (error) {
    refill(place, error.message, () => [h("h2", {}, "Audit"), h("p", { class: "hint" }, error.message)]);
    return [];
  }
  refill(place, [chain.intact, chain.events.length], () => [
    h("h2", {}, "Audit"),
    h("p", { class: chain.intact ? "seal good" : "seal bad" }, icon(chain.intact ? "check" : "cross"),
      chain.intact ? `Unbroken: ${count(chain.events.length, "event")}, each sealed and pointing to the one before.` : `Broken: ${chain.problem}`),
    h("ol", { class: "events" }, chain.events.map((event) => h("li", {},
      h("details", {}, h("summary", {}, h("span", { class: "what" }, TOLD[event.type] ?? capital(event.type.replaceAll(".", " ").replaceAll("_", " "))), gist(event),
        h("span", { class: "when" }, h("span", { class: "by" }, event.actor), " ", h("time", { datetime: event.at, title: moment(event.at) }, new Date(event.at).toLocaleTimeString()))),
        h("dl", {}, Object.entries(event.data).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, typeof value === "object" ? JSON.stringify(value) : String(value)))),
          h("div", {}, h("dt", {}, "seal"), h("dd", { class: "mono" }, event.digest)), h("div", {}, h("dt", {}, "before it"), h("dd", { class: "mono" }, event.prev))))))),
  ]);
  return chain.events;
}

function gist(event) {
  const { data } = event;
  const said = data.verdict ?? data.word ?? data.stage ?? data.model ?? data.reason;
  return typeof said === "string" && said ? h("span", { class: "gist" }, said.replaceAll("_", " ").slice(0, 60)) : null;
}

/** Keep `place` filled with the deliveries to the job's webhook; answers a function that ends it. */
export function deliveries(place, job) {
  return live(async () => {
    const found = await get(`v1/jobs/${job.id}/deliveries`);
    refill(place, found.deliveries, () => [
      h("h2", {}, "Webhook"), h("p", { class: "hint mono" }, job.input.webhook),
      found.deliveries.length ? h("ol", { class: "posts" }, found.deliveries.map((each) => delivery(job, each))) : h("p", { class: "hint" }, "Nothing was told yet."),
    ]);
    return found.deliveries.some((each) => each.status === "pending") ? 3 : 15;
  }, (error) => place.replaceChildren(h("h2", {}, "Webhook"), h("p", { class: "hint" }, error.message)));
}

function delivery(job, each) {
  const kind = { delivered: "good", pending: "info" }[each.status] ?? "bad";
  const send = (event) => press(event.currentTarget, async () => {
    await post(`v1/jobs/${job.id}/deliveries/${each.id}/redeliver`);
    say("Sent once more.");
  });
  return h("li", {},
    h("p", { class: "row" }, h("b", {}, each.event.replace("job.", "").replaceAll("_", " ")), chip(each.status, kind),
      each.next_try_at && each.status === "pending" && h("span", { class: "hint" }, `next try ${moment(each.next_try_at)}`),
      each.status !== "pending" && h("button", { type: "button", class: "quiet small", data: { focus: each.id }, onclick: send }, icon("again"), "Redeliver")),
    each.tries.map((one) => h("p", { class: "hint" }, `${one.number}. `, one.status_code ?? one.error, ` in ${duration(one.latency_ms)}, ${ago(one.at)}`)),
    each.reason && h("p", { class: "hint" }, each.reason));
}
