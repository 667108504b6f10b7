// Price, volume, position and equity of a window on one axis of time, drawn from what the server made for this width.

import { niceSteps, scale, timeSteps } from "./axes.js";
import { cents, contracts, stamp, usd } from "./format.js";

const LEFT = 62;
const RIGHT = 10;
const FOOT = 20;

export const inner = (width) => Math.max(width - LEFT - RIGHT, 50);
export const timeAt = (x, width, from, to) => from + ((x - LEFT) / inner(width)) * (to - from);

// Where the panes stand: price takes what the others leave.
function panes(found, height) {
  const small = Math.min(70, height * 0.15);
  const names = found.curve ? ["price", "volume", "position", "equity"] : ["price", "volume"];
  const rest = height - FOOT - (names.length - 1) * (small + 8);
  let y = 6;
  return names.map((name) => {
    const h = (name === "price" ? rest - 6 : small);
    const pane = { name, y, h };
    y += h + 8;
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

export function drawBoard(pen, w, h, c, { found, origin, step }) {
  const n = found.count;
  const x = scale(found.from, found.to, LEFT, w - RIGHT);
  const wide = inner(w) / n;
  const at = (i) => LEFT + i * wide;
  const list = panes(found, h);
  const foot = h - FOOT;
  for (const [t, text] of timeSteps(origin, found.from, found.to, Math.max(2, Math.floor(inner(w) / 90)))) {
    pen.lines([[x(t), 6, x(t), foot]], c.line, 1, 0.6);
    pen.text(x(t), h - 8, text, c.muted, "center");
  }
  for (const pane of list) {
    pen.inside(LEFT, pane.y, inner(w), pane.h, () => {
      for (const [begin, end] of found.gaps) pen.rect(x(begin), pane.y, Math.max(x(end) - x(begin), 1), pane.h, c.gap, 0.35);
    });
    PANES[pane.name](pen, w, pane, c, { found, x, at, wide, step });
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

const PANES = {
  price(pen, w, pane, c, { found, x, at, wide, step }) {
    const lists = [found.bid[0], found.bid[1], found.ask[0], found.ask[1]].map((one) => one.filter((v) => v >= 0));
    if (found.own_bid) lists.push(...found.own_bid.map((one) => one[0]), ...found.own_ask.map((one) => one[1]));
    if (found.trades.price) lists.push(found.trades.price);
    let [low, high] = bounds(lists);
    const pad = Math.max((high - low) * 0.05, step / 2);
    [low, high] = [low - pad, high + pad];
    const y = frame(pen, w, pane, c, low, high, cents, Math.max(3, pane.h / 40));
    pen.text(LEFT + 4, pane.y + 8, "price, cents", c.muted);
    pen.inside(LEFT, pane.y, inner(w), pane.h, () => {
      const spread = [];
      for (let i = 0; i < found.count; i++) {
        const [b, a] = [found.bid[2][i], found.ask[2][i]];
        if (b >= 0 && a >= 0) spread.push([at(i), y(a), wide + 0.5, Math.max(y(b) - y(a), 0)]);
      }
      for (const [left, top, wider, tall] of spread) pen.rect(left, top, wider, tall, c.mid, 0.07);
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
    pen.text(LEFT + 4, pane.y + 8, "traded, contracts", c.muted);
    for (let i = 0; i < found.count; i++) {
      if (bought[i]) pen.rect(at(i), y(bought[i]), Math.max(wide, 1.5), y(0) - y(bought[i]), c.bid, 0.7);
      if (sold[i]) pen.rect(at(i), y(sold[i]), Math.max(wide, 1.5), y(0) - y(sold[i]), c.ask, 0.5);
    }
  },
  position(pen, w, pane, c, given) {
    stepped(pen, w, pane, c, given, given.found.curve.position, contracts, "position, contracts", c.accent);
  },
  equity(pen, w, pane, c, given) {
    stepped(pen, w, pane, c, given, given.found.curve.equity, usd, "equity", c.fill);
  },
};

function stepped(pen, w, pane, c, { at, wide }, values, text, label, colour) {
  let [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  if (low === high) high = low + 100;
  const y = frame(pen, w, pane, c, low, high, text, 2);
  const run = [];
  values.forEach((v, i) => run.push(at(i), y(v), at(i) + wide, y(v)));
  pen.area([at(0), y(0), ...run, at(values.length - 1) + wide, y(0)], colour, 0.14);
  pen.lines([run], colour, 1.3);
  pen.text(LEFT + 4, pane.y + 8, label, c.muted);
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
  const names = ["time (UTC)", "bid low", "bid high", "bid", "ask low", "ask high", "ask"];
  if (found.own_bid) names.push("own bid", "own ask", "position", "equity");
  const price = (v) => (v < 0 ? null : v / 100);
  const rows = [names];
  for (let i = 0; i < found.count; i++) {
    const row = [stamp(origin, found.from + i * wide, 6), ...found.bid.map((one) => price(one[i])), ...found.ask.map((one) => price(one[i]))];
    if (found.own_bid) row.push(price(found.own_bid[0][2][i]), price(found.own_ask[0][2][i]), found.curve.position[i] / 100, found.curve.equity[i] / 1e6);
    rows.push(row);
  }
  return rows;
}
