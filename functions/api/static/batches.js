// Batches: a file goes in, its jobs are counted as they move, results come out.

import { get, live, post } from "./api.js";
import { h, refill } from "./dom.js";
import { chip, crops, empty, failed, icon, mark, press, say, select } from "./pieces.js";
import { save } from "./take.js";
import { go, may } from "./visit.js";
import { ago, bytes, capital, count, dollars, moment, spoken, stageWord } from "./words.js";

const OVER = new Set(["completed", "failed", "expired", "cancelled"]);
const SHOWN = 20;
const EXAMPLE = "template,variables.headline,variables.product,seed\nposter,SALE,a pair of trail shoes,1\nposter,NEW IN,a canvas backpack,2\n";
const WHEN = [["off_peak", "Tonight, off-peak"], ["auto", "At once"], ["on_approval", "When somebody approves"], ["draft_only", "Drafts only"]];

export const show = (main, { id }) => (id ? one(main, id) : all(main));

// ── all of them ──────────────────────────────────────────────────────────────

async function all(main) {
  const list = h("div", { class: "batches" });
  main.append(h("header", { class: "title" }, h("h1", { tabindex: "-1" }, "Batches"), h("p", { class: "hint" }, "One file, many jobs: a CSV with a header of field names, or JSONL with one request a line.")),
    may("render") && drop(), list);
  const draw = (page) => refill(list, page.data, () => (page.data.length ? [page.data.map(row), page.has_more && h("p", { class: "hint" }, "Older batches are listed by ", h("code", {}, "presscheck batch list"), ".")] :
    empty("No batch yet", "Drop a file above, or straight into the bucket under batches/incoming/.", h("button", { type: "button", onclick: () => save("presscheck-batch.csv", new Blob([EXAMPLE], { type: "text/csv" })) }, icon("down"), "An example file"))));
  draw(await get("v1/batches"));
  return live(async () => {
    const page = await get("v1/batches");
    draw(page);
    return page.data.some((each) => !OVER.has(each.status)) ? 2.5 : 20;
  }, (error) => list.replaceChildren(failed(error)));
}

function row(batch) {
  return h("a", { class: "batch", href: `#/batches/${batch.id}` },
    h("span", { class: "name" }, fileName(batch), h("small", {}, ago(batch.created_at * 1000))), state(batch), bar(batch),
    h("span", { class: "sums" }, `${batch.request_counts.completed} of ${batch.request_counts.total}`, h("small", {}, batch.request_counts.failed ? `${batch.request_counts.failed} failed · ` : "", dollars(batch.cost_usd_micros))));
}

const fileName = (batch) => batch.metadata?.file ?? (batch.input_file_id.split("/").at(-1) || "Waiting for its file");

const state = (batch) => chip(capital(spoken(batch.status)), { completed: "good", failed: "bad", expired: "bad", in_progress: "info", finalizing: "info", validating: "info" }[batch.status] ?? "");

const PARTS = [["done", "Done"], ["in_flight", "On the press"], ["resting", "Waiting for a person or the night"], ["waiting", "Not started"], ["failed", "Failed"], ["rejected", "Rejected"], ["expired", "Expired"], ["canceled", "Canceled"], ["refused", "Refused rows"]];

/** Where the rows are, as one bar; the words are beside it. */
function bar(batch) {
  const total = PARTS.reduce((sum, [name]) => sum + batch.stages[name], 0);
  const said = PARTS.filter(([name]) => batch.stages[name]).map(([name, words]) => `${words}: ${batch.stages[name]}`).join(", ");
  return h("span", { class: "progress", role: "img", "aria-label": said || "No rows read yet" }, PARTS.map(([name]) => batch.stages[name] > 0 && h("i", { class: name, style: { "flex-grow": batch.stages[name] / total } })));
}

// ── a new one ────────────────────────────────────────────────────────────────

