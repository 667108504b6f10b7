// What stores hold: a calendar by series and day, gaps, and the markets to look into.

import { addressOf, remember } from "./address.js";
import { button, choice, clear, el, panel } from "./dom.js";
import { contracts, count, percent, stampOf, usd } from "./format.js";
import { heat } from "./heat.js";
import { ask, oneAtATime } from "./net.js";
import { table } from "./table.js";
import { copies } from "./tools.js";

const FIGURES = [["book", "book changes"], ["trades", "trades"], ["quotes", "best quotes"], ["gaps", "gaps"]];

export async function data(id, given) {
  const stores = (await ask("results")).rows.filter((row) => row.kind === "store");
  if (!stores.length) return { title: "Data", inside: [el("h1", {}, "Data"), el("p.faint", {}, "No store was found in the folders; name one with --store.")] };
  const store = id || stores[0].id;
  const state = { figure: given.figure || "book", series: given.series || "", words: given.words || "" };
  const found = await ask("data", { store });
  const place = el("div");
  const about = el("p.tip");
  const keep = () => remember("data", store, { figure: state.figure === "book" ? null : state.figure, series: state.series, words: state.words });
  const markets = table({
    label: "Markets", name: "markets", rows: [], empty: "No market passes the filter.",
    open: (row) => (location.hash = addressOf("book", store, { market: row.ticker })),
    columns: [
      { name: "market", text: (row) => row.ticker, cell: (row) => el("a", { href: addressOf("book", store, { market: row.ticker }) }, row.ticker) },
      { name: "title", wide: true, text: (row) => row.title || "" },
      { name: "book changes", number: true, value: (row) => row.book, text: (row) => count(row.book) },
      { name: "trades", number: true, value: (row) => row.trades, text: (row) => count(row.trades) },
      { name: "gaps", number: true, value: (row) => row.gaps, text: (row) => count(row.gaps), className: (row) => (row.gaps ? "warn" : "") },
      { name: "from (UTC)", value: (row) => row.start, text: (row) => (row.start ? stampOf(row.start, 0) : "–") },
      { name: "to (UTC)", value: (row) => row.end, text: (row) => (row.end ? stampOf(row.end, 0) : "–") },
      { name: "result", text: (row) => row.result || "" },
    ],
  });
  const load = oneAtATime(async () => {
    const { rows, of } = await ask("markets", { store, series: state.series, words: state.words });
    markets.update(rows.ticker.map((_, i) => Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, list[i]]))));
    about.textContent = `${count(of)} markets${state.series ? ` of ${state.series}` : ""}`;
  });
  const c = found.calendar;
  const [days, series] = [[...new Set(c.day)].sort(), [...new Set(c.series)].sort().reverse()];
  function calendar() {
    const at = new Map(c.day.map((day, i) => [`${day} ${c.series[i]}`, c[state.figure][i]]));
    const shown = heat({
      name: "coverage", label: `${FIGURES.find(([name]) => name === state.figure)[1]} by series and day`, across: { name: "day", texts: days }, down: { name: "series", texts: series },
      value: (i, j) => at.get(`${days[i]} ${series[j]}`) ?? null, text: (v) => (v === null ? "nothing" : `${count(v)} ${FIGURES.find(([name]) => name === state.figure)[1]}`),
      height: () => Math.max(120, Math.min(series.length * 26 + 60, 620)), marks: () => [],
      open: (_, j) => {
        state.series = state.series === series[j] ? "" : series[j];
        keep();
        load();
        clear(findings);
      },
    });
    clear(place, shown.figure);
  }
  calendar();
  const findings = el("div");
  async function check() {
    clear(findings, el("p.wait", {}, "Reading every book …"));
    try {
      const told = await ask("quality", { store, series: state.series });
      clear(findings, el("p", {}, told.of ? `${count(told.faults)} faults and ${count(told.of - told.faults)} notes${told.of > told.rows.length ? `, the first ${count(told.rows.length)}` : ""}` : "Nothing was found."), copies(() => told.copy),
        table({ label: "Findings", name: "findings", rows: told.rows, empty: "Nothing is wrong.", columns: [
          { name: "severity", text: (row) => row[0], className: (row) => (row[0] === "fault" ? "warn" : "") },
          { name: "market or series", text: (row) => row[1], cell: (row) => (row[1].includes("-") ? el("a", { href: addressOf("book", store, { market: row[1] }) }, row[1]) : row[1]) },
          { name: "check", text: (row) => row[2] }, { name: "times", number: true, value: (row) => row[3], text: (row) => count(row[3]) },
          { name: "minutes lost", number: true, value: (row) => row[4], text: (row) => row[4].toFixed(1) }, { name: "what it means", text: (row) => row[5] }] }).holder);
    } catch (error) {
      clear(findings, el("p.problem", { role: "alert" }, error.message));
    }
  }
  const paying = el("p.tip");
  const programs = table({
    label: "Programs of rewards", name: "programs", rows: [], empty: "No program is known.", open: (row) => (location.hash = addressOf("book", store, { market: row.ticker })),
    columns: [
      { name: "market", text: (row) => row.ticker, cell: (row) => el("a", { href: addressOf("book", store, { market: row.ticker }) }, row.ticker) },
      { name: "kind", text: (row) => row.kind || "" },
      { name: "from (UTC)", value: (row) => row.start_ts, text: (row) => stampOf(row.start_ts, 0) },
      { name: "to (UTC)", value: (row) => row.end_ts, text: (row) => (row.end_ts ? stampOf(row.end_ts, 0) : "–") },
      { name: "reward", number: true, value: (row) => row.reward, text: (row) => usd(row.reward) },
      { name: "target, contracts", number: true, value: (row) => row.target, text: (row) => contracts(row.target) },
      { name: "a step below leaves", number: true, value: (row) => row.discount, text: (row) => (row.discount === null ? "–" : percent(row.discount / 1e4, 0)) },
      { name: "at most", number: true, value: (row) => row.cap, text: (row) => (row.cap === null ? "no cap" : usd(row.cap)) },
    ],
  });
  const pay = oneAtATime(async () => {
    const { rows, of, reward } = await ask("programs", { store, words: state.words });
    programs.update(rows.ticker.map((_, i) => Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, list[i]]))));
    paying.textContent = of ? `${count(of)} programs, ${usd(reward)} in all` : "";
  });
  const search = el("input", { type: "search", placeholder: "Filter: a market, a title, a category   ( / )", "aria-label": "Filter the markets", value: state.words, oninput: () => {
    state.words = search.value;
    keep();
    load();
    pay();
  } });
  const tables = table({ label: "Tables", name: "tables", rows: found.tables, columns: [{ name: "table", text: (row) => row.name }, { name: "rows", number: true, value: (row) => row.rows, text: (row) => count(row.rows) }, { name: "files", number: true, value: (row) => row.files, text: (row) => count(row.files) }, { name: "MB", number: true, value: (row) => row.size / 1e6, text: (row) => (row.size / 1e6).toFixed(1) }, { name: "from (UTC)", text: (row) => row.start || "" }, { name: "to (UTC)", text: (row) => row.end || "" }] });
  return {
    title: "Data", walk: markets.walk,
    shown: () => {
      load();
      pay();
    },
    inside: [el("div.title", {}, el("h1", {}, "Data"), copies(() => found.copy)), el("p.faint", {}, found.place),
      el("div.tools", {}, stores.length > 1 && choice("Store", stores.map((one) => [one.id, one.folder]), store, (next) => (location.hash = addressOf("data", next))), choice("Figure", FIGURES, state.figure, (next) => {
        state.figure = next;
        keep();
        calendar();
      })),
      panel("Coverage", place, el("p.faint", {}, "A click on a series shows its markets alone.")),
      panel("Markets: open one to see its book over time", el("div.tools", {}, search), about, markets.holder),
      panel("Quality", el("p", {}, button("Check the data", check, { class: "small" }), el("span.faint", {}, " of all markets, or of the series that was chosen")), findings),
      panel("Programs of rewards", paying, programs.holder), panel("Tables", tables.holder)],
  };
}
