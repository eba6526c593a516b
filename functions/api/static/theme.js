// Dark or light: what the system says, until somebody says otherwise. Runs before the first paint.

const KEPT = "presscheck.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** What is shown now: "dark" or "light". */
export const theme = () => document.documentElement.dataset.theme;

/** Show the other one, and remember it where it is not what the system says anyway. */
export function flip() {
  const next = theme() === "dark" ? "light" : "dark";
  if (next === (dark.matches ? "dark" : "light")) localStorage.removeItem(KEPT);
  else localStorage.setItem(KEPT, next);
  apply();
}

function apply() {
  document.documentElement.dataset.theme = localStorage.getItem(KEPT) ?? (dark.matches ? "dark" : "light");
}

dark.addEventListener("change", apply);
apply();
