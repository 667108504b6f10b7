// A sweep: its cells over any two axes, what each parameter does, what to believe, and one cell in full.

import { addressOf, remember } from "./address.js";
import { bars, curve } from "./curve.js";
import { choice, clear, el, panel } from "./dom.js";
import { UNITS, contracts, count, percent, stampOf, usd } from "./format.js";
import { heat } from "./heat.js";
import { band, multiples } from "./multiples.js";
import { ask, oneAtATime } from "./net.js";
import { warnings } from "./results.js";
import { facts, table } from "./table.js";
import { copies } from "./tools.js";

const sign = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");
const SMALL = 12;

export async function sweep(id, given) {
  let found = await ask("sweep", { id, market: given.market });
  const axes = found.axes;
  const named = (name, other) => axes.find((one) => one.name === name) || axes.find((one) => one.name !== other) || axes[0];
  const state = { figure: given.figure || found.figures[0][0], x: named(given.x)?.name, y: null, market: given.market || "", cell: given.cell ? Number(given.cell) : null };
  state.y = (axes.find((one) => one.name === given.y && one.name !== state.x) || axes.find((one) => one.name !== state.x))?.name || null;
  const place = el("div");
  const one = el("div");
  const luckHolder = el("div", {}, el("p.wait", {}, "Weighing …"));
  const cellsTable = cellTable();
  const many = el("div");
  const queues = el("div");

  // Of cells that agree in both axes the mean: the other axes are averaged over.
  function grid(figure) {
    const [x, y] = [axes.find((a) => a.name === state.x), axes.find((a) => a.name === state.y)];
    const across = { name: x.name, texts: x.texts };
    const down = y ? { name: y.name, texts: y.texts } : { name: "", texts: [""] };
    const sums = new Map();
    const first = new Map();
    const [xs, ys] = [found.cells[x.name], y && found.cells[y.name]];
    const values = found.cells[figure];
    found.cells.cell.forEach((cell, row) => {
      const key = `${x.values.indexOf(xs[row])}:${y ? y.values.indexOf(ys[row]) : 0}`;
      const [sum, n] = sums.get(key) || [0, 0];
      if (values[row] !== null) sums.set(key, [sum + values[row], n + 1]);
      const best = first.get(key);
      if (best === undefined || found.cells.pnl[row] > found.cells.pnl[found.cells.cell.indexOf(best)]) first.set(key, cell);
    });
    const where = (cell) => {
      const row = found.cells.cell.indexOf(cell);
      return row < 0 ? [-1, -1] : [x.values.indexOf(xs[row]), y ? y.values.indexOf(ys[row]) : 0];
    };
    return { across, down, value: (i, j) => { const s = sums.get(`${i}:${j}`); return s ? s[0] / s[1] : null; }, cell: (i, j) => first.get(`${i}:${j}`), where };
  }
  function drawGrid() {
    const [, words, unit] = found.figures.find(([name]) => name === state.figure) || found.figures[0];
    const made = grid(state.figure);
    const mark = (cell, colour, text) => { const [i, j] = made.where(cell); return { i, j, colour, text }; };
    const both = found.robust === found.overall;
    const picks = [mark(found.robust, "own_bid", both ? "robust, best" : "robust"), mark(found.overall, "fill", both ? "" : "best")];
    const shown = heat({
      name: `sweep-${state.figure}`, label: `${words} over ${state.x}${state.y ? ` and ${state.y}` : ""}`, across: made.across, down: made.down,
      value: made.value, text: UNITS[unit], height: () => Math.max(220, Math.min(460, made.down.texts.length * 34 + 60)),
      marks: () => found.nothing ? [] : [...picks, ...(state.cell === null ? [] : [mark(state.cell, "accent", "")])],
      open: (i, j) => made.cell(i, j) !== undefined && choose(made.cell(i, j)),
    });
    drawBand();
    const others = axes.filter((a) => a.name !== state.x && a.name !== state.y);
    clear(place, shown.figure,
      others.length > 0 && el("p.faint", {}, `Averaged over ${others.map((a) => a.name).join(", ")}; a click opens the best cell there.`),
      el("ul.legend", {}, el("li", {}, el("i.swatch.own_bid"), "robust choice: best with its neighbours"), el("li", {}, el("i.swatch.fill"), "highest P&L: may be luck"), el("li", {}, el("i.swatch.accent"), "the cell that is shown below")));
  }
  // The slice through a cell along the axis across: what its P&L would be under the other queue model.
  function drawBand() {
    const axis = axes.find((a) => a.name === state.x);
    if (!axis || !found.cells.pnl_worst) return void clear(queues, el("p.faint", {}, "The sweep has no P&L under a second queue model."));
    if (found.nothing && state.cell === null) return void clear(queues, el("p.faint", {}, "No cell made or lost anything, so none is recommended. A click on one shows a slice through it."));
    const through = found.cells.cell.indexOf(state.cell ?? found.robust);
    const others = axes.filter((a) => a.name !== axis.name);
    const [chosen, least] = [new Array(axis.values.length).fill(null), new Array(axis.values.length).fill(null)];
    found.cells.cell.forEach((_, row) => {
      const at = axis.values.indexOf(found.cells[axis.name][row]);
      if (at < 0 || through < 0 || others.some((a) => found.cells[a.name][row] !== found.cells[a.name][through])) return;
      [chosen[at], least[at]] = [found.cells.pnl[row], found.cells.pnl_worst[row]];
    });
    const words = state.cell === null ? "the robust choice" : `cell ${state.cell}`;
    clear(queues, band({ name: "queue-band", label: `P&L a market along ${axis.name} through ${words}, by queue model`, axis, chosen, least, text: usd, mark: axis.values.indexOf(found.cells[axis.name][through]), markWords: words.replace("the ", "") }).figure,
      el("p.faint", {}, `A slice through ${words}: how much of the P&L hangs on the assumed queue.`));
  }
  const drawMany = oneAtATime(async () => {
    const [figure, words, unit] = found.figures.find(([name]) => name === state.figure) || found.figures[0];
    const told = await ask("multiples", { id, figure, x: state.x, y: state.y ?? "" });
    clear(many, multiples({
      name: `markets-${figure}`, label: `${words} over ${state.x}${state.y ? ` and ${state.y}` : ""}, market by market`, markets: told.markets, tables: told.tables, text: UNITS[unit],
      open: (market) => ofMarket(market),
    }).figure, el("p.faint", {}, told.of > told.markets.length ? `The ${count(told.markets.length)} of ${count(told.of)} markets in which the cells differ the most, on one scale. ` : "All on one scale. ", "A click shows a market alone above."));
  });
  async function ofMarket(next) {
    state.market = next;
    found = await ask("sweep", { id, market: next });
    keep();
    drawTools();
    drawGrid();
  }
  function cellTable() {
    const names = axes.map((a) => a.name);
    const rows = found.cells.cell.map((cell, i) => ({ cell, i }));
    return table({
      label: "Cells", name: "cells", rows, sort: axes.length + 1, open: (row) => choose(row.cell),
      columns: [{ name: "cell", number: true, value: (row) => row.cell, text: (row) => row.cell },
        ...names.map((name) => ({ name, number: true, value: (row) => found.cells[name][row.i], text: (row) => axes.find((a) => a.name === name).texts[axes.find((a) => a.name === name).values.indexOf(found.cells[name][row.i])] ?? String(found.cells[name][row.i]) })),
        ...found.figures.slice(0, 11).map(([name, words, unit]) => ({ name: words, number: true, value: (row) => found.cells[name][row.i], text: (row) => UNITS[unit](found.cells[name][row.i]), className: (row) => (unit === "usd" && ["pnl", "pnl_least"].includes(name) ? sign(found.cells[name][row.i]) : "") }))],
    });
  }
  function keep() {
    remember("sweep", id, { figure: state.figure === found.figures[0][0] ? null : state.figure, x: state.x === axes[0]?.name ? null : state.x, y: state.y === axes[1]?.name ? null : state.y, market: state.market, cell: state.cell });
  }
  async function choose(cell, scroll = true) {
    state.cell = cell;
    keep();
    drawGrid();
    try {
      clear(one, oneCell(id, found, await ask("cell", { id, cell }), choose));
      if (scroll) one.scrollIntoView({ block: "start" });
    } catch (error) {
      clear(one, el("p.problem", { role: "alert" }, error.message));
    }
  }
  const change = (name, work) => (next) => {
    state[name] = next;
    work?.();
    keep();
    drawGrid();
    if (found.markets.length > 1) drawMany();
  };
  const options = axes.map((a) => [a.name, a.name]);
  const tools = el("div.tools", {});
  function drawTools() {
    clear(tools,
      choice("Figure", found.figures.map(([name, words]) => [name, words]), state.figure, change("figure")),
      axes.length > 1 && choice("Across", options, state.x, change("x", () => { if (state.x === state.y) state.y = axes.find((a) => a.name !== state.x).name; drawTools(); })),
      axes.length > 1 && choice("Down", options.filter(([name]) => name !== state.x), state.y, change("y")),
      found.markets.length > 1 && choice("Market", [["", "all markets"], ...found.markets.map((m) => [m, m])], state.market, ofMarket));
  }
  drawTools();
  if (axes.length) drawGrid();
  ask("luck", { id }).then((told) => clear(luckHolder, told.warnings.length > 0 && warnings(told.warnings),
    panel("Is it luck?", table({ label: "Is it luck?", name: "luck", rows: told.rows, columns: [{ name: "question", text: (row) => row[0] }, { name: "figure", number: true, text: (row) => row[1] }, { name: "what it means", text: (row) => row[2] }] }).holder)),
  (error) => clear(luckHolder, el("p.problem", {}, error.message)));
  return {
    title: `sweep of ${found.strategy}`, walk: cellsTable.walk,
    shown: () => {
      if (state.cell !== null) choose(state.cell, false);
      if (axes.length && found.markets.length > 1) drawMany();
    },
    inside: [el("div.title", {}, el("h1", {}, `Sweep of ${found.strategy}`), copies(() => found.copy)),
      el("p.faint", {}, `${count(found.cells.cell.length)} cells on ${count(found.markets.length)} market${found.markets.length === 1 ? "" : "s"} · ${found.folder}`),
      el("div.columns", {}, axes.length > 0 && panel("The grid", tools, place), panel("Each parameter by itself", effects(found))),
      one, axes.length > 0 && el("div.columns", {}, panel("Queue band", queues), found.markets.length > 1 && panel("Market by market", many)),
      luckHolder, panel("Cells", cellsTable.holder)],
  };
}

