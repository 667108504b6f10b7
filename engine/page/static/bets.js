// Bets: equity, calibration, trades with filters, and a market's price with entry and exit.

import { remember } from "./address.js";
import { niceSteps, scale } from "./axes.js";
import { curve } from "./curve.js";
import { choice, clear, el, panel } from "./dom.js";
import { contracts, count, percent, stampOf, usd } from "./format.js";
import { ask, oneAtATime } from "./net.js";
import { picture } from "./picture.js";
import { warnings } from "./results.js";
import { facts, table } from "./table.js";
import { copies } from "./tools.js";

const sign = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
const price = (ticks) => (ticks === null ? "–" : (ticks / 100).toFixed(1));

export async function bets(id, given) {
  const [found, short] = await Promise.all([ask("bets", { id }), ask("result", { id })]);
  const state = { words: given.words || "", side: given.side || "", exit: given.exit || "", market: given.market || "" };
  const summary = el("p.tip");
  const market = el("div");
  const trades = table({
    label: "Trades", name: "trades", rows: [], open: (row) => show(row.ticker), empty: "No trade passes the filter.",
    columns: [
      { name: "market", text: (row) => row.ticker }, { name: "side", text: (row) => row.side },
      { name: "in (UTC)", value: (row) => row.entry_ts, text: (row) => stampOf(row.entry_ts, 0) },
      { name: "out (UTC)", value: (row) => row.exit_ts, text: (row) => stampOf(row.exit_ts, 0) },
      { name: "contracts", number: true, value: (row) => row.lots / 100, text: (row) => contracts(row.lots) },
      { name: "in, cents", number: true, value: (row) => row.entry_price, text: (row) => price(row.entry_price) },
      { name: "out, cents", number: true, value: (row) => row.exit_price, text: (row) => price(row.exit_price) },
      { name: "edge, cents", number: true, value: (row) => row.score, text: (row) => price(row.score) },
      { name: "fees", number: true, value: (row) => row.fees, text: (row) => usd(row.fees) },
      { name: "P&L", number: true, value: (row) => row.pnl, text: (row) => usd(row.pnl), className: (row) => sign(row.pnl) },
      { name: "left by", text: (row) => row.exit },
    ],
  });
  const load = oneAtATime(async () => {
    const { rows, of, pnl } = await ask("trades", { id, words: state.words, side: state.side, exit: state.exit });
    trades.update(rows.ticker.map((_, i) => Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, list[i]]))));
    summary.textContent = `${count(of)} trades, ${usd(pnl)} together`;
  });
  const keep = () => remember("bets", id, { words: state.words, side: state.side, exit: state.exit, market: state.market });
  const change = (name) => (next) => {
    state[name] = next;
    keep();
    load();
  };
  async function show(ticker) {
    state.market = ticker;
    keep();
    try {
      const told = await ask("prices", { id, market: ticker });
      clear(market, panel(ticker, priced(told).figure));
      market.scrollIntoView({ block: "nearest" });
    } catch (error) {
      clear(market, el("p.problem", { role: "alert" }, error.message));
    }
  }
  const search = el("input", { type: "search", placeholder: "Filter: a market, an event, a category   ( / )", "aria-label": "Filter the trades", value: state.words, oninput: () => change("words")(search.value) });
  const equity = curve({ name: "equity", label: "Equity while something was at stake", origin: found.origin, text: usd, lines: [{ name: "gain since the start", t: found.curve.t, values: found.curve.equity, colour: "accent", step: true }, { name: "at stake", t: found.curve.t, values: found.curve.locked, colour: "trade", step: true }] });
  return {
    title: `bets of ${found.name}`, walk: trades.walk,
    shown: () => {
      load();
      if (state.market) show(state.market);
    },
    inside: [el("div.title", {}, el("h1", {}, `Bets of ${found.name}`), copies(() => found.copy)), el("p.faint", {}, found.folder),
      warnings(short.warnings),
      el("div.columns", {}, panel("Equity", equity.figure, found.idle > 0 && el("p.faint", {}, `${count(found.idle)} bars in which nothing was held and nothing moved are left out.`)), panel("Calibration", calibration(found))),
      panel("Trades", el("div.tools", {}, search, choice("Side", [["", "both sides"], ["yes", "yes"], ["no", "no"]], state.side, change("side")), choice("Left by", [["", "every exit"], ...found.exits.map((one) => [one, one])], state.exit, change("exit"))), summary, trades.holder),
      market,
      el("div.columns", {}, panel("Figures", facts("Figures", found.facts)), panel("What became of the candidates", table({ label: "Candidates", name: "candidates", rows: found.candidates.rows, columns: found.candidates.columns.map((name, i) => ({ name, number: i > 0, text: (row) => row[i] })) }).holder), groups(found))],
  };
}

