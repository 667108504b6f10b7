// A live session: markets, money, its journal as it is written, and the orders to it.

import { add, button, clear, el, panel, say } from "./dom.js";
import { heldBets } from "./held_bets.js";
import { cents, contracts, count, figure, percent, stampOf, usd } from "./format.js";
import { ask, order } from "./net.js";
import { facts, table } from "./table.js";
import { copies } from "./tools.js";

const sign = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
const SHOWN = 60;
const DECISIONS = 30;
const TABLES_MS = 250;
const VERBS = { halt: "Quotes are withdrawn until it is resumed.", resume: "Halts and a kill are lifted; a reason is needed.", kill: "Everything is cancelled, and nothing is traded any more, over restarts too.", flatten: "Quoting stops, and what is held is sold at once within the collar." };

export async function session(id) {
  const about = await ask("session", { id });
  const numbers = el("div.numbers");
  const state = el("p.at", { role: "status" });
  const journal = el("tbody");
  const alarms = el("tbody");
  let rows = [];
  let alerts = [];
  let decisions = [];
  let heard = 0;
  let waiting = null;
  const markets = table({
    label: "Markets", name: `${about.name}-markets`, rows: [], empty: "No market yet.",
    columns: [
      { name: "market", text: (row) => row.ticker },
      { name: "quote", text: (row) => quoted(row.quote) },
      { name: "mid", number: true, value: (row) => row.mid, text: (row) => cents(row.mid) },
      { name: "position", number: true, value: (row) => row.position / 100, text: (row) => contracts(row.position) },
      { name: "P&L", number: true, value: (row) => row.worth, text: (row) => usd(row.worth), className: (row) => sign(row.worth) },
      { name: "fills", number: true, value: (row) => row.fills, text: (row) => count(row.fills) },
      { name: "fees", number: true, value: (row) => row.fees, text: (row) => usd(row.fees) },
      { name: "state", text: (row) => (row.halted ? `halted: ${row.halted === true ? "" : row.halted}` : row.closed ? "closed" : "trading"), className: (row) => (row.halted ? "warn" : "") },
    ],
  });
  const limits = table({
    label: "Limits", name: `${about.name}-limits`, rows: [], empty: "The session has not said how it stands.",
    columns: [
      { name: "limit", text: (row) => row.name.replaceAll("_", " ").replace(/ s$/, "") },
      { name: "used", number: true, value: (row) => row.used, text: (row) => amount(row.used, row.unit) },
      { name: "of", number: true, value: (row) => row.limit, text: (row) => (row.limit === null ? "no limit" : amount(row.limit, row.unit)) },
      { name: "share", number: true, value: (row) => (row.limit ? row.used / row.limit : null), text: (row) => (row.limit ? percent(row.used / row.limit, 0) : ""), className: (row) => (row.limit && row.used > 0.8 * row.limit ? "warn" : "") },
    ],
  });
  const decided = table({
    label: "Last decisions", name: `${about.name}-decisions`, rows: [], empty: "None yet.",
    columns: [
      { name: "time (UTC)", value: (row) => row.ts, text: (row) => stampOf(row.ts).slice(11) },
      { name: "decision", wide: true, text: (row) => row.told }, { name: "why", wide: true, text: (row) => row.why },
    ],
  });
  const held = about.of_bets ? heldBets(about.name) : null;
  const beside = el("div");
  async function compare() {
    clear(beside, el("p.wait", {}, "Replaying the journal …"));
    try {
      const told = await ask("twin", { id });
      clear(beside, facts("Real against twin", told.facts), table({ label: "Fills by place in the queue", name: `${about.name}-twin`, rows: told.places, empty: "No order rested.", columns: [
        { name: "place in the queue", text: (row) => row[0] }, { name: "orders", number: true, value: (row) => row[1], text: (row) => count(row[1]) },
        ...["expected", "had", "expected, not had", "had, not expected"].map((name, i) => ({ name, number: true, value: (row) => row[i + 2] / 100, text: (row) => contracts(row[i + 2]) }))] }).holder, copies(() => told.copy));
    } catch (error) {
      clear(beside, el("p.problem", { role: "alert" }, error.message));
    }
  }
  // Many updates between two frames are drawn once, and tables a few times a second: nobody reads faster.
  function drawn(status) {
    waiting = status;
    if (drawn.due) return;
    drawn.due = requestAnimationFrame(() => {
      drawn.due = null;
      show(waiting);
      if (!drawn.later) drawn.later = setTimeout(() => {
        drawn.later = null;
        tables(waiting);
      }, TABLES_MS);
    });
  }
  function show(status) {
    clear(state, el("b", {}, status.running ? "running" : status.ended ? "ended" : "not running"), el("span", {}, status.mode || ""),
      status.killed && el("span.problem", {}, `killed: ${status.killed}`), status.waits && el("span.warn", {}, `waits: ${status.waits}`),
      status.now && el("span.faint", {}, `${stampOf(String(BigInt(Math.round(status.now))))} UTC`),
      status.commands_waiting > 0 && el("span.faint", {}, `${status.commands_waiting} orders wait`));
    const parts = [["P&L", usd(status.pnl)], ["feed age", status.feed_age_s === undefined ? "–" : `${status.feed_age_s.toFixed(1)} s`], ...(held ? inBets(status) : inQuotes(status)), ["messages", count(status.messages)],
      ["journal", status.journal_bytes === undefined ? "–" : `${(status.journal_bytes / 1e6).toFixed(1)} MB`], ["rate budget", status.budget ? `${count(Math.round(status.budget.left))} of ${count(status.budget.most)} tokens` : "nothing is sent"]];
    if (!numbers.children.length) add(numbers, parts.map(([name]) => el("div", {}, el("span", {}, name), el("b"))));
    parts.forEach(([, text], at) => { // what stays is not touched: this runs at every frame
      const shown = numbers.children[at].lastChild;
      if (shown.textContent !== text) shown.textContent = text;
    });
  }
  function tables(status) {
    markets.update(Object.entries(status.markets || {}).map(([ticker, one]) => ({ ticker, ...one })));
    limits.update(status.limits || []);
    decided.update(decisions.slice().reverse());
    lined(alarms, alerts.slice().reverse(), "Nothing so far.");
    lined(journal, rows.slice(-SHOWN).reverse(), "Nothing is written yet.");
  }
  const source = new EventSource(`/api/follow?id=${encodeURIComponent(id)}`);
  source.onmessage = (event) => {
    const told = JSON.parse(event.data);
    heard += 1;
    document.body.dataset.told = heard;
    const { status } = told;
    rows = rows.concat(told.lines).slice(-SHOWN);
    alerts = alerts.concat(told.alerts).slice(-SHOWN);
    decisions = decisions.concat(told.lines.filter((line) => line.why !== undefined)).slice(-DECISIONS);
    if (told.bar) held.update(told.bar);
    drawn(status);
  };
  show(about.status);
  tables(about.status);
  held?.update(about.bar);
  const twin = panel("Real against twin", el("p", {}, button("Compare with the twin", compare, { class: "small" }), el("span.faint", {}, " replays the journal with assumed fills beside it")), beside);
  return {
    title: `session ${about.name}`, walk: (held || markets).walk, leave: () => source.close(),
    inside: [el("div.title", {}, el("h1", {}, `Session ${about.name}`), copies(() => about.copy)), el("p.faint", {}, about.folder), state,
      el("section.panel", { "aria-label": "How it stands" }, numbers), panel("Orders to the session", orders(id, about)), held?.inside, panel("Markets", markets.holder),
      el("div.columns", {}, panel("Last decisions", decided.holder), panel("Limits used", limits.holder)),
      el("div.columns", {}, panel("Alerts", el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Alerts" }, el("table.prints.lines", { "aria-label": "Alerts" }, alarms))),
        panel("Journal, the last lines", el("div.scroll", { tabindex: "0", role: "region", "aria-label": "Journal" }, el("table.prints.lines", { "aria-label": "Journal" }, journal))), !held && twin,
        panel("Settings", facts("Settings", about.settings)))],
  };
}

const inBets = (status) => [["cash", usd(status.cash)], ["bets held", count(status.bets?.length)], ["orders resting", count(status.orders)], ["bets over", count(status.bets_over)]];

const inQuotes = (status) => [["orders resting", count(status.orders)], ["markets", count(Object.keys(status.markets || {}).length)], ["rewards so far", status.rewards ? usd(status.rewards.earned) : "none counted"]];

function lined(body, lines, none) {
  clear(body, lines.map((line) => el("tr", {}, el("td.faint", {}, stampOf(line.ts).slice(11)), el("td", {}, line.kind), el("td", {}, line.told))), !lines.length && el("tr", {}, el("td.faint", {}, none)));
}

function amount(value, unit) {
  if (unit === "dollars") return usd(value * 1e6);
  return unit === "s" ? `${figure(value)} s` : count(value);
}

function quoted(quote) {
  if (!quote) return "–";
  const side = (price, size) => (price === null || price === undefined ? "–" : `${contracts(size)} at ${cents(price)}`);
  return `${side(quote.bid, quote.bid_size)} / ${side(quote.ask, quote.ask_size)}`;
}

function orders(id, about) {
  const form = el("div");
  const confirm = (verb) => {
    const typed = el("input", { type: "text", "aria-label": "The session's name, to confirm", placeholder: about.name, autocomplete: "off" });
    const reason = el("input", { type: "text", "aria-label": "Reason", placeholder: "reason" });
    const send = button(`Yes, ${verb}`, async () => {
      try {
        await order({ id, verb, typed: typed.value, reason: reason.value });
        say(`${verb} was left for the session`);
        clear(form);
      } catch (error) {
        clear(problem, error.message);
      }
    });
    const problem = el("p.problem", { role: "alert" });
    clear(form, el("p", {}, VERBS[verb], ` Type ${about.name} to confirm.`), el("div.tools", {}, typed, reason, send, button("No", () => clear(form))), problem);
    typed.focus();
  };
  return el("div", {}, el("div.tools", {}, Object.keys(VERBS).map((verb) => button(verb, () => confirm(verb), { class: "small" }))), form);
}
