// A template filled in as its author types, piece by piece. The API renders the one that counts; what this cannot
// follow (control structures, rare filters) it says, and never guesses.

const FILTERS = {
  capitalize: (text) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase(),
  lower: (text) => text.toLowerCase(),
  upper: (text) => text.toUpperCase(),
  title: (text) => text.replace(/\p{L}+/gu, (word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()),
  trim: (text) => text.trim(),
};
const PLACE = /\{\{-?\s*([a-z][a-z0-9_]*)((?:\s*\|\s*[a-z]+)*)\s*-?\}\}/g;

/** The pieces of a filled template: [{text, from: variable or null, missing}], or null where only the API can tell. */
export function pieces(source, variables, values) {
  if (/\{[%#]/.test(source)) return null;
  const found = [];
  let end = 0;
  for (const match of source.matchAll(PLACE)) {
    const filters = match[2].split("|").map((each) => each.trim()).filter(Boolean);
    if (filters.some((each) => !FILTERS[each])) return null;
    found.push({ text: source.slice(end, match.index), from: null });
    const text = words(variables[match[1]], values[match[1]]);
    found.push({ text: filters.reduce((value, each) => FILTERS[each](value), text), from: match[1], missing: text === "" });
    end = match.index + match[0].length;
  }
  found.push({ text: source.slice(end), from: null });
  return found.some((each) => each.from === null && /\{\{|\}\}/.test(each.text)) ? null : found.filter((each) => each.text || each.missing);
}

/** The whole text, or null. */
export function filled(source, variables, values) {
  const found = pieces(source, variables, values);
  return found && found.map((each) => each.text).join("").replace(/\s+/g, " ").trim();
}

function words(variable, value) {
  if (variable === undefined || value === undefined || value === null || value === "") return "";
  if (variable.type === "bool") return value ? variable.yes : variable.no ?? "";
  return variable.type === "colour" ? String(value).toLowerCase() : String(value);
}
