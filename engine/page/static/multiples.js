// Small multiples: the same heat map for market after market, on one scale, and the band that queue models span.

import { niceSteps, scale, stepWords } from "./axes.js";
import { shade } from "./heat.js";
import { picture } from "./picture.js";

const WIDE = 150;
const TALL = 104;
const HEAD = 16;

// `tables` are rows of values of each market; a click, or Enter after the arrows, opens one.
export function multiples({ name, label, markets, tables, text, open }) {
  const chosen = { at: -1 };
  const across = (w) => Math.max(1, Math.floor(w / WIDE));
  let room = 900;
  const box = (w, at) => [(at % across(w)) * (w / across(w)), Math.floor(at / across(w)) * TALL, w / across(w)];
  const known = tables.flat(2).filter((v) => v !== null);
  const [low, high] = [Math.min(...known, Infinity), Math.max(...known, -Infinity)];
  function draw(pen, w, h, c) {
    room = w;
    markets.forEach((market, at) => {
      const [x, y, wide] = box(w, at);
      const table = tables[at];
      const [cw, ch] = [(wide - 12) / table[0].length, (TALL - HEAD - 12) / table.length];
      const most = Math.max(4, Math.floor((wide - 12) / 7.2));
      pen.text(x + 2, y + 8, market.length > most ? `…${market.slice(1 - most)}` : market, at === chosen.at ? c.accent : c.text);
      table.forEach((row, j) => row.forEach((v, i) => pen.rect(x + i * cw, y + HEAD + (table.length - 1 - j) * ch, Math.max(cw - 0.6, 0.6), Math.max(ch - 0.6, 0.6), shade(v, low, high, c))));
    });
  }
  const rows = () => [["market", "row", "column", "value"], ...markets.flatMap((market, at) => tables[at].flatMap((row, j) => row.map((v, i) => [market, j, i, v])))];
  const made = picture({ name, label, height: () => Math.ceil(markets.length / across(made.holder.clientWidth || room)) * TALL + 4, draw, rows });
  const told = document.createElement("p");
  told.className = "tip";
  const tell = (at) => {
    const values = tables[at].flat().filter((v) => v !== null);
    told.textContent = values.length ? `${markets[at]}: from ${text(Math.min(...values))} to ${text(Math.max(...values))}` : `${markets[at]}: nothing`;
  };
  const found = (event) => {
    const place = made.canvas.getBoundingClientRect();
    const at = Math.floor((event.clientY - place.top) / TALL) * across(place.width) + Math.floor((event.clientX - place.left) / (place.width / across(place.width)));
    return at >= 0 && at < markets.length ? at : -1;
  };
  made.canvas.style.cursor = "pointer";
  made.canvas.addEventListener("pointermove", (event) => found(event) >= 0 && tell(found(event)));
  made.canvas.addEventListener("click", (event) => found(event) >= 0 && open(markets[found(event)]));
  made.canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across(room), ArrowDown: across(room) }[event.key];
    if (by) {
      chosen.at = Math.min(Math.max(chosen.at + by, 0), markets.length - 1);
      tell(chosen.at);
      made.paint();
      event.preventDefault();
    } else if (event.key === "Enter" && chosen.at >= 0) open(markets[chosen.at]);
  });
  made.figure.insertBefore(told, made.figure.lastChild);
  return made;
}

// A figure along an axis under the queue models that were run: the chosen one as a line, the others as a band below it.
export function band({ name, label, axis, chosen, least, text, mark, markWords }) {
  function draw(pen, w, h, c) {
    const known = [...chosen, ...least].filter((v) => v !== null);
    if (!known.length) return pen.text(w / 2, h / 2, "nothing to draw", c.muted, "center");
    let [bottom, top] = [Math.min(0, ...known), Math.max(0, ...known)];
    if (bottom === top) top = bottom + 1;
    const steps = niceSteps(bottom, top, Math.max(2, Math.floor(h / 45)));
    const words = stepWords(steps, text);
    const left = 12 + Math.max(...words.map((word) => word.length)) * 6.4;
    const count = axis.texts.length;
    const x = scale(0, Math.max(count - 1, 1), left + 8, w - 16);
    const y = scale(Math.min(bottom, steps[0]), Math.max(top, steps.at(-1)), h - 36, 22);
    steps.forEach((v, i) => {
      pen.lines([[left, y(v), w - 10, y(v)]], c.line, v === 0 ? 1.4 : 1);
      pen.text(left - 6, y(v), words[i], c.muted, "right");
    });
    const skip = Math.max(1, Math.ceil((count * 46) / (w - left)));
    axis.texts.forEach((one, i) => i % skip === 0 && pen.text(x(i), h - 24, one, c.muted, "center"));
    pen.text((left + w) / 2, h - 8, axis.name, c.text, "center");
    const there = axis.texts.map((_, i) => i).filter((i) => chosen[i] !== null && least[i] !== null);
    pen.area([...there.flatMap((i) => [x(i), y(chosen[i])]), ...there.reverse().flatMap((i) => [x(i), y(least[i])])], c.accent, 0.18);
    const line = (values) => [axis.texts.map((_, i) => i).filter((i) => values[i] !== null).flatMap((i) => [x(i), y(values[i])])];
    pen.lines(line(least), c.ask, 1.4, 1, [4, 3]);
    pen.lines(line(chosen), c.accent, 1.8);
    if (mark >= 0 && chosen[mark] !== null) {
      pen.dots([x(mark), y(chosen[mark])], 4, c.fill);
      pen.text(Math.min(x(mark) + 8, w - 8 - markWords.length * 6.4), y(chosen[mark]) - 8, markWords, c.text);
    }
    pen.rect(left + 6, 8, 12, 3, c.accent);
    pen.text(left + 22, 10, "chosen queue", c.text);
    pen.rect(left + 116, 8, 12, 3, c.ask);
    pen.text(left + 132, 10, "the one that fills least", c.text);
  }
  const rows = () => [[axis.name, "chosen queue", "fills least"], ...axis.texts.map((one, i) => [one, chosen[i], least[i]])];
  return picture({ name, label, height: 230, draw, rows });
}
