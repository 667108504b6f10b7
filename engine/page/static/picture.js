// A picture: a canvas that follows its width and the theme, with its files to take away.

import { button, el } from "./dom.js";
import { CanvasPen, SvgPen } from "./pen.js";
import { csv, save } from "./tools.js";

const NAMES = ["bg", "panel", "line", "text", "muted", "accent", "bid", "ask", "own-bid", "own-ask", "gain", "loss", "fill", "trade", "gap", "hot", "cold", "mid", "raised"];

export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name.replace("-", "_"), style.getPropertyValue(`--${name}`).trim()]));
}

// `draw(pen, width, height, colours)`; `rows()` gives the table behind it, its first row the names.
export function picture({ name, label, height, draw, rows }) {
  const canvas = el("canvas", { role: "img", "aria-label": label, tabindex: "0" });
  const holder = el("div.canvas", {}, canvas);
  const figure = el("figure.picture", {}, holder, el("div.files", {},
    button("PNG", () => canvas.toBlob((made) => save(`${name}.png`, "image/png", made)), { class: "small", "aria-label": `${label}: save as PNG` }),
    button("SVG", () => save(`${name}.svg`, "image/svg+xml", svg()), { class: "small", "aria-label": `${label}: save as SVG` }),
    rows && button("CSV", () => save(`${name}.csv`, "text/csv", csv(rows())), { class: "small", "aria-label": `${label}: save as CSV` })));
  const tall = () => (typeof height === "function" ? height() : height);
  function svg() {
    const pen = new SvgPen(holder.clientWidth, tall(), colours().panel);
    draw(pen, holder.clientWidth, tall(), colours());
    return pen.document;
  }
  function paint() {
    const [w, h, ratio] = [holder.clientWidth, tall(), window.devicePixelRatio || 1];
    if (!w) return;
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
      canvas.style.width = `${w}px`;
      canvas.style.height = `${h}px`;
      holder.style.height = `${h}px`;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const all = colours();
    context.fillStyle = all.panel;
    context.fillRect(0, 0, w, h);
    draw(new CanvasPen(context), w, h, all);
  }
  new ResizeObserver(() => paint()).observe(holder);
  const themed = () => (canvas.isConnected ? paint() : window.removeEventListener("themed", themed));
  window.addEventListener("themed", themed);
  return { figure, canvas, holder, paint };
}
