// Time travel: one window over a market, one moment in it. The address holds both.

import { remember } from "./address.js";
import { boardHeight, boardRows, drawBoard, drawOver, inner, paneNames, timeAt } from "./board.js";
import { legend } from "./curve.js";
import { button, choice, clear, el, panel, say } from "./dom.js";
import { cents, contracts, count, figure, percent, span, stamp, usd } from "./format.js";
import { ladder, prints } from "./ladder.js";
import { ask, oneAtATime } from "./net.js";
import { colours, picture } from "./picture.js";
import { facts, table } from "./table.js";
import { copies } from "./tools.js";

// What a decision followed, by its number.
const TRIGGERS = ["a change of the book", "a trade", "a price of the underlying", "a status", "a gap", "the clock"];
const SPEEDS = [["1", "real time"], ["10", "10 ×"], ["60", "60 ×"], ["600", "600 ×"], ["3600", "an hour a second"]];
const SHORTEST = 1e6;

export const replay = (id, given) => travel("replay", id, { id, cell: given.cell, market: given.market }, given);
export const book = (id, given) => travel("book", id, { store: id, market: given.market }, given);

async function travel(view, id, what, given) {
  const about = await ask("replay", what);
  const own = view === "replay";
  const whole = [0, Math.max(about.span, SHORTEST)];
  const [since, until] = ["since", "until"].map((name) => given[name] && Number(BigInt(given[name]) - BigInt(about.origin)));
  const state = {
    from: Number(given.from ?? since ?? whole[0]), to: Number(given.to ?? until ?? whole[1]), event: null, t: null, hover: null,
    found: null, now: null, playing: null, speed: "60",
  };
  state.from = Math.max(state.from, whole[0]);
  state.to = Math.min(state.to, whole[1]);
  if (!(state.to > state.from)) [state.from, state.to] = whole;
  const names = paneNames(about);
  const hidden = new Set((given.hide || "").split(",").filter(Boolean));
  const panes = () => names.filter(([name]) => !hidden.has(name));

  const board = picture({
    name: about.ticker, label: `Price of ${about.ticker} over time${own ? ", with own quotes and fills" : ""}`,
    height: () => boardHeight(panes()),
    draw: (pen, w, h, c) => state.found ? drawBoard(pen, w, h, c, { found: state.found, origin: about.origin, step: about.step, panes: panes() }) : pen.text(w / 2, h / 2, "…", c.muted, "center"),
    rows: () => boardRows(state.found, about.origin),
  });
  const over = el("canvas.over", { "aria-hidden": "true" });
  board.holder.append(over);
  const tip = el("p.tip", {}, "");
  const rungs = ladder();
  const tape = prints(about.origin);
  const line = el("p.at");
  const numbers = el("div.numbers");
  const why = el("div");
  const inside = el("div");
  const toggles = names.length > 1 && el("div.tools.panes", { role: "group", "aria-label": "Panes" }, names.map(([name, words]) => {
    const one = button(words, () => {
      hidden.has(name) ? hidden.delete(name) : hidden.add(name);
      one.setAttribute("aria-pressed", String(!hidden.has(name)));
      board.paint();
      overlay();
      keep();
    }, { class: "small", "aria-pressed": String(!hidden.has(name)) });
    return one;
  }));

  function keep() {
    const wide = state.from === whole[0] && state.to === whole[1];
    remember(view, id, { cell: what.cell, market: what.market, from: wide ? null : Math.round(state.from), to: wide ? null : Math.round(state.to), event: state.event, hide: [...hidden].join(",") });
  }
  function overlay() {
    const [w, h, ratio] = [board.holder.clientWidth, board.holder.clientHeight, devicePixelRatio || 1];
    if (over.width !== Math.round(w * ratio) || over.height !== Math.round(h * ratio)) {
      over.width = Math.round(w * ratio);
      over.height = Math.round(h * ratio);
      over.style.width = `${w}px`;
      over.style.height = `${h}px`;
    }
    const context = over.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawOver(context, w, h, colours(), { from: state.from, to: state.to, moment: state.t, hover: state.hover });
  }
  const load = oneAtATime(async () => {
    const [from, to] = [Math.round(state.from), Math.round(state.to)];
    state.found = await ask("window", { ...what, from, to, px: Math.min(Math.max(Math.round(inner(board.holder.clientWidth || 900)), 200), 1600) });
    board.paint();
    overlay();
    board.canvas.dataset.window = `${from}:${to}`;
  });
  function look(from, to) {
    let width = Math.min(Math.max(to - from, SHORTEST), whole[1] - whole[0]);
    let begin = Math.min(Math.max(from, whole[0]), whole[1] - width);
    if (!Number.isFinite(begin)) [begin, width] = [whole[0], whole[1]];
    [state.from, state.to] = [begin, begin + width];
    overlay();
    keep();
    return load();
  }
  const zoom = (by, around = state.t ?? (state.from + state.to) / 2) => {
    const middle = Math.min(Math.max(around, state.from), state.to);
    return look(middle - (middle - state.from) * by, middle + (state.to - middle) * by);
  };
  const step = oneAtATime(async (given) => show(await ask("moment", { ...what, ...given })));
  function show(found) {
    Object.assign(state, { now: found, event: found.event, t: found.t });
    if (found.t < state.from || found.t > state.to) {
      const half = (state.to - state.from) / 2;
      look(found.t - half, found.t + half);
    }
    clear(line, el("b", { "data-event": found.event }, stamp(about.origin, found.t, 6)), el("span.faint", {}, `event ${count(found.event + 1)} of ${count(about.events)}`),
      el("span", {}, found.kind, found.price === null ? "" : ` ${found.side} ${contracts(found.size)} at ${cents(found.price)}`));
    rungs.show(found);
    tape.show(found);
    if (own) {
      const parts = [["P&L so far", usd(found.pnl)], ["position", contracts(found.position)], ["fills", count(found.fills)], ["spread capture", usd(found.spread_capture)], ["drift", usd(found.drift)], ["fees", usd(-found.fees)], ["rebates", usd(found.rebates)]];
      const r = found.rewards;
      const side = (share) => (share === null ? "none" : percent(share));
      if (r) parts.push(["rewards so far", usd(r.accrued)], ["of it paid", usd(r.paid)], ["share of bids, of asks", r.snapshot === undefined ? "–" : `${side(r.bid_share)}, ${side(r.ask_share)}`], ["last snapshot (UTC)", r.snapshot === undefined ? "–" : stamp(about.origin, r.snapshot).slice(11)]);
      const rows = [...Object.entries(found.signals).map(([name, v]) => [`signal ${name}`, figure(v)]), ...Object.entries(found.state).map(([name, v]) => [`state ${name}`, figure(v)])];
      clear(inside, rows.length > 0 && panel("Signals and state", facts("Signals and state", rows)));
      clear(numbers, parts.map(([name, text]) => el("div", {}, el("span", {}, name), el("b", {}, text))));
    }
    overlay();
    keep();
  }
  const to = async (target, by) => {
    const { event } = await ask("jump", { ...what, event: state.event ?? 0, to: target, by });
    return event === null ? say(`no ${by < 0 ? "earlier" : "later"} ${target}`) : step({ event });
  };
  function play() {
    if (state.playing) {
      clearInterval(state.playing);
      state.playing = null;
    } else {
      let last = performance.now();
      let at = state.t ?? state.from;
      state.playing = setInterval(() => {
        if (!board.canvas.isConnected) return clearInterval(state.playing);
        const now = performance.now();
        at += (now - last) * 1e6 * Number(state.speed);
        last = now;
        if (at >= whole[1]) return play();
        step({ t: Math.round(at) });
      }, 50);
    }
    player.textContent = state.playing ? "Stop" : "Play";
    player.setAttribute("aria-pressed", String(Boolean(state.playing)));
  }
  const player = button("Play", play, { "aria-pressed": "false", class: "small" });
  async function explain() {
    clear(why, el("p.wait", {}, "Deciding again …"));
    try {
      const found = await ask("why", { ...what, event: state.event ?? 0 });
      const rows = [...Object.entries(found.signals), ...Object.entries(found.inside).map(([name, v]) => [name, figure(v)]), ...Object.entries(found.known).filter(([name, v]) => v !== null && name !== "time").map(([name, v]) => [name.replaceAll("_", " "), name === "trigger" ? TRIGGERS[v] ?? v : figure(v)])];
      clear(why, el("p", {}, el("b", {}, `Decided ${stamp(about.origin, found.decided, 6)}`)),
        el("p", {}, `asked for ${asked(found.asked)}, wanted ${found.wanted.join(" and ")}`),
        found.because.length > 0 && el("ul.warnings", {}, found.because.map((one) => el("li", {}, one))),
        el("p.faint", {}, found.resting.join("; ")),
        el("dl.facts", {}, rows.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))),
        copies(() => found.copy));
    } catch (error) {
      clear(why, el("p.problem", { role: "alert" }, error.message));
    }
  }
  listen(board, state, { look, zoom, step, overlay, tip, about });

  const jumps = (own ? [["fill", "fill"], ["quote", "quote"], ...(about.programs ? [["snapshot", "snapshot"]] : [])] : []).concat([["trade", "trade"], ["gap", "gap"]]);
  const controls = el("div.tools", {},
    button("◀", () => step({ event: Math.max((state.event ?? 0) - 1, 0) }), { class: "small", "aria-label": "An event back" }),
    player,
    button("▶", () => step({ event: (state.event ?? -1) + 1 }), { class: "small", "aria-label": "An event on" }),
    choice("Speed", SPEEDS, state.speed, (next) => (state.speed = next)),
    jumps.map(([target, text]) => [button(`‹ ${text}`, () => to(target, -1), { class: "small", "aria-label": `Previous ${text}` }), button(`${text} ›`, () => to(target, 1), { class: "small", "aria-label": `Next ${text}` })]),
    el("span.grow"),
    button("−", () => zoom(2), { class: "small", "aria-label": "Further" }), button("+", () => zoom(0.5), { class: "small", "aria-label": "Closer" }), button("Whole", () => look(...whole), { class: "small" }));
  const fills = own && fillTable(about, step);
  const one = (by) => step({ event: Math.max((state.event ?? 0) + by, 0) });
  const keys = {
    ArrowLeft: () => one(-1), ArrowRight: () => one(1), ShiftArrowLeft: () => one(-100), ShiftArrowRight: () => one(100), " ": play,
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => look(...whole), w: own && explain,
    t: () => to("trade", 1), T: () => to("trade", -1), g: () => to("gap", 1), G: () => to("gap", -1),
    ...(own && { f: () => to("fill", 1), F: () => to("fill", -1), q: () => to("quote", 1), Q: () => to("quote", -1) }),
    ...(about.programs && { s: () => to("snapshot", 1), S: () => to("snapshot", -1) }),
  };
  const settled = about.settlement === null ? "not settled" : `settled at ${cents(about.settlement)} c`;
  const colour = [["bid", "best bid"], ["ask", "best ask"], ["mid", "mid"], ...(own ? [["own_bid", "own bid"], ["own_ask", "own ask"], ["fill", "fill"]] : []), ["trade", "trade, green bought and red sold"], ["gap", "book not known"]];
  return {
    title: about.ticker, keys, walk: fills?.walk,
    leave: () => clearInterval(state.playing),
    shown: () => {
      load();
      step(given.event ? { event: given.event } : { t: given.t ?? Math.round(about.span / 2) });
    },
    inside: [
      el("div.title", {}, el("h1", {}, about.ticker, about.title && el("span.faint", {}, `  ${about.title}`)), copies(() => about.copy)),
      el("p.faint", {}, own ? `${about.strategy}, ${Object.entries(about.values).map(([name, v]) => `${name} ${figure(v)}`).join(", ")}, queue ${about.queue} · ` : "", `${count(about.events)} events, ${count(about.trades)} trades, ${count(about.gaps)} gaps in ${span(about.span)} · ${settled}${about.programs ? ` · ${count(about.programs.count)} incentive program${about.programs.count === 1 ? "" : "s"} of ${usd(about.programs.reward)} in all` : ""}`),
      about.notice && el("p.problem", { role: "alert" }, about.notice),
      el("div.travel", {},
        el("div", {}, el("section.panel", { "aria-label": "Over time" }, controls, board.figure, tip, legend(colour), toggles), own && el("section.panel", { "aria-label": "At the moment" }, numbers)),
        el("div", {}, panel("The moment", line, rungs.holder), inside, panel("Last trades", tape.holder),
          own && panel("Why this quote", el("p", {}, button("Explain this moment", explain, { class: "small" })), why))),
      own && panel(`Fills${about.fills.of > about.fills.t.length ? `, the first ${count(about.fills.t.length)} of ${count(about.fills.of)}` : ""}`, fills.holder),
    ],
  };
}