function groups(found) {
  return Object.entries(found.groups).map(([by, rows]) => panel(`By ${by}`, table({
    label: `By ${by}`, name: `by-${by.replace(" ", "-")}`, rows, columns: [
      { name: by, text: (row) => row[by] ?? "unknown" }, { name: "trades", number: true, value: (row) => row.trades, text: (row) => count(row.trades) },
      { name: "won", number: true, value: (row) => row.win_rate, text: (row) => percent(row.win_rate, 0) },
      { name: "P&L", number: true, value: (row) => row.pnl, text: (row) => usd(row.pnl * 1e6), className: (row) => sign(row.pnl) },
      { name: "return", number: true, value: (row) => row.return, text: (row) => percent(row.return) }],
  }).holder));
}

export function calibration(found) {
  const whose = Object.entries(found.calibration).filter(([, told]) => told);
  if (!whose.length) return el("p.faint", {}, "No bet was settled.");
  const colour = { market: "trade", strategy: "accent" };
  const made = picture({
    name: "calibration", label: "Calibration: how often it came true by forecast", height: 270,
    rows: () => [["whose", "forecast", "came true", "bets"], ...whose.flatMap(([name, told]) => told.bands.map((one) => [name, one.forecast, one.frequency, one.count]))],
    draw(pen, w, h, c) {
      const beside = w > 480; // where there is no room beside it, its words stand below
      const side = Math.min(w - 60, beside ? h - 38 : h - 100);
      const low = beside ? h - 30 : h - 92;
      const word = (row, indent = 0) => (beside ? [46 + side + 22 + indent, 20 + row * 18] : [46 + indent, h - 62 + row * 18]);
      const [x, y] = [scale(0, 1, 46, 46 + side), scale(0, 1, low, low - side)];
      for (const v of niceSteps(0, 1, 4)) {
        pen.lines([[x(v), y(0), x(v), y(1)], [x(0), y(v), x(1), y(v)]], c.line);
        pen.text(x(0) - 6, y(v), percent(v, 0), c.muted, "right");
        pen.text(x(v), y(0) + 17, percent(v, 0), c.muted, "center");
      }
      pen.lines([[x(0), y(0), x(1), y(1)]], c.muted, 1, 1, [4, 3]);
      whose.forEach(([name, told], k) => {
        const most = Math.max(...told.bands.map((one) => one.count));
        for (const one of told.bands) pen.dots([x(one.forecast), y(one.frequency)], 3 + 7 * Math.sqrt(one.count / most), c[colour[name]] || c.fill, 0.6);
        pen.dots(word(k), 5, c[colour[name]] || c.fill, 0.8);
        pen.text(...word(k, 10), `${name}: Brier ${told.brier.toFixed(3)}, ${count(told.count)} bets`, c.text);
      });
      pen.text(...word(2), "across: forecast, up: came true", c.muted);
    },
  });
  return made.figure;
}

function priced(told) {
  const b = told.bets;
  const mark = (pen, x, y, c) => b.entry_ts.forEach((t, i) => {
    const yes = b.side[i] === "yes";
    const of = (ticks) => y(yes ? ticks : 10000 - ticks);
    const [px, py] = [x(t), of(b.entry_price[i])];
    const way = yes ? 1 : -1;
    pen.area([px, py, px - 6, py + way * 10, px + 6, py + way * 10], c.fill);
    pen.text(px + 9, py, `${yes ? "yes" : "no"}, edge ${price(b.score[i])}`, c.text);
    if (b.exit_price[i] !== null) {
      const [qx, qy] = [x(b.exit_ts[i]), of(b.exit_price[i])];
      pen.lines([[px, py, qx, qy]], b.pnl[i] < 0 ? c.loss : c.gain, 1.4, 0.9, [4, 3]);
      pen.rect(qx - 4, qy - 4, 8, 8, b.pnl[i] < 0 ? c.loss : c.gain);
      pen.text(qx + 8, qy - 8, b.exit[i], c.muted);
    }
  });
  const last = Math.max(told.t.at(-1) ?? 0, ...b.exit_ts);
  return curve({ name: `price-${told.ticker}`, label: `Traded price of ${told.ticker} with entries and exits`, origin: told.origin, zero: false, height: 260, text: (v) => price(v), lines: [{ name: "traded, cents", t: [...told.t, last], values: [...told.price, told.price.at(-1) ?? null], colour: "trade", step: true }], marks: () => [mark] });
}
