// The list of results, one in short, and several beside each other.

import { addressOf, remember } from "./address.js";
import { curve } from "./curve.js";
import { button, choice, el, panel } from "./dom.js";
import { ago, contracts, count, usd } from "./format.js";
import { ask } from "./net.js";
import { facts, table } from "./table.js";
import { copies } from "./tools.js";

const KINDS = { replay: "replay", replays: "replays", bets: "bets", sweep: "sweep", model: "trained model", store: "data", session: "session", damaged: "damaged" };
const OPENS = { replay: "replay", replays: "result", bets: "bets", sweep: "sweep", model: "result", store: "data", session: "session", damaged: "result" };
const sign = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
export const LINES = ["own_bid", "own_ask", "fill", "accent", "hot", "cold"];

export async function list(id, given) {
  const found = await ask("results");
  const chosen = new Set();
  let [words, kind] = [given.words || "", given.kind || ""];
  const fits = (row) => (!kind || row.kind === kind) && words.toLowerCase().split(" ").every((word) => [row.folder, row.strategy, row.market, row.kind, ...(row.warnings || [])].join(" ").toLowerCase().includes(word));
  const go = el("button.small", { type: "button", disabled: true, onclick: () => (location.hash = addressOf("compare", [...chosen].join(","))) }, "Compare");
  const shown = table({
    label: "Results", name: "results", sort: 7, rows: found.rows.filter(fits), chosen,
    choose: (row, on) => {
      on ? chosen.add(row.id) : chosen.delete(row.id);
      go.disabled = chosen.size < 2;
      go.textContent = chosen.size < 2 ? "Compare" : `Compare ${chosen.size}`;
    },
    open: (row) => OPENS[row.kind] && (location.hash = addressOf(OPENS[row.kind], row.id)),
    empty: "Nothing was found. engine demo makes a day to look at.",
    columns: [
      { name: "result", text: (row) => row.name || row.folder, cell: (row) => el("a", { href: addressOf(OPENS[row.kind] || "result", row.id), title: row.folder }, row.name || row.folder) },
      { name: "kind", text: (row) => KINDS[row.kind] || row.kind, cell: (row) => el(`span.kind.${row.kind}`, {}, KINDS[row.kind] || row.kind) },
      { name: "strategy", text: (row) => row.strategy || "" },
      { name: "market", text: (row) => row.market || (row.markets ? `${count(row.markets)} market${row.markets === 1 ? "" : "s"}` : "") },
      { name: "P&L", number: true, text: (row) => (row.pnl === null || row.pnl === undefined ? "" : usd(row.pnl)), value: (row) => row.pnl ?? null, className: (row) => sign(row.pnl), cell: (row) => el("span", { title: row.kind === "sweep" ? "of the recommended cell" : null }, row.pnl === null || row.pnl === undefined ? "" : usd(row.pnl)) },
      { name: "warnings", number: true, value: (row) => (row.warnings || []).length, text: (row) => (row.problem ? row.problem : row.warnings?.length || ""), cell: (row) => row.problem ? el("span.problem", {}, row.problem) : row.warnings?.length ? el("span.warn", { title: row.warnings.join(", ") }, row.warnings.length) : "" },
      { name: "data", text: (row) => (row.data || "").replace(/\/+$/, "").split("/").slice(-2).join("/"), cell: (row) => el("span.faint", { title: row.data }, (row.data || "").replace(/\/+$/, "").split("/").slice(-2).join("/")) },
      { name: "written (UTC)", value: (row) => row.changed, text: (row) => ago(row.changed) },
      { name: "folder", text: (row) => row.folder, className: () => "faint" },
    ],
  });
  const changed = () => {
    remember("results", null, { words, kind });
    shown.update(found.rows.filter(fits));
  };
  const search = el("input", { type: "search", placeholder: "Filter: a strategy, a market, a warning   ( / )", "aria-label": "Filter the results", value: words, oninput: () => {
    words = search.value;
    changed();
  } });
  return {
    title: "Results", walk: shown.walk,
    inside: [el("div.title", {}, el("h1", {}, "Results"), copies(() => found.copy)), el("p.faint", {}, found.roots.join(" · ")),
      el("div.tools", {}, search, choice("Kind", [["", "every kind"], ...Object.entries(KINDS)], kind, (next) => {
        kind = next;
        changed();
      }), go),
      shown.holder],
  };
}

