// What a session of bets holds and held: bets beside their results, the last scores, what was rejected, calibration.

import { calibration } from "./bets.js";
import { clear, el, panel } from "./dom.js";
import { cents, contracts, count, percent, stampOf, usd } from "./format.js";
import { table } from "./table.js";

const sign = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
const RESULT = (value) => (value === null ? "not yet" : value === 1 ? "won" : value === 0 ? "lost" : percent(value));
const edge = (ticks) => (ticks / 100).toFixed(1);
const moment = (ns) => (ns === null ? "–" : stampOf(String(ns), 0));

export function heldBets(name) {
  const bets = table({
    label: "Bets", name: `${name}-bets`, rows: [], empty: "No bet yet: a bar must be over first.",
    columns: [
      { name: "market", text: (row) => row.ticker }, { name: "side", text: (row) => row.side },
      { name: "probability", number: true, value: (row) => row.probability, text: (row) => percent(row.probability) },
      { name: "in (UTC)", value: (row) => row.entry_ts, text: (row) => moment(row.entry_ts) },
      { name: "in, cents", number: true, value: (row) => row.entry_price / 100, text: (row) => cents(row.entry_price) },
      { name: "contracts", number: true, value: (row) => row.lots / 100, text: (row) => contracts(row.lots) },
      { name: "result", value: (row) => row.result, text: (row) => RESULT(row.result), className: (row) => (row.result === null ? "faint" : sign(row.result - 0.5)) },
      { name: "fees", number: true, value: (row) => row.fees, text: (row) => usd(row.fees) },
      { name: "P&L", number: true, value: (row) => row.pnl, text: (row) => usd(row.pnl), className: (row) => sign(row.pnl) },
      { name: "left by", text: (row) => (row.exit_ts === null ? "held" : row.exit) },
      { name: "out (UTC)", value: (row) => row.exit_ts, text: (row) => moment(row.exit_ts) },
    ],
  });
  const scores = table({
    label: "Last scores", name: `${name}-scores`, rows: [], empty: "No market was scored yet.",
    columns: [
      { name: "market", text: (row) => row.ticker },
      { name: "yes, cents", number: true, value: (row) => row.mark, text: (row) => cents(row.mark) },
      { name: "edge of yes, cents", number: true, value: (row) => row.score / 100, text: (row) => edge(row.score), className: (row) => sign(row.score) },
      { name: "what becomes of it", text: (row) => row.now ?? "–" }, { name: "the bar before", text: (row) => row.before ?? "–" },
    ],
  });
  const fates = table({
    label: "What became of the candidates", name: `${name}-candidates`, rows: [], empty: "There was none.",
    columns: [
      { name: "what became of them", text: (row) => row.fate },
      ...["candidates", "settled"].map((one) => ({ name: one, number: true, value: (row) => row[one], text: (row) => count(row[one]) })),
      { name: "won", number: true, value: (row) => row.won, text: (row) => percent(row.won) },
      { name: "P&L of one contract", number: true, value: (row) => row.mean_pnl, text: (row) => (row.mean_pnl === null ? "–" : `${(row.mean_pnl * 100).toFixed(2)} c`), className: (row) => sign(row.mean_pnl) },
    ],
  });
  const said = el("p.faint", {}, "The first bar is not over.");
  const judged = el("div");
  function update(bar) {
    if (!bar) return;
    clear(said, `The bar that ended ${moment(bar.bar)} UTC: ${count(bar.of)} bets so far`, bar.of > bar.bets.length && `, the last ${count(bar.bets.length)} of them here`, ".");
    bets.update(bar.bets);
    scores.update(bar.scores);
    fates.update(bar.candidates);
    clear(judged, calibration(bar));
  }
  return {
    update, walk: bets.walk,
    inside: [panel("Bets", said, bets.holder),
      el("div.columns", {}, panel("Last scores", scores.holder), panel("What became of the candidates", fates.holder)),
      panel("Calibration of the bets whose result is known", judged)],
  };
}
