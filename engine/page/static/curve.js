// Curves over time with a common axis: equity, position, whatever has a moment and a value.

import { el } from "./dom.js";
import { stamp } from "./format.js";
import { niceSteps, scale, stepWords, timeSteps } from "./axes.js";
import { picture } from "./picture.js";

// Lines: {name, t, values, colour, step}; every line counts from the same origin.
export function curve({ name, label, origin, lines, text, height = 220, marks = () => [], zero = true }) {
  const ends = () => {
    const all = lines.flatMap((line) => [line.t[0], line.t.at(-1)]).filter((t) => t !== undefined);
    return [Math.min(...all, Infinity), Math.max(...all, -Infinity)];
  };
  function draw(pen, w, h, c) {
    const [low, high] = ends();
    if (!(high > low)) return pen.text(w / 2, h / 2, "too little to draw", c.muted, "center");
    let [bottom, top] = zero ? [0, 0] : [Infinity, -Infinity];
    for (const line of lines) for (const v of line.values) if (v !== null) [bottom, top] = [Math.min(bottom, v), Math.max(top, v)];
    if (top === bottom) top = bottom + 1;
    const pad = (top - bottom) * 0.06;
    const steps = niceSteps(bottom - pad, top + pad, Math.max(2, Math.floor(h / 45)));
    const [names, rows_] = legendRows(lines, w);
    const words = stepWords(steps, text);
    const left = 12 + Math.max(...words.map((word) => word.length)) * 6.4;
    const x = scale(low, high, left, w - 10);
    const y = scale(bottom - pad, top + pad, h - 22, 8 + rows_ * 16);
    steps.forEach((v, i) => {
      pen.lines([[left, y(v), w - 10, y(v)]], c.line, v === 0 ? 1.4 : 1);
      pen.text(left - 6, y(v), words[i], c.muted, "right");
    });
    for (const [t, word] of timeSteps(origin, low, high, Math.max(2, Math.floor((w - left) / 80)))) {
      pen.text(Math.min(x(t), w - word.length * 3.2), h - 9, word, c.muted, "center");
    }
    for (const line of lines) {
      const runs = [[]];
      line.t.forEach((t, i) => {
        if (line.values[i] === null) return runs.push([]);
        const run = runs.at(-1);
        if (line.step && run.length) run.push(x(t), run.at(-1));
        run.push(x(t), y(line.values[i]));
      });
      pen.lines(runs.filter((run) => run.length > 2), c[line.colour] || line.colour, 1.6);
    }
    for (const [line, at, row] of names) {
      pen.rect(at, 8 + row * 16, 12, 3, c[line.colour] || line.colour);
      pen.text(at + 16, 10 + row * 16, line.name, c.text);
    }
    for (const mark of marks()) mark(pen, x, y, c);
  }
  const rows = () => [["series", "time (UTC)", "value"], ...lines.flatMap((line) => line.t.map((t, i) => [line.name, stamp(origin, t, 6), line.values[i]]))];
  return picture({ name, label, height, draw, rows });
}

// Where the names of several lines stand above them, and how many rows they take.
function legendRows(lines, w) {
  if (lines.length < 2) return [[], 0];
  let [at, row] = [8, 0];
  const names = lines.map((line) => {
    const wide = 30 + line.name.length * 6.4;
    if (at > 8 && at + wide > w) [at, row] = [8, row + 1];
    const found = [line, at, row];
    at += wide;
    return found;
  });
  return [names, row + 1];
}

export function bars({ name, label, items, text, height = 160 }) {
  function draw(pen, w, h, c) {
    const low = Math.min(0, ...items.map((one) => one.value));
    const high = Math.max(0, ...items.map((one) => one.value), low + 1);
    const left = Math.min(w * 0.4, 14 + Math.max(...items.map((one) => one.name.length)) * 6.4);
    const right = 14 + Math.max(...items.map((one) => text(one.value).length)) * 6.4;
    const x = scale(low, high, left, w - right);
    const tall = Math.min(22, (h - 8) / items.length);
    items.forEach((one, i) => {
      const y = 6 + i * tall;
      pen.text(left - 8, y + tall / 2, one.name, c.text, "right");
      pen.rect(Math.min(x(0), x(one.value)), y + 3, Math.max(Math.abs(x(one.value) - x(0)), 1), tall - 6, one.value < 0 ? c.loss : c.gain, 0.85);
      pen.text(Math.max(x(0), x(one.value)) + 6, y + tall / 2, text(one.value), c.muted);
    });
    pen.lines([[x(0), 4, x(0), 6 + items.length * tall]], c.muted, 1);
  }
  return picture({ name, label, height: () => Math.max(40, Math.min(height, items.length * 22 + 14)), draw, rows: () => [["", "value"], ...items.map((one) => [one.name, one.value])] });
}

export function legend(items) {
  return el("ul.legend", {}, items.map(([colour, text]) => el("li", {}, el(`i.swatch.${colour}`), text)));
}
