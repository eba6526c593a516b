// The shell: who is signed in, which view is shown, what holds on every page.

import { get, Offline, signals, signedIn, signIn, signOut } from "./api.js";
import { h, refill } from "./dom.js";
import { failed, icon, waiting } from "./pieces.js";
import { flip, theme } from "./theme.js";
import { me, meet, place } from "./visit.js";

const VIEWS = [
  ["", "Board", "board", () => import("./board.js")],
  ["new", "New render", "plus", () => import("./new.js")],
  ["compare", "Compare", "compare", () => import("./compare.js")],
  ["insight", "Insight", "chart", () => import("./insight.js")],
  ["batches", "Batches", "stack", () => import("./batches.js")],
];
const HIDDEN = { jobs: () => import("./job.js") };

const main = document.getElementById("main");
const views = document.getElementById("views");
const corner = document.getElementById("corner");
let leave = () => {};
let shown = 0;

async function route({ moved = true } = {}) {
  const number = (shown += 1);
  leave();
  leave = () => {};
  const here = place();
  tellWhereWeAre(here.view);
  if (!signedIn()) return askForKey();
  const load = HIDDEN[here.view] ?? VIEWS.find(([path]) => path === here.view)?.[3];
  if (!load) return main.replaceChildren(failed({ status: 404, message: `Studio has no page “${here.view}”.` }));
  const patience = setTimeout(() => number === shown && main.replaceChildren(waiting()), 200);
  try {
    const [view] = await Promise.all([load(), known()]);
    if (number !== shown) return undefined;
    clearTimeout(patience);
    main.replaceChildren();
    if (moved) scrollTo(0, 0);
    leave = (await view.show(main, { ...here, moved })) ?? (() => {});
    if (number !== shown) leave();
    else if (moved) main.querySelector("h1")?.focus({ preventScroll: true });
    performance.mark("studio-shown");
  } catch (error) {
    clearTimeout(patience);
    if (number !== shown || error.status === 401) return undefined;
    const honest = error.status || error instanceof Offline ? error : { status: 0, message: `Studio could not show this page: ${error.message}` };
    if (!error.status && !(error instanceof Offline)) console.error(error);
    main.replaceChildren(failed(honest, () => route()));
  }
  return undefined;
}

async function known() {
  if (me) return;
  meet(await get("v1/me"));
  drawCorner();
}

// ── the masthead ─────────────────────────────────────────────────────────────

function tellWhereWeAre(view) {
  views.hidden = !signedIn();
  refill(views, "once", () => VIEWS.map(([path, title, sign]) =>
    h("a", { href: `#/${path}`, data: { view: path } }, icon(sign), h("span", {}, title))));
  for (const each of views.children) {
    if (each.dataset.view === view || (view === "jobs" && each.dataset.view === "")) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  const title = VIEWS.find(([path]) => path === view)?.[1];
  document.title = title ? `${title} · Presscheck` : "Presscheck Studio";
}

function drawCorner() {
  const dark = theme() === "dark";
  corner.replaceChildren(...[
    me && h("span", { class: "who", title: `${me.scopes.join(", ")} · stage ${me.stage}` }, `${me.name}@${me.tenant}`),
    signedIn() && h("button", { type: "button", class: "quiet small", onclick: signOut }, "Sign out"),
    h("button", {
      type: "button", class: "quiet small icon-only", id: "theme",
      "aria-label": dark ? "Light theme" : "Dark theme", onclick: () => { flip(); drawCorner(); document.getElementById("theme").focus(); },
    }, icon(dark ? "sun" : "moon")),
  ].filter(Boolean));
}

// ── the key ──────────────────────────────────────────────────────────────────

function askForKey() {
  const key = h("input", { type: "password", id: "key", name: "key", required: true, autocomplete: "off", spellcheck: "false", placeholder: "pc_live_…", "aria-describedby": "key-wrong" });
  const keep = h("input", { type: "checkbox", id: "keep", checked: true });
  const wrong = h("p", { class: "wrong", id: "key-wrong", role: "alert" });
  const enter = h("button", { class: "primary" }, "Show me the sheets");
  const form = h("form", {
    class: "sheet signin",
    onsubmit: async (event) => {
      event.preventDefault();
      wrong.textContent = "";
      enter.setAttribute("aria-busy", "true");
      quiet = true;
      signIn(key.value.trim(), keep.checked);
      try {
        meet(await get("v1/me"));
        drawCorner();
        route();
      } catch (error) {
        wrong.textContent = error.status === 401 ? "No such key. Keys begin with pc_live_ and are shown once, when they are made." : error.message;
        if (error.status !== 401) signIn("", false);
        key.focus();
        key.select();
      } finally {
        quiet = false;
        enter.removeAttribute("aria-busy");
      }
    },
  },
    ["nw", "ne", "sw", "se"].map((each) => h("i", { class: `crop ${each}`, "aria-hidden": "true" })),
    h("p", { class: "colourbar", "aria-hidden": "true" }, ["c", "m", "y", "k"].map((ink) => h("i", { class: ink }))),
    h("h1", { tabindex: "-1" }, "Press check"),
    h("p", { class: "lede" }, "The moment the client looks at the first sheets on the press, and says yes before the run."),
    h("label", { for: "key" }, "API key"), key, wrong,
    h("p", { class: "row spread" }, h("label", { class: "tick" }, keep, "Until I close this tab"), enter),
    h("p", { class: "hint" }, "The key stays in this tab and goes nowhere but to this API. On a local stack, ", h("code", {}, "presscheck status"), " shows one."));
  main.replaceChildren(h("section", { class: "gate" }, form));
  document.title = "Sign in · Presscheck";
  key.focus();
}

let quiet = false;
signals.addEventListener("signed-out", () => {
  meet(null);
  drawCorner();
  if (!quiet) route({ moved: false });
});

// ── the wire ─────────────────────────────────────────────────────────────────

const banner = h("div", { class: "offline", role: "alert", hidden: true },
  h("span", {}, "Nobody answers. You see what was loaded before; Studio keeps trying."),
  h("button", { type: "button", class: "small", onclick: () => signals.dispatchEvent(new Event("again")) }, "Try now"));
document.body.append(banner);
const down = () => { banner.hidden = false; };
signals.addEventListener("offline", down);
addEventListener("offline", down);
signals.addEventListener("online", () => { banner.hidden = true; });

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  (main.querySelector("h1") ?? main).focus();
});

addEventListener("hashchange", () => route());
drawCorner();
if (signedIn() && place().view === "" && !location.hash.includes("?")) get("v1/jobs?limit=24").catch(() => {}); // on its way while the view loads
route();
