// Price, volume, position and equity of a window on one axis of time, drawn from what the server made for this width.

import { niceSteps, scale, timeSteps } from "./axes.js";
import { cents, contracts, figure, percent, stamp, usd } from "./format.js";

const LEFT = 62;
const RIGHT = 10;
const FOOT = 20;

export const inner = (width) => Math.max(width - LEFT - RIGHT, 50);
export const timeAt = (x, width, from, to) => from + ((x - LEFT) / inner(width)) * (to - from);

const GAP = 8;
const SMALL = 60;

// The panes that there are of a replay or a market, apart from the price: a name in the address and words.
export function paneNames(about) {
  const names = [["volume", "traded, contracts"]];
  if (about.strategy) names.push(["position", "position, contracts"], ["equity", "equity"]);
  if (about.programs) names.push(["share", "share of rewards"], ["accrued", "rewards so far"]);
  for (const one of about.signals || []) names.push([`signal.${one}`, `signal ${one}`]);
  for (const one of about.state || []) names.push([`state.${one}`, `state ${one}`]);
  return names;
}

export const boardHeight = (panes) => Math.max(300, Math.min(innerHeight - 420, 460)) + panes.length * (SMALL + GAP);

// Where the panes stand: price takes what the others leave.
function placed(panes, height) {
  const rest = height - FOOT - panes.length * (SMALL + GAP);
  let y = 6;
  return [["price", "price, cents"], ...panes].map(([name, words]) => {
    const h = name === "price" ? rest - 6 : SMALL;
    const pane = { name, words, y, h };
    y += h + GAP;
    return pane;
  });
}

function bounds(lists) {
  let [low, high] = [Infinity, -Infinity];
  for (const list of lists) for (const v of list) if (v >= 0) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : [0, 10000];
}

export function drawBoard(pen, w, h, c, { found, origin, step, panes }) {
  const n = found.count;
  const x = scale(found.from, found.to, LEFT, w - RIGHT);
  const wide = inner(w) / n;
  const at = (i) => LEFT + i * wide;
  const list = placed(panes, h);
  const foot = h - FOOT;
  for (const [t, text] of timeSteps(origin, found.from, found.to, Math.max(2, Math.floor(inner(w) / 90)))) {
    pen.lines([[x(t), 6, x(t), foot]], c.line, 1, 0.6);
    const edge = text.length * 3.2;
    pen.text(Math.min(x(t), w - edge), h - 8, text, c.muted, "center");
  }
  for (const pane of list) {
    pen.inside(LEFT, pane.y, inner(w), pane.h, () => {
      for (const [begin, end] of found.gaps) pen.rect(x(begin), pane.y, Math.max(x(end) - x(begin), 1), pane.h, c.gap, 0.35);
    });
    const [kind, one] = pane.name.split(/\.(.*)/s);
    PANES[kind](pen, w, pane, c, { found, x, at, wide, step, one });
  }
}

function frame(pen, w, pane, c, low, high, text, most) {
  const y = scale(low, high, pane.y + pane.h, pane.y);
  for (const v of niceSteps(low, high, most)) {
    pen.lines([[LEFT, y(v), w - RIGHT, y(v)]], c.line, 1, 0.8);
    pen.text(LEFT - 6, y(v), text(v), c.muted, "right");
  }
  return y;
}

// A side of the book: what it went through in each stretch, and the line where it stood.
function side(pen, columns, y, at, wide, colour, width) {
  const [low, high, last] = columns;
  const runs = [[]];
  const columnsOf = [];
  for (let i = 0; i < low.length; i++) {
    if (high[i] < 0) {
      if (runs.at(-1).length) runs.push([]);
      continue;
    }
    if (high[i] > low[i]) columnsOf.push([at(i) + wide / 2, y(low[i]), at(i) + wide / 2, y(high[i])]);
    const stands = last[i] >= 0 ? last[i] : low[i];
    runs.at(-1).push(at(i), y(stands), at(i) + wide, y(stands));
  }
  pen.lines(columnsOf, colour, Math.max(wide, 1), 0.45);
  pen.lines(runs.filter((run) => run.length > 2), colour, width, 0.95);
}

// The mid where both sides stand.
function middle(found, y, at, wide) {
  const runs = [[]];
  for (let i = 0; i < found.count; i++) {
    const [b, a] = [found.bid[2][i], found.ask[2][i]];
    if (b < 0 || a < 0) runs.at(-1).length && runs.push([]);
    else runs.at(-1).push(at(i), y((a + b) / 2), at(i) + wide, y((a + b) / 2));
  }
  return runs;
}

