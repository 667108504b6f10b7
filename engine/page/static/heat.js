// A heat map: one figure over two axes, with the cells that were picked.

import { picture } from "./picture.js";

function mix(a, b, share) {
  const parse = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  const [from, to] = [parse(a), parse(b)];
  return `#${from.map((v, i) => Math.round(v + (to[i] - v) * share).toString(16).padStart(2, "0")).join("")}`;
}

// Below zero cold, above it hot; a figure without a sign goes from the ground to hot.
export function shade(value, low, high, c) {
  if (value === null || value === undefined) return c.line;
  if (low < 0) {
    const most = Math.max(-low, high, 1e-12);
    return value < 0 ? mix(c.raised, c.cold, Math.min(-value / most, 1)) : mix(c.raised, c.hot, Math.min(value / most, 1));
  }
  return mix(c.raised, c.hot, high > low ? (value - low) / (high - low) : 0);
}

// `value(i, j)` of column i and row j; `open(i, j)` when one is clicked.
export function heat({ name, label, across, down, value, text, marks, open, height }) {
  const geometry = (w, h) => {
    const left = 14 + Math.max(...down.texts.map((one) => one.length), 3) * 6.6 + 14;
    const [wide, tall] = [(w - left - 12) / across.texts.length, (h - 58) / down.texts.length];
    return { left, top: 20, wide, tall };
  };
  const chosen = { i: 0, j: 0, lit: false };
  function draw(pen, w, h, c) {
    const { left, top, wide, tall } = geometry(w, h);
    const all = [];
    across.texts.forEach((_, i) => down.texts.forEach((__, j) => all.push(value(i, j))));
    const known = all.filter((v) => v !== null && v !== undefined);
    const [low, high] = [Math.min(...known, Infinity), Math.max(...known, -Infinity)];
    const rows = down.texts.length;
    const y = (j) => top + (rows - 1 - j) * tall;
    across.texts.forEach((_, i) => down.texts.forEach((__, j) => pen.rect(left + i * wide, y(j), Math.max(wide - 1, 0.8), Math.max(tall - 1, 0.8), shade(value(i, j), low, high, c))));
    const every = (count, room, size) => Math.max(1, Math.ceil((count * size) / room));
    const skipX = every(across.texts.length, w - left, 46);
    across.texts.forEach((one, i) => i % skipX === 0 && pen.text(left + (i + 0.5) * wide, top + rows * tall + 10, one, c.muted, "center"));
    const skipY = every(rows, rows * tall, 15);
    down.texts.forEach((one, j) => j % skipY === 0 && pen.text(left - 6, y(j) + tall / 2, one, c.muted, "right"));
    pen.text(left + (across.texts.length * wide) / 2, h - 8, across.name, c.text, "center");
    pen.text(4, 10, down.name, c.text);
    const there = {};
    for (const { i, j, colour, text: word } of marks?.() || []) {
      if (i < 0 || j < 0) continue;
      const inner = 3 * (there[`${i},${j}`] = (there[`${i},${j}`] ?? -1) + 1); // of several marks of a cell each is seen
      const [a, b] = [left + i * wide - 0.5 + inner, y(j) - 0.5 + inner];
      const [right, low] = [a + wide - 2 * inner, b + tall - 2 * inner];
      const ring = [[a, b, right, b, right, low, a, low, a, b]];
      pen.lines(ring, c.panel, 4);
      pen.lines(ring, c[colour] || c.text, 2);
      if (word && wide > 30) pen.text(a + wide / 2, b + tall / 2, word, c.text, "center");
    }
    if (chosen.lit) {
      const [a, b] = [left + chosen.i * wide - 0.5, y(chosen.j) - 0.5];
      pen.lines([[a, b, a + wide, b, a + wide, b + tall, a, b + tall, a, b]], c.accent, 2, 1, [3, 2]);
    }
  }
  const rows = () => [[down.name, ...across.texts], ...down.texts.map((one, j) => [one, ...across.texts.map((_, i) => value(i, j))])];
  const made = picture({ name, label, height, draw, rows });
  const at = (event) => {
    const box = made.canvas.getBoundingClientRect();
    const { left, top, wide, tall } = geometry(box.width, box.height);
    const [i, up] = [Math.floor((event.clientX - box.left - left) / wide), Math.floor((event.clientY - box.top - top) / tall)];
    const j = down.texts.length - 1 - up;
    return i >= 0 && i < across.texts.length && j >= 0 && j < down.texts.length ? [i, j] : null;
  };
  const told = document.createElement("p");
  told.className = "tip";
  const tell = (i, j) => (told.textContent = `${across.name} ${across.texts[i]}, ${down.name} ${down.texts[j]}: ${text(value(i, j))}`);
  made.canvas.addEventListener("pointermove", (event) => {
    const found = at(event);
    if (found) tell(...found);
    made.canvas.style.cursor = found && open ? "pointer" : "default";
  });
  made.canvas.addEventListener("click", (event) => {
    const found = at(event);
    if (found && open) open(...found);
  });
  made.canvas.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (by) {
      chosen.lit = true;
      chosen.i = Math.min(Math.max(chosen.i + by[0], 0), across.texts.length - 1);
      chosen.j = Math.min(Math.max(chosen.j + by[1], 0), down.texts.length - 1);
      tell(chosen.i, chosen.j);
      made.paint();
      event.preventDefault();
    } else if (event.key === "Enter" && chosen.lit && open) open(chosen.i, chosen.j);
  });
  made.figure.insertBefore(told, made.figure.lastChild);
  return made;
}