function drop() {
  const file = h("input", { type: "file", id: "batch-file", accept: ".csv,.jsonl,.ndjson,text/csv", class: "vh" });
  const when = select(WHEN, "off_peak", { id: "batch-when" });
  const seen = h("div", { class: "seenfile" });
  const zone = h("section", { class: "drop", "aria-label": "New batch" }, crops(),
    h("div", { class: "row" }, h("label", { class: "button primary", for: file.id }, "Choose a file"), file, h("span", { class: "hint" }, "or drop it here"),
      h("button", { type: "button", class: "quiet small", onclick: () => save("presscheck-batch.csv", new Blob([EXAMPLE], { type: "text/csv" })) }, icon("down"), "Example")), seen);
  const take = async (chosen) => {
    if (!chosen) return;
    const found = await look(chosen);
    const send = h("button", { type: "button", class: "primary", id: "send-batch", disabled: Boolean(found.problem), onclick: () => press(send, () => upload(chosen, found.format, when.value, meter)) }, "Send");
    const meter = h("progress", { max: 1, value: 0, hidden: true, "aria-label": "Upload" });
    refill(seen, [chosen.name, chosen.size, Date.now()], () => [
      h("p", {}, h("b", {}, chosen.name), h("span", { class: "hint" }, ` ${bytes(chosen.size)}, ${found.whole ? count(found.rows, "row") : `more than ${count(found.rows, "row")}`}`)),
      found.problem && h("p", { class: "wrong", role: "alert" }, found.problem),
      found.head.length > 0 && h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "The first rows" }, h("table", {}, h("thead", {}, h("tr", {}, found.head.map((each) => h("th", { scope: "col" }, each)))),
        h("tbody", {}, found.sample.map((cells) => h("tr", {}, found.head.map((_, at) => h("td", {}, cells[at] ?? ""))))))),
      h("div", { class: "row" }, h("label", { class: "inline", for: when.id }, "Finals"), when, send, meter)]);
  };
  file.addEventListener("change", () => take(file.files[0]));
  for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) zone.addEventListener(kind, (event) => { event.preventDefault(); zone.classList.remove("over"); });
  zone.addEventListener("drop", (event) => take(event.dataTransfer.files[0]));
  return zone;
}

/** The first rows, before anything is sent. The API reads the file properly; this saves a wrong upload. */
async function look(file) {
  const text = await file.slice(0, 65_536).text();
  const whole = file.size <= 65_536;
  const jsonl = /\.(jsonl|ndjson)$/i.test(file.name) || text.trimStart().startsWith("{");
  const found = { format: jsonl ? "jsonl" : "csv", whole, head: [], sample: [], rows: 0, problem: "" };
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/).filter((line) => line.trim());
  if (!lines.length) return { ...found, problem: "The file is empty." };
  if (jsonl) {
    try {
      const bodies = lines.slice(0, 4).map((line) => JSON.parse(line));
      const wishes = bodies.map((each) => each.body ?? each);
      found.head = [...new Set(wishes.flatMap(Object.keys))];
      found.sample = wishes.map((each) => found.head.map((name) => (each[name] === undefined ? "" : typeof each[name] === "object" ? JSON.stringify(each[name]) : String(each[name]))));
      found.rows = lines.length;
    } catch (error) {
      if (whole || !lines[4]) found.problem = `A line is not JSON: ${error.message}`;
    }
    return found;
  }
  const rows = csv(text);
  found.head = rows[0] ?? [];
  found.sample = rows.slice(1, 5);
  found.rows = Math.max(rows.length - 1, 0);
  if (!found.head.some((each) => /^(prompt|template)$/.test(each.trim()))) found.problem = "The first row must name the fields, and one of them must be “prompt” or “template”.";
  else if (!found.rows) found.problem = "There is a header and no row.";
  return found;
}

/** Cells of a CSV as RFC 4180 has it. */
function csv(text) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at], line = rows.at(-1);
    if (quoted && char === '"' && text[at + 1] === '"') line[line.length - 1] += text[(at += 1)];
    else if (char === '"') quoted = !quoted;
    else if (quoted || !",\n\r".includes(char)) line[line.length - 1] += char;
    else if (char === ",") line.push("");
    else if (char === "\n") rows.push([""]);
  }
  return rows.filter((line) => line.some((cell) => cell.trim()));
}

async function upload(file, format, finalize, meter) {
  const batch = await post("v1/batches", { format, finalize, metadata: { file: file.name.slice(0, 512) } });
  meter.hidden = false;
  await new Promise((done, lost) => {
    const wire = new XMLHttpRequest();
    wire.open(batch.upload.method, batch.upload.url);
    for (const [name, value] of Object.entries(batch.upload.headers)) if (name.toLowerCase() !== "host") wire.setRequestHeader(name, value);
    wire.upload.onprogress = (event) => { meter.value = event.lengthComputable ? event.loaded / event.total : 0; };
    wire.onload = () => (wire.status < 300 ? done() : lost(new Error(`The storage refused the file (${wire.status}).`)));
    wire.onerror = () => lost(new Error("The upload broke off. Send it again; nothing was started."));
    wire.send(file);
  });
  say("The file is there; its rows are being read.");
  go(`batches/${batch.id}`);
}