const PANES = {
  price(pen, w, pane, c, { found, x, at, wide, step }) {
    const lists = [found.bid[0], found.bid[1], found.ask[0], found.ask[1]].map((one) => one.filter((v) => v >= 0));
    if (found.own_bid) lists.push(...found.own_bid.map((one) => one[0]), ...found.own_ask.map((one) => one[1]));
    if (found.trades.price) lists.push(found.trades.price);
    let [low, high] = bounds(lists);
    const pad = Math.max((high - low) * 0.05, step / 2);
    [low, high] = [low - pad, high + pad];
    const y = frame(pen, w, pane, c, low, high, cents, Math.max(3, pane.h / 40));
    pen.text(LEFT + 4, pane.y + 8, pane.words, c.muted);
    pen.inside(LEFT, pane.y, inner(w), pane.h, () => {
      const spread = [];
      for (let i = 0; i < found.count; i++) {
        const [b, a] = [found.bid[2][i], found.ask[2][i]];
        if (b >= 0 && a >= 0) spread.push([at(i), y(a), wide + 0.5, Math.max(y(b) - y(a), 0)]);
      }
      for (const [left, top, wider, tall] of spread) pen.rect(left, top, wider, tall, c.mid, 0.07);
      pen.lines(middle(found, y, at, wide), c.mid, 1, 0.55);
      side(pen, found.bid, y, at, wide, c.bid, 1.2);
      side(pen, found.ask, y, at, wide, c.ask, 1.2);
      const half = Math.max(Math.min(Math.abs(y(step) - y(0)) * 0.32, 7), 1.5);
      for (const [name, colour] of [["own_bid", c.own_bid], ["own_ask", c.own_ask]]) {
        for (const [lows, highs] of found[name] || []) {
          let start = 0;
          for (let i = 1; i <= found.count; i++) { // equal neighbours are one rectangle
            if (i < found.count && lows[i] === lows[start] && highs[i] === highs[start]) continue;
            if (highs[start] >= 0) pen.rect(at(start), y(highs[start]) - half, (i - start) * wide + 0.3, y(lows[start]) - y(highs[start]) + 2 * half, colour, 0.38);
            start = i;
          }
        }
      }
      if (found.trades.t) {
        const big = Math.max(...found.trades.lots, 1);
        for (const [which, colour] of [[1, c.bid], [0, c.ask]]) {
          for (const [low_, high_, radius] of [[0, 0.02, 1.6], [0.02, 0.2, 2.4], [0.2, 1.01, 3.6]]) {
            const points = [];
            found.trades.t.forEach((t, i) => {
              const share = found.trades.lots[i] / big;
              if (found.trades.side[i] === which && share >= low_ && share < high_) points.push(x(t), y(found.trades.price[i]));
            });
            pen.dots(points, radius, colour, 0.75);
          }
        }
      }
      if (found.fills) {
        const size = found.fills.t.length > 60 ? 3 : 5;
        found.fills.t.forEach((t, i) => {
          const [px, py, way] = [x(t), y(found.fills.price[i]), found.fills.side[i]];
          pen.area([px, py, px - size, py + way * size * 1.7, px + size, py + way * size * 1.7], c.fill);
        });
      }
    });
  },
  volume(pen, w, pane, c, { found, x, at, wide }) {
    const [bought, sold] = volumes(found);
    const high = Math.max(...bought, ...sold, 1);
    const y = frame(pen, w, pane, c, 0, high, contracts, 2);
    titled(pen, pane, c);
    for (let i = 0; i < found.count; i++) {
      if (bought[i]) pen.rect(at(i), y(bought[i]), Math.max(wide, 1.5), y(0) - y(bought[i]), c.bid, 0.7);
      if (sold[i]) pen.rect(at(i), y(sold[i]), Math.max(wide, 1.5), y(0) - y(sold[i]), c.ask, 0.5);
    }
  },
  position(pen, w, pane, c, given) {
    stepped(pen, w, pane, c, given, given.found.curve.position, contracts, c.accent);
  },
  equity(pen, w, pane, c, given) {
    stepped(pen, w, pane, c, given, given.found.curve.equity, usd, c.fill);
  },
  share(pen, w, pane, c, given) {
    stepped(pen, w, pane, c, given, given.found.carried.share, (v) => percent(v, 0), c.own_bid, 0.01);
  },
  accrued(pen, w, pane, c, given) {
    stepped(pen, w, pane, c, given, given.found.carried.accrued, usd, c.gain, 1e4);
  },
  signal(pen, w, pane, c, given) {
    const [lows, highs, lasts] = given.found.carried.signals[given.one];
    spread(pen, w, pane, c, given, lows, highs, lasts, c.hot);
  },
  state(pen, w, pane, c, given) {
    const values = given.found.carried.state[given.one];
    spread(pen, w, pane, c, given, values, values, values, c.cold);
  },
};