export function warnings(rows) {
  return rows.length ? panel("Warnings", el("ul.warnings", {}, rows.map((one) => el("li", {}, el("b", {}, one.name), " ", one.text)))) : null;
}

export async function one(id) {
  const found = await ask("result", { id });
  const equity = curve({ name: "equity", label: "Equity over time, all markets", origin: found.equity.origin, text: usd, lines: [{ name: "equity", t: found.equity.t, values: found.equity.equity, colour: "accent" }] });
  const markets = found.markets && table({
    label: "Markets", name: "markets", sort: 1, down: false, rows: found.markets, open: (row) => (location.hash = addressOf("replay", row.id)),
    columns: [
      { name: "market", text: (row) => row.market, cell: (row) => el("a", { href: addressOf("replay", row.id) }, row.market) },
      { name: "P&L", number: true, value: (row) => row.pnl, text: (row) => usd(row.pnl), className: (row) => sign(row.pnl) },
      { name: "fees", number: true, value: (row) => row.fees, text: (row) => usd(row.fees) },
      { name: "fills", number: true, value: (row) => row.fills, text: (row) => count(row.fills) },
      { name: "contracts", number: true, value: (row) => row.volume, text: (row) => contracts(row.volume) },
      { name: "left at the end", number: true, value: (row) => row.position, text: (row) => contracts(row.position) },
    ],
  });
  return {
    title: found.title, walk: markets?.walk,
    inside: [el("div.title", {}, el("h1", {}, found.title), copies(() => found.copy)), el("p.faint", {}, found.folder),
      warnings(found.warnings), found.equity.t.length > 1 && panel("Equity", equity.figure), el("div.columns", {}, panel("Figures", facts("Figures", found.facts)), markets && panel("Markets", markets.holder),
        (found.tables || []).map((one) => panel(one.title, table({ label: one.title, name: one.name, rows: one.rows, columns: one.columns.map((name, i) => ({ name, number: typeof one.rows[0]?.[i] === "number", value: (row) => row[i], text: (row) => (typeof row[i] === "number" ? count(row[i]) : row[i]) })) }).holder)))],
  };
}

export async function compare(ids) {
  const found = await ask("compare", { ids });
  const twice = new Set(found.results.map((one) => one.title)).size < found.results.length;
  const label = (one) => (twice ? `${one.title} (${one.name})` : one.title);
  const same = new Set(found.results.map((one) => one.title)).size === 1;
  const names = found.results.map((one) => (same ? one.name : label(one)));
  const lines = found.results.map((one, i) => ({ name: names[i], t: one.equity.t, values: one.equity.equity, colour: LINES[i] })).filter((line) => line.t.length > 1);
  const side = (label, name, rows) => table({ label, name, rows, empty: "None.", columns: [{ name: name === "settings" ? "setting" : "figure", text: (row) => row[0] }, ...names.map((title, i) => ({ name: title, number: true, long: title.length > 16, text: (row) => row[i + 1], className: () => "loose" }))] }).holder;
  return {
    title: "Compare",
    inside: [el("div.title", {}, el("h1", {}, `${found.results.length} results beside each other`), copies(() => found.copy)), same && el("p", {}, found.results[0].title),
      el("p", {}, found.results.map((one, i) => [el("a", { href: addressOf(OPENS[one.kind], one.id) }, names[i]), " \u2003 "])),
      panel("Settings that differ", side("Settings that differ", "settings", found.settings)),
      panel("Figures", side("Figures", "figures", found.figures)),
      lines.length > 0 && panel("Equity, each from its own beginning", curve({ name: "equities", label: "Equity of each over time since its beginning", origin: "0", lines, text: usd, height: 260 }).figure),
      panel("Settings that are the same", facts("Settings that are the same", found.same)),
      el("p", {}, button("Back to the list", () => (location.hash = "#/results")))],
  };
}
