// What every picture and table offers: files to take away, and the same as a command and as Python.

import { button, el, say } from "./dom.js";

export function save(name, type, content) {
  const address = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
  say(`saved ${name}`);
}

// A cell that a spreadsheet would take for a formula gets an apostrophe, as those programs want it.
export function csv(rows) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    if (typeof value === "string" && /^[=+\-@\t\r]/.test(text) && !/^-?[$\d.,]+( ?[%c])?$/.test(text)) text = `'${text}`;
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { "aria-hidden": "true", class: "off" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`copied ${what}`);
}

// `told` gives the texts when a button is pressed: they may change with the moment.
export function copies(told) {
  const one = (name, label, what) => button(label, () => told() && copy(told()[name], what), { class: "small" });
  return el("span.copies", {}, one("python", "Copy as Python", "Python"), one("command", "Copy as command", "the command"));
}
