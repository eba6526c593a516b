// The only module that talks to the API. Hides the key, ETags, the shape of errors and when to ask again.

const KEPT = "presscheck.key";
let key = sessionStorage.getItem(KEPT) ?? "";
const seen = new Map(); // address -> {etag, data}: an answer 304 is read from here
const SEEN_AT_MOST = 200;

/** Fires "signed-out", "offline" and "online". */
export const signals = new EventTarget();

/** The API refused: status, code, message and, where one field is to blame, its name. */
export class Refused extends Error {
  constructor(status, body, headers) {
    super(body?.detail ?? `The API answered ${status}.`);
    this.status = status;
    this.code = body?.error?.code ?? "";
    this.param = body?.error?.param ?? null;
    this.body = body;
    this.retryAfter = Number(headers.get("retry-after")) || 0;
  }
}

/** Nobody answered. */
export class Offline extends Error {
  constructor() {
    super("The API cannot be reached.");
  }
}

export const signedIn = () => key !== "";
export const heldKey = () => key;

/** Use this key; `keep` it until the tab closes, else until the page is left. What another key was told is forgotten. */
export function signIn(given, keep) {
  key = given;
  forget();
  if (keep) sessionStorage.setItem(KEPT, given);
  else sessionStorage.removeItem(KEPT);
}

export function signOut() {
  key = "";
  forget();
  sessionStorage.removeItem(KEPT);
  signals.dispatchEvent(new Event("signed-out"));
}

/** The full address of a path of this API: the stage is part of it behind API Gateway. */
export const address = (path) => new URL(path, document.baseURI).href;

/** The path with its query; empty values are left out. */
export function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

const asked = new Map(); // address -> an answer on its way: who asks meanwhile waits for the same one

/** GET. Equal answers are the same object, so that who renders can compare by identity. */
export function get(path) {
  if (!asked.has(path)) {
    const answer = ask("GET", path).finally(() => asked.get(path) === answer && asked.delete(path));
    asked.set(path, answer);
  }
  return asked.get(path);
}

/** POST as JSON. */
export const post = (path, body = {}, options) => ask("POST", path, { ...options, body });

function forget() {
  seen.clear();
  asked.clear();
}

async function ask(method, path, { body, signal, headers } = {}) {
  if (!key) throw new Refused(401, { detail: "Nobody is signed in." }, new Headers());
  const held = key;
  const url = address(path);
  const known = method === "GET" ? seen.get(url) : undefined;
  const sent = { accept: "application/json", authorization: `Bearer ${held}`, ...headers };
  if (known) sent["if-none-match"] = known.etag;
  if (body !== undefined) sent["content-type"] = "application/json";
  let reply, data;
  try {
    reply = await fetch(url, {
      method, signal, headers: sent, cache: "no-store", body: body === undefined ? undefined : JSON.stringify(body),
    });
    data = reply.status === 304 ? known.data : await json(reply);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    signals.dispatchEvent(new Event("offline"));
    throw new Offline();
  }
  signals.dispatchEvent(new Event("online"));
  if (reply.status === 401) {
    if (held === key) signOut(); // else somebody signed in with another key meanwhile
    throw new Refused(401, data, reply.headers);
  }
  if (!reply.ok && reply.status !== 304) throw new Refused(reply.status, data, reply.headers);
  const etag = reply.headers.get("etag");
  if (method === "GET" && etag && reply.status === 200 && held === key) remember(url, etag, data);
  return data;
}

async function json(reply) {
  const text = await reply.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null; // a gateway that answers HTML: the status says enough
  }
}

function remember(url, etag, data) {
  seen.delete(url);
  seen.set(url, { etag, data });
  if (seen.size > SEEN_AT_MOST) seen.delete(seen.keys().next().value);
}

/**
 * Ask again and again: `look` answers in how many seconds to look next, or null for never. A hidden page does not
 * ask, an unreachable API is asked ever more rarely, up to every 30 s. A refusal ends it and is handed to `refused`.
 * Returns a function that ends it.
 */
export function live(look, refused = () => {}) {
  let timer, over = false, failures = 0, running = false;
  const next = (seconds) => {
    clearTimeout(timer);
    if (!over && seconds !== null) timer = setTimeout(run, seconds * 1000);
  };
  async function run() {
    if (over || running || document.hidden) return;
    running = true;
    let pause;
    try {
      pause = await look();
      failures = 0;
    } catch (error) {
      const final = error instanceof Refused && error.status < 500 && error.status !== 429;
      pause = final || error.name === "AbortError" ? null : Math.max(Math.min(2 ** failures++, 30), error.retryAfter ?? 0);
      if (!(error instanceof Refused || error instanceof Offline || error.name === "AbortError")) console.error(error);
      if (final && error.status !== 401 && !over) refused(error);
    } finally {
      running = false;
    }
    next(pause);
  }
  const wake = () => { if (!document.hidden) run(); };
  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  signals.addEventListener("again", wake);
  run();
  return () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", wake);
    removeEventListener("online", wake);
    signals.removeEventListener("again", wake);
  };
}
