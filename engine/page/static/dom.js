// Elements from values. Whatever comes from a file is set as text, never as markup.

export function el(name, given = {}, ...inside) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag || "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "text") made.textContent = value;
    else if (key === "value" || key === "checked" || key === "disabled") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  add(made, inside);
  return made;
}

export function add(parent, inside) {
  for (const one of inside.flat(3)) {
    if (one === null || one === undefined || one === false) continue;
    parent.append(one instanceof Node ? one : document.createTextNode(String(one)));
  }
  return parent;
}

export function clear(parent, ...inside) {
  parent.replaceChildren();
  return add(parent, inside);
}

export function button(text, onclick, given = {}) {
  return el("button", { type: "button", onclick, ...given }, text);
}

export function choice(label, options, value, change) {
  const list = el("select", { "aria-label": label, onchange: () => change(list.value) });
  for (const [key, text] of options) {
    const one = el("option", { value: key }, text);
    one.selected = String(key) === String(value);
    list.append(one);
  }
  return list;
}

export function panel(title, ...inside) {
  const id = `h${(panel.count = (panel.count || 0) + 1)}`;
  return el("section.panel", { "aria-labelledby": id }, el("h2", { id }, title), inside);
}

// Says a word to whoever looks, and to screen readers.
export function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  said.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => said.classList.remove("shown"), 2500);
}
