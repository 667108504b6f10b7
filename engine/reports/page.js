// Unpacks the library and the charts that the page holds, and draws each chart as wide as its place, light or dark.
"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const places = [...document.querySelectorAll(".chart")];
const widths = new Map();
const AXIS = 58;

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).text();
}

// Break a title into lines that its view has room for; a letter is about half as wide as it is high.
function broken(text, room, size) {
  const most = Math.max(16, Math.floor(room / (0.5 * size)));
  const lines = [""];
  for (const word of [text].flat().join(" ").split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= most) lines.push(word);
    else lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
  }
  return lines;
}

function titled(view, room) {
  if (!view.title) return view;
  const title = typeof view.title === "object" && !Array.isArray(view.title) ? view.title : {text: view.title};
  const subtitle = title.subtitle ? [title.subtitle].flat().flatMap(line => broken(line, room, 11)) : undefined;
  return {...view, title: {...title, text: broken(title.text, room - 20, 14), subtitle}};
}

// A view by itself fits its place, views below each other share one width, small multiples stand in as many columns as
// there is room for.
function fitted(spec, width) {
  const widest = (spec.usermeta || {}).widest || Infinity;
  const room = Math.min(width, widest);
  const inner = room - AXIS - 20;
  if (spec.vconcat) {
    return titled({...spec, vconcat: spec.vconcat.map(view => titled({...view, width: inner}, room))}, room);
  }
  if (spec.concat || spec.facet) {
    const least = spec.concat ? 300 : 190;
    const count = spec.concat ? spec.concat.length : spec.columns;
    const columns = Math.max(1, Math.min(count, Math.floor(room / least)));
    if (spec.concat) {
      const each = Math.floor(room / columns) - AXIS - 24;
      return titled({...spec, columns, concat: spec.concat.map(view => ({...view, width: each}))}, room);
    }
    const each = Math.floor(inner / columns) - 20;
    const facet = {...spec.facet, header: {...spec.facet.header, labelLimit: each}};
    return titled({...spec, columns, facet, spec: {...spec.spec, width: each}}, room);
  }
  return titled({...spec, width: room, autosize: {type: "fit-x", contains: "padding"}}, room - AXIS);
}

function draw(place, text) {
  const holder = place.querySelector("div");
  const width = Math.floor(holder.getBoundingClientRect().width);
  widths.set(place, width);
  const spec = fitted(JSON.parse(text, (_, value) => dark.matches && DARK[value] || value), width);
  const rows = Object.values(spec.datasets || {}).reduce((sum, one) => sum + one.length, 0);
  const actions = {export: true, source: false, compiled: false, editor: false};
  const tooltip = {theme: dark.matches ? "dark" : "light"};
  return vegaEmbed(holder, spec, {renderer: rows > 5000 ? "canvas" : "svg", actions, tooltip, mode: "vega-lite"});
}

function excuse(error) {
  for (const place of places) {
    const holder = place.querySelector("div");
    if (!holder.querySelector("svg, canvas")) holder.textContent = `This chart could not be drawn: ${error}`;
  }
}

async function start() {
  const script = document.createElement("script");
  script.textContent = await unpacked(document.getElementById("library").textContent);
  document.head.append(script);
  const charts = await Promise.all(places.map(place => unpacked(place.querySelector("script").textContent)));
  const all = () => Promise.all(places.map((place, number) => draw(place, charts[number])));
  await all();
  dark.addEventListener("change", () => all().catch(excuse));
  let waits = 0;
  addEventListener("resize", () => {
    clearTimeout(waits);
    waits = setTimeout(() => {
      const width = place => place.querySelector("div").getBoundingClientRect().width;
      if (places.some(place => Math.abs(width(place) - widths.get(place)) > 4)) all().catch(excuse);
    }, 150);
  });
}

const drawn = start().catch(excuse);
