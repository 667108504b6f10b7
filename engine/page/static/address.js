// The address says what is shown: the view, what it is of, and the moment, so that it can be kept and sent.

let shown = null;

export function addressOf(name, id, given = {}) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(given)) if (value !== undefined && value !== null && value !== "") query.set(key, value);
  const text = query.toString();
  return `#/${name}${id ? `/${encodeURIComponent(id)}` : ""}${text ? `?${text}` : ""}`;
}

export function place() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, id] = path.split("/");
  return { name: name || "results", id: id && decodeURIComponent(id), given: Object.fromEntries(new URLSearchParams(query || "")) };
}

// Whether the address is of what is shown already; asking makes it so.
export function isShown() {
  if (location.hash === shown) return true;
  shown = location.hash;
  return false;
}

// A view keeps the address up to date with what it shows, without a step in the browser's history.
export function remember(name, id, given) {
  shown = addressOf(name, id, given);
  if (location.hash !== shown) history.replaceState(null, "", shown);
}
