// Taking a render along: the same recipe as a command, and the picture with its record.

import { address, get } from "./api.js";

/** The request that asks for the very same again: versions and seed pinned. */
export function sameAgain(job) {
  const { input } = job;
  const wish = { use_case: job.use_case, drafts: input.drafts, finalize: input.finalize, size: job.size, seed: job.seed };
  if (job.template) Object.assign(wish, { template: `${job.template.name}@${job.template.version}`, variables: input.variables });
  else wish.prompt = input.prompt;
  for (const name of ["model", "negative_prompt", "guidance", "steps", "text_box", "init_image", "mask_image", "strength", "max_cost_usd_micros"]) {
    if (input[name] !== null && input[name] !== undefined) wish[name] = input[name];
  }
  for (const name of ["expected_text", "tags"]) if (input[name]?.length) wish[name] = input[name];
  return wish;
}

const quoted = (text) => `'${String(text).replaceAll("'", `'\\''`)}'`;

export function asCurl(job) {
  return [
    `curl -X POST ${quoted(address("v1/jobs"))} \\`,
    "  -H \"Authorization: Bearer $PRESSCHECK_API_KEY\" -H 'content-type: application/json' \\",
    `  -d ${quoted(JSON.stringify(sameAgain(job), null, 2))}`,
  ].join("\n");
}

export function asPython(job) {
  const wish = JSON.stringify(sameAgain(job), null, 4).replace(/^/gm, "    ").trim();
  return `import os\n\nimport httpx\n\njob = httpx.post(\n    ${JSON.stringify(address("v1/jobs"))},\n    headers={"Authorization": f"Bearer {os.environ['PRESSCHECK_API_KEY']}"},\n    json=${wish},\n).raise_for_status().json()\nprint(job["id"], job["urls"]["get"])\n`;
}

const OPTIONS = { variables: null, tags: "--tag", text_box: null };

export function asCommand(job) {
  const { max_cost_usd_micros: _, init_image: __, mask_image: ___, strength: ____, ...wish } = sameAgain(job);
  const parts = Object.entries(wish).flatMap(([name, value]) => {
    if (name === "variables") return Object.entries(value).map(([key, each]) => `--var ${quoted(`${key}=${typeof each === "string" && /^(true|false|null|-?[\d.]+|".*")$/.test(each) ? JSON.stringify(each) : each}`)}`);
    if (name === "text_box") return `--text-box ${value.join(",")}`;
    const option = OPTIONS[name] ?? `--${name.replaceAll("_", "-")}`;
    return [value].flat().map((each) => `${option} ${/^[\w.@-]+$/.test(each) ? each : quoted(each)}`);
  });
  return `presscheck render ${parts.join(" \\\n  ")}`;
}

/** The picture as it is stored and everything on record about it, in one zip; answers its name. */
export async function download(job, render) {
  // Not from the browser's cache: the copy an <img> left there came without CORS headers.
  const [reply, audit] = await Promise.all([fetch(render.image.url, { cache: "no-store" }), get(`v1/jobs/${job.id}/audit`).catch((error) => ({ problem: error.message }))]);
  if (!reply.ok) throw new Error(`The picture could not be fetched (${reply.status}). Reload the page and try again.`);
  const picture = new Uint8Array(await reply.arrayBuffer());
  const sha256 = await digest(picture);
  if (sha256 && sha256 !== render.image.sha256) throw new Error(`The bytes that came are not the ones on record (sha256 ${sha256.slice(0, 12)}…). Nothing was saved.`);
  const stem = `${job.id}-${render.tier === "draft" ? `draft-${render.candidate}` : "final"}`;
  const ending = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp" }[render.image.mime] ?? "bin";
  const { url: _, ...image } = render.image;
  const record = {
    format: "presscheck.provenance/1", exported_at: new Date().toISOString(), api: address(""), job_id: job.id,
    render: { ...render, image }, request: job.input, prompt: job.prompt, expected_text: job.expected_text, policy_version: job.policy_version,
    template: job.template, same_again: sameAgain(job), audit,
  };
  const name = `${stem}.zip`;
  save(name, zip([[`${stem}.${ending}`, picture], [`${stem}.json`, new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`)]]));
  return name;
}

async function digest(data) {
  if (!crypto.subtle) return null; // plain http beyond this machine
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", data))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Hand a file to the browser. */
export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  const anchor = document.createElement("a");
  Object.assign(anchor, { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

// ── zip, stored: pictures are compressed already (APPNOTE 6.3.10) ────────────

const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest >>> 0;
});

function crc32(data) {
  let sum = 0xffffffff;
  for (const byte of data) sum = CRC[(sum ^ byte) & 255] ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}

function zip(files) {
  const parts = [], directory = [];
  const now = new Date();
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  let offset = 0;
  for (const [name, data] of files) {
    const title = new TextEncoder().encode(name);
    const facts = [20, 0x0800, 0, time, date]; // needs 2.0, names are UTF-8, stored
    const sizes = [crc32(data), data.length, data.length];
    const local = record([[4, 0x04034b50], ...facts.map((each) => [2, each]), ...sizes.map((each) => [4, each]), [2, title.length], [2, 0]]);
    directory.push(record([[4, 0x02014b50], [2, 20], ...facts.map((each) => [2, each]), ...sizes.map((each) => [4, each]), [2, title.length], [2, 0], [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]), title);
    parts.push(local, title, data);
    offset += local.length + title.length + data.length;
  }
  const size = directory.reduce((sum, each) => sum + each.length, 0);
  const end = record([[4, 0x06054b50], [2, 0], [2, 0], [2, files.length], [2, files.length], [4, size], [4, offset], [2, 0]]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

function record(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [width]) => sum + width, 0)));
  let at = 0;
  for (const [width, value] of fields) {
    if (width === 4) view.setUint32(at, value, true);
    else view.setUint16(at, value, true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}
