// A pen that draws on a canvas or writes SVG: every picture is drawn once in code and comes as either.

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text) => String(text).replace(/[&<>"']/g, (one) => escapes[one]);
const short = (value) => Number(value.toFixed(2));
export const FONT = '11px "Inter", system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

export class CanvasPen {
  constructor(context) {
    this.c = context;
    context.font = FONT;
    context.lineJoin = "round";
  }
  rect(x, y, w, h, fill, alpha = 1) {
    this.c.globalAlpha = alpha;
    this.c.fillStyle = fill;
    this.c.fillRect(x, y, w, h);
    this.c.globalAlpha = 1;
  }
  // Lines: runs of points, each run a list of x, y, x, y.
  lines(runs, stroke, width = 1, alpha = 1, dash = []) {
    const c = this.c;
    c.globalAlpha = alpha;
    c.strokeStyle = stroke;
    c.lineWidth = width;
    c.setLineDash(dash);
    c.beginPath();
    for (const run of runs) {
      for (let i = 0; i < run.length; i += 2) i ? c.lineTo(run[i], run[i + 1]) : c.moveTo(run[i], run[i + 1]);
    }
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
  }
  area(points, fill, alpha = 1) {
    const c = this.c;
    c.globalAlpha = alpha;
    c.fillStyle = fill;
    c.beginPath();
    for (let i = 0; i < points.length; i += 2) i ? c.lineTo(points[i], points[i + 1]) : c.moveTo(points[i], points[i + 1]);
    c.closePath();
    c.fill();
    c.globalAlpha = 1;
  }
  dots(points, radius, fill, alpha = 1) {
    const c = this.c;
    c.globalAlpha = alpha;
    c.fillStyle = fill;
    c.beginPath();
    for (let i = 0; i < points.length; i += 2) {
      c.moveTo(points[i] + radius, points[i + 1]);
      c.arc(points[i], points[i + 1], radius, 0, 6.2832);
    }
    c.fill();
    c.globalAlpha = 1;
  }
  text(x, y, text, fill, align = "left", base = "middle") {
    this.c.fillStyle = fill;
    this.c.textAlign = align;
    this.c.textBaseline = base;
    this.c.fillText(text, x, y);
  }
  inside(x, y, w, h, work) {
    this.c.save();
    this.c.beginPath();
    this.c.rect(x, y, w, h);
    this.c.clip();
    work();
    this.c.restore();
  }
}

export class SvgPen {
  constructor(width, height, background) {
    this.size = [width, height];
    this.parts = [];
    this.clips = 0;
    this.rect(0, 0, width, height, background);
  }
  rect(x, y, w, h, fill, alpha = 1) {
    this.parts.push(`<rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}" fill="${fill}" fill-opacity="${alpha}"/>`);
  }
  lines(runs, stroke, width = 1, alpha = 1, dash = []) {
    const path = runs.map((run) => this.path(run)).join("");
    const dashed = dash.length ? ` stroke-dasharray="${dash.join(" ")}"` : "";
    if (path) this.parts.push(`<path d="${path}" fill="none" stroke="${stroke}" stroke-width="${width}" stroke-opacity="${alpha}"${dashed}/>`);
  }
  area(points, fill, alpha = 1) {
    this.parts.push(`<path d="${this.path(points)}Z" fill="${fill}" fill-opacity="${alpha}"/>`);
  }
  dots(points, radius, fill, alpha = 1) {
    for (let i = 0; i < points.length; i += 2) {
      this.parts.push(`<circle cx="${short(points[i])}" cy="${short(points[i + 1])}" r="${radius}" fill="${fill}" fill-opacity="${alpha}"/>`);
    }
  }
  text(x, y, text, fill, align = "left", base = "middle") {
    const anchor = { left: "start", right: "end", center: "middle" }[align];
    const shift = { middle: "0.35em", top: "0.8em", bottom: "-0.2em" }[base];
    this.parts.push(`<text x="${short(x)}" y="${short(y)}" dy="${shift}" fill="${fill}" text-anchor="${anchor}">${escaped(text)}</text>`);
  }
  inside(x, y, w, h, work) {
    const id = `c${++this.clips}`;
    this.parts.push(`<clipPath id="${id}"><rect x="${short(x)}" y="${short(y)}" width="${short(w)}" height="${short(h)}"/></clipPath><g clip-path="url(#${id})">`);
    work();
    this.parts.push("</g>");
  }
  path(points) {
    let out = "";
    for (let i = 0; i < points.length; i += 2) out += `${i ? "L" : "M"}${short(points[i])} ${short(points[i + 1])}`;
    return out;
  }
  get document() {
    const [w, h] = this.size;
    return `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="system-ui, Arial, sans-serif" font-size="11">${this.parts.join("")}</svg>`;
  }
}
