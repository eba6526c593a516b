// Who is here, what they may do, and which page they look at.

/** Who is signed in, as the API says: tenant, name, scopes, stage, profile; null before it has said so. */
export let me = null;
export const meet = (person) => { me = person; };
export const may = (scope) => me !== null && (me.scopes.includes(scope) || me.scopes.includes("admin"));

/** Where we are: `#/jobs/01J…?left=2` is {view: "jobs", id: "01J…", query}. */
export function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view = "", id = ""] = path.split("/").map(decodeURIComponent);
  return { view, id, query: new URLSearchParams(query) };
}

/** Go somewhere; `replace` leaves no trace in the history. */
export function go(path, { replace = false } = {}) {
  const url = new URL(`#/${path}`, document.baseURI);
  if (replace) history.replaceState(null, "", url);
  else location.hash = url.hash;
}