const asked = (wished) => wished.flat(2).slice(0, 2).map((price) => (price === null ? "nothing" : `${Number(price.toFixed(2))}`)).join(" / ");

function fillTable(about, step) {
  const { fills } = about;
  const rows = fills.t.map((t, i) => ({ t, event: fills.event[i], side: fills.side[i], price: fills.price[i], lots: fills.lots[i], position: fills.position[i], fee: fills.fee[i], taker: fills.taker[i] }));
  return table({
    label: "Fills", name: `${about.ticker}-fills`, rows, open: (row) => step({ event: row.event }), empty: "Nothing filled.",
    columns: [
      { name: "time (UTC)", value: (row) => row.t, text: (row) => stamp(about.origin, row.t) },
      { name: "side", text: (row) => (row.side > 0 ? "bought" : "sold"), className: (row) => (row.side > 0 ? "gain" : "loss") },
      { name: "cents", number: true, value: (row) => row.price / 100, text: (row) => cents(row.price) },
      { name: "contracts", number: true, value: (row) => row.lots / 100, text: (row) => contracts(row.lots) },
      { name: "position", number: true, value: (row) => row.position / 100, text: (row) => contracts(row.position) },
      { name: "fee", number: true, value: (row) => row.fee / 1e6, text: (row) => usd(row.fee) },
      { name: "how", text: (row) => (row.taker ? "taker" : "maker") },
    ],
  });
}