// The words of a pane stay readable above its line.
function titled(pen, pane, c) {
  pen.rect(LEFT + 2, pane.y + 1, pane.words.length * 5.7 + 6, 14, c.panel, 0.75);
  pen.text(LEFT + 4, pane.y + 8, pane.words, c.muted);
}

// What is counted from zero: an area below a line, which breaks where there is no value.
function stepped(pen, w, pane, c, { at, wide }, values, text, colour, least = 100) {
  const known = values.filter((v) => v !== null);
  let [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  if (low === high) high = low + least;
  const y = frame(pen, w, pane, c, low, high, text, 2);
  const runs = [[]];
  values.forEach((v, i) => (v === null ? runs.at(-1).length && runs.push([]) : runs.at(-1).push(at(i), y(v), at(i) + wide, y(v))));
  for (const run of runs) if (run.length) pen.area([run[0], y(0), ...run, run.at(-2), y(0)], colour, 0.14);
  pen.lines(runs, colour, 1.3);
  titled(pen, pane, c);
}

// A number on its own scale: the line where it stood, and what it went through in each stretch.
function spread(pen, w, pane, c, { at, wide }, lows, highs, lasts, colour) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of lows) if (v !== null && v < low) low = v;
  for (const v of highs) if (v !== null && v > high) high = v;
  if (low > high) return pen.text(LEFT + 4, pane.y + 8, `${pane.words}: no value here`, c.muted);
  if (low === high) [low, high] = [low - 1, high + 1];
  const y = frame(pen, w, pane, c, low, high, figure, 2);
  const [columns, runs] = [[], [[]]];
  lasts.forEach((v, i) => {
    if (lows[i] !== null && highs[i] > lows[i]) columns.push([at(i) + wide / 2, y(lows[i]), at(i) + wide / 2, y(highs[i])]);
    if (v === null) runs.at(-1).length && runs.push([]);
    else runs.at(-1).push(at(i), y(v), at(i) + wide, y(v));
  });
  pen.lines(columns, colour, Math.max(wide, 1), 0.4);
  pen.lines(runs, colour, 1.2);
  titled(pen, pane, c);
}

// Lots bought and sold in each stretch, from the trades themselves where they were sent one by one.
function volumes(found) {
  if (!found.trades.t) return [found.trades.bought, found.trades.sold];
  const made = [new Array(found.count).fill(0), new Array(found.count).fill(0)];
  found.trades.t.forEach((t, i) => {
    const at = Math.min(Math.floor(((t - found.from) / (found.to - found.from)) * found.count), found.count - 1);
    made[found.trades.side[i] === 1 ? 0 : 1][Math.max(at, 0)] += found.trades.lots[i];
  });
  return made;
}

// The line of the moment, on a layer of its own.
export function drawOver(context, w, h, c, { from, to, moment, hover }) {
  context.clearRect(0, 0, w, h);
  const x = scale(from, to, LEFT, w - RIGHT);
  for (const [t, colour, dash] of [[hover, c.muted, [3, 3]], [moment, c.accent, []]]) {
    if (t === null || t < from || t > to) continue;
    context.strokeStyle = colour;
    context.lineWidth = dash.length ? 1 : 1.6;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(x(t), 4);
    context.lineTo(x(t), h - FOOT);
    context.stroke();
  }
}

export function boardRows(found, origin) {
  const wide = (found.to - found.from) / found.count;
  const price = (v) => (v < 0 ? null : v / 100);
  const columns = ["low", "high", ""].flatMap((word, k) => [["bid", found.bid], ["ask", found.ask]].map(([name, told]) => [`${name} ${word}`.trim(), (i) => price(told[k][i])]));
  if (found.own_bid) {
    columns.push(["own bid", (i) => price(found.own_bid[0][2][i])], ["own ask", (i) => price(found.own_ask[0][2][i])]);
    columns.push(["position", (i) => found.curve.position[i] / 100], ["equity", (i) => found.curve.equity[i] / 1e6]);
    const { share, accrued, signals, state } = found.carried;
    if (accrued) columns.push(["share of rewards", (i) => share[i]], ["rewards so far", (i) => accrued[i] / 1e6]);
    for (const [name, told] of Object.entries(signals)) columns.push([`signal ${name}`, (i) => told[2][i]]);
    for (const [name, told] of Object.entries(state || {})) columns.push([`state ${name}`, (i) => told[i]]);
  }
  const rows = [["time (UTC)", ...columns.map(([name]) => name)]];
  for (let i = 0; i < found.count; i++) rows.push([stamp(origin, found.from + i * wide, 6), ...columns.map(([, value]) => value(i))]);
  return rows;
}
