// A table: sorted by its heads, walked through with j and k, opened with Enter, taken away as CSV.

import { add, button, clear, el } from "./dom.js";
import { csv, save } from "./tools.js";

const FIRST = 200;
// A moment breaks between its day and its time alone.
const moment = (text) => (/^\d{4}-\d\d-\d\d \d/.test(text) ? [el("span.whole", {}, text.slice(0, 10)), " ", el("span.whole", {}, text.slice(11))] : text);

// Columns: {name, text(row), value(row) for sorting and CSV, number, wide where its words are long, long where its name is, className(row), cell(row) for an element}.
export function table({ label, columns, rows, open, name, sort = null, down = true, chosen = null, choose = null, empty = "Nothing here." }) {
  let order = { at: sort, down };
  let shown = FIRST;
  let listed = rows;
  const head = el("tr");
  const body = el("tbody");
  const more = el("p.more");
  const value = (column, row) => (column.value ? column.value(row) : column.text(row));

  function sorted() {
    if (order.at === null) return listed;
    const column = columns[order.at];
    return [...listed].sort((a, b) => {
      const [x, y] = [value(column, a), value(column, b)];
      if (x === y) return 0;
      if (x === null || x === undefined) return 1;
      if (y === null || y === undefined) return -1;
      return (x < y ? -1 : 1) * (order.down ? -1 : 1);
    });
  }
  function heads() {
    clear(head, choose && el("th", { scope: "col" }, el("span.off", {}, "chosen")), columns.map((column, at) => el("th", {
      scope: "col", class: `${column.number ? "n " : ""}${column.wide || column.long ? "long" : ""}`.trim() || null,
      "aria-sort": order.at === at ? (order.down ? "descending" : "ascending") : "none",
    }, button(column.name, () => {
      order = { at, down: order.at === at ? !order.down : Boolean(column.number) };
      heads();
      fill();
      head.querySelectorAll("button")[at].focus();
    }))));
  }
  function fill() {
    const all = sorted();
    const held = [...body.children].indexOf(document.activeElement?.closest("tr")); // a row keeps the focus over an update
    clear(body, all.slice(0, shown).map((row, at) => {
      const line = el("tr", { tabindex: at === Math.max(held, 0) ? "0" : "-1", class: open ? "opens" : null });
      if (choose) {
        line.append(el("td", {}, el("input", { type: "checkbox", "aria-label": `choose ${columns[0].text(row)}`, checked: chosen.has(row.id), onchange: (event) => choose(row, event.target.checked) })));
      }
      for (const column of columns) {
        const told = column.className ? column.className(row) : "";
        const cell = el("td", { class: `${column.number ? "n " : ""}${column.wide ? "wide " : ""}${told}`.trim() || null });
        add(cell, [column.cell ? column.cell(row) : moment(column.text(row))]);
        line.append(cell);
      }
      if (open) {
        line.addEventListener("click", (event) => !event.target.closest("input,a,button") && open(row));
        line.addEventListener("keydown", (event) => event.key === "Enter" && event.target === line && open(row));
      }
      return line;
    }));
    if (held >= 0) body.children[Math.min(held, body.children.length - 1)]?.focus();
    clear(more, !all.length && empty, all.length > shown && button(`Show ${Math.min(all.length - shown, 500)} more of ${all.length.toLocaleString("en-US")}`, () => {
      shown += 500;
      fill();
    }));
  }
  function walk(by) {
    const lines = [...body.children];
    if (!lines.length) return;
    const at = lines.indexOf(document.activeElement.closest?.("tr"));
    const next = lines[Math.min(Math.max(at + by, 0), lines.length - 1)];
    lines.forEach((line) => line.setAttribute("tabindex", line === next ? "0" : "-1"));
    next.focus();
  }
  heads();
  fill();
  const holder = el("div.table", {},
    el("div.scroll", { tabindex: "0", role: "region", "aria-label": label }, el("table", { "aria-label": label }, el("thead", {}, head), body)),
    more,
    name && el("div.files", {}, button("CSV", () => save(`${name}.csv`, "text/csv", csv([columns.map((one) => one.name), ...sorted().map((row) => columns.map((one) => value(one, row)))])), { class: "small", "aria-label": `${label}: save as CSV` })));
  return { holder, walk, update(next) { listed = next; fill(); } };
}

// Rows of one word and one figure.
export function facts(label, rows) {
  return el("dl.facts", { "aria-label": label }, rows.map(([name, text]) => el("div", {}, el("dt", {}, name || " "), el("dd", {}, text))));
}