// Wheel: closer and further. Drag: along. Click: the moment. Double click: the whole.
function listen(board, state, { look, zoom, step, overlay, tip, about }) {
  const { canvas } = board;
  const at = (event) => timeAt(event.clientX - canvas.getBoundingClientRect().left, board.holder.clientWidth, state.from, state.to);
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const by = ((state.to - state.from) * event.deltaX) / 800;
      look(state.from + by, state.to + by);
    } else zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event));
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, from: state.from, to: state.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    state.hover = at(event);
    if (drag && Math.abs(event.clientX - drag.x) > 4) {
      drag.moved = true;
      const by = ((event.clientX - drag.x) / inner(board.holder.clientWidth)) * (drag.to - drag.from);
      look(drag.from - by, drag.to - by);
    }
    const f = state.found;
    if (f && state.hover >= f.from && state.hover <= f.to) {
      const i = Math.min(Math.floor(((state.hover - f.from) / (f.to - f.from)) * f.count), f.count - 1);
      const price = (v) => (v < 0 ? "–" : cents(v));
      tip.textContent = `${stamp(about.origin, state.hover)}   ${price(f.bid[2][i])} / ${price(f.ask[2][i])}${f.own_bid ? `   own ${price(f.own_bid[0][2][i])} / ${price(f.own_ask[0][2][i])}   position ${contracts(f.curve.position[i])}   equity ${usd(f.curve.equity[i])}` : ""}`;
    }
    overlay();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) step({ t: Math.max(Math.round(at(event)), 0) });
    drag = null;
  });
  canvas.addEventListener("pointerleave", () => {
    state.hover = null;
    overlay();
  });
  canvas.addEventListener("dblclick", () => look(0, about.span));
}