// ── one of them ──────────────────────────────────────────────────────────────

async function one(main, id) {
  const head = h("div", {}), files = h("div", { class: "files" });
  main.append(head, files);
  let fetched = "";
  const draw = async () => {
    const batch = await get(`v1/batches/${id}`);
    document.title = `${fileName(batch)} · Presscheck`;
    refill(head, { ...batch, output_file_url: 0, error_file_url: 0 }, () => summary(batch, draw));
    const ready = `${batch.output_file_id}${batch.error_file_id}`;
    if (OVER.has(batch.status) && ready !== fetched) {
      fetched = ready;
      files.replaceChildren(await results(batch));
    }
    return OVER.has(batch.status) ? null : 2;
  };
  await draw();
  return live(draw, (error) => head.replaceChildren(failed(error)));
}

function summary(batch, again) {
  const left = batch.eta && batch.eta * 1000 - Date.now();
  return [
    h("a", { class: "back", href: "#/batches" }, "Batches"),
    h("header", { class: "title" }, h("h1", { tabindex: "-1" }, fileName(batch)),
      h("div", { class: "actions row" }, may("render") && !OVER.has(batch.status) && h("button", { type: "button", class: "danger", data: { focus: "cancel-batch" }, onclick: (event) => press(event.currentTarget, async () => { await post(`v1/batches/${batch.id}/cancel`); say("No more rows are started."); again(); }) }, "Cancel"))),
    h("p", { class: "meta row" }, state(batch), h("span", {}, `Sent ${moment(batch.created_at * 1000)}`), h("span", {}, dollars(batch.cost_usd_micros)),
      left > 0 && h("span", {}, `done about ${moment(batch.eta * 1000)}`), h("span", { class: "mono soft" }, batch.id)),
    !batch.input_file_id && !OVER.has(batch.status) && h("p", { class: "waiting" }, mark(true), "Waiting for its file"),
    h("div", { class: "bigbar" }, bar(batch)),
    h("dl", { class: "figures" }, PARTS.filter(([name]) => batch.stages[name] || name === "done").map(([name, words]) => h("div", {}, h("dt", { class: `key ${name}` }, words), h("dd", {}, String(batch.stages[name]))))),
    batch.errors && h("div", { class: "failure", role: "status" }, h("h2", {}, "This file cannot be taken"), batch.errors.data.map((each) => h("p", {}, each.line ? `Row ${each.line}: ` : "", each.message))),
  ];
}

async function results(batch) {
  const [done, refused] = await Promise.all([lines(batch.output_file_url), lines(batch.error_file_url)]);
  return h("div", { class: "twofold" },
    h("section", {}, h("h2", {}, "Results"), done.length ? table(["Row", "Job", "Status", "Cost"], done.slice(0, SHOWN).map((each) => [each.row, each.job_id ? h("a", { href: `#/jobs/${each.job_id}` }, each.job_id) : "not started", stageWord(each.stage), dollars(each.cost_usd_micros)])) : h("p", { class: "hint" }, "No job of this batch ended."),
      batch.output_file_url && h("p", { class: "row" }, h("a", { class: "button small", href: batch.output_file_url, download: "results.jsonl" }, icon("down"), `results.jsonl, ${count(done.length, "line")}`))),
    h("section", {}, h("h2", {}, "Errors"), refused.length ? table(["Row", "What is wrong"], refused.slice(0, SHOWN).map((each) => [each.row ?? "file", `${each.field ? `${each.field}: ` : ""}${each.reason}`])) : h("p", { class: "hint" }, "Every row was a job."),
      batch.error_file_url && h("p", { class: "row" }, h("a", { class: "button small", href: batch.error_file_url, download: "errors.jsonl" }, icon("down"), `errors.jsonl, ${count(refused.length, "line")}`))));
}

async function lines(url) {
  if (!url) return [];
  const reply = await fetch(url);
  if (!reply.ok) return [];
  return (await reply.text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

const table = (head, rows) => h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": head.join(", ") }, h("table", { class: "facts plainrows" }, h("thead", {}, h("tr", {}, head.map((each) => h("th", { scope: "col" }, each)))), h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((each) => h("td", {}, each)))))));