function effects(found) {
  const e = found.effects;
  return found.axes.map((axis) => {
    const rows = (e.parameter || []).map((name, i) => [name, i]).filter(([name]) => name === axis.name).map(([, i]) => i);
    const items = rows.map((i) => ({ name: axis.texts[axis.values.indexOf(e.value[i])] ?? String(e.value[i]), value: e.pnl[i] }));
    const share = found.explained[axis.name];
    const kept = items.length > SMALL ? items.filter((_, i) => i % Math.ceil(items.length / SMALL) === 0) : items;
    return el("div", {}, el("p", {}, el("b", {}, axis.name), el("span.faint", {}, ` explains ${percent(share)} of how the cells differ`)), bars({ name: `effect-${axis.name}`, label: `Average P&L by ${axis.name}`, items: kept, text: usd, height: 300 }).figure);
  });
}

function oneCell(id, found, told, choose) {
  const markets = table({
    label: "Markets of the cell", name: `cell-${told.cell}-markets`, sort: 1, rows: told.markets.market.map((market, i) => ({ market, i })),
    open: found.replayable && ((row) => (location.hash = addressOf("replay", id, { cell: told.cell, market: row.market }))),
    columns: [{ name: "market", text: (row) => row.market, cell: (row) => found.replayable ? el("a", { href: addressOf("replay", id, { cell: told.cell, market: row.market }) }, row.market) : row.market },
      ...[["pnl", "P&L", usd], ["fees", "fees", usd], ["fills", "fills", count], ["position", "left, contracts", contracts], ["uptime", "both stood", percent]].filter(([name]) => told.markets[name]).map(([name, words, text]) => ({ name: words, number: true, value: (row) => told.markets[name][row.i], text: (row) => text(told.markets[name][row.i]), className: (row) => (name === "pnl" ? sign(told.markets.pnl[row.i]) : "") }))],
  });
  const dayAddress = (i) => addressOf("replay", id, { cell: told.cell, market: told.days.market[i], since: told.days.from[i], until: String(BigInt(told.days.to[i]) + BigInt(told.period_ns)) });
  const days = table({
    label: "Days of the cell", name: `cell-${told.cell}-days`, rows: told.days.day.map((day, i) => ({ day, i })),
    open: found.replayable && ((row) => (location.hash = dayAddress(row.i))),
    columns: [{ name: "day", text: (row) => row.day, cell: (row) => found.replayable ? el("a", { href: dayAddress(row.i) }, row.day) : row.day },
      { name: "market", text: (row) => told.days.market[row.i] },
      { name: "from (UTC)", text: (row) => stampOf(told.days.from[row.i], 0).slice(11) },
      { name: "P&L", number: true, value: (row) => told.days.pnl[row.i], text: (row) => usd(told.days.pnl[row.i]), className: (row) => sign(told.days.pnl[row.i]) }],
  });
  const near = told.around;
  const around = table({
    label: "Neighbourhood", name: `cell-${told.cell}-neighbours`, rows: near.cell.map((cell, i) => ({ cell, i })), open: (row) => choose(row.cell),
    columns: [{ name: "cell", text: (row) => (row.cell === told.cell ? `${row.cell}, this one` : row.cell) },
      ...found.axes.map((a) => ({ name: a.name, number: true, value: (row) => near[a.name][row.i], text: (row) => a.texts[a.values.indexOf(near[a.name][row.i])] ?? near[a.name][row.i] })),
      { name: "P&L a market", number: true, value: (row) => near.pnl[row.i], text: (row) => usd(near.pnl[row.i]), className: (row) => sign(near.pnl[row.i]) }],
  });
  const parts = [["spread_capture", 1], ["drift", 1], ["settlement", 1], ["rebates", 1], ["rewards", 1], ["fees", -1]].filter(([name]) => told.parts[name] !== undefined).map(([name, by]) => ({ name: name.replace("_", " "), value: by * told.parts[name] }));
  const short = [...Object.entries(told.parameters), ["P&L, all markets", usd(told.pnl)], ...(told.pnl_worst === null ? [] : [["P&L, queue that fills least", usd(told.pnl_worst)]])];
  return el("section.panel", { "aria-label": `Cell ${told.cell}` }, el("div.title", {}, el("h2", {}, `Cell ${told.cell}`), told.copy && copies(() => told.copy)),
    el("div.columns", {}, el("div", {}, facts("Parameters", short), el("h2", {}, "What it is made of"), bars({ name: `cell-${told.cell}-parts`, label: "Parts of the P&L", items: parts, text: usd }).figure),
      el("div", {}, el("h2", {}, "Equity, all markets"), curve({ name: `cell-${told.cell}-equity`, label: "Equity of the cell over time", origin: told.origin, lines: [{ name: "equity", t: told.t, values: told.equity, colour: "accent", step: true }], text: usd }).figure)),
    el("div.columns", {}, el("div", {}, el("h2", {}, "Markets: open one to travel through"), markets.holder, el("h2", {}, "Days: open one to travel through"), days.holder), el("div", {}, el("h2", {}, "Neighbours"), around.holder)));
}
