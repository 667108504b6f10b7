// The frame: where one is, the keys, dark and light. A view gives its elements and what its keys do.

import { isShown, place } from "./address.js";
import { add, button, clear, el, say } from "./dom.js";
import { Refused } from "./net.js";
import * as results from "./results.js";
import * as replay from "./replay.js";
import * as sweep from "./sweep.js";
import * as bets from "./bets.js";
import * as data from "./data.js";
import * as session from "./session.js";

const VIEWS = {
  results: results.list, result: results.one, compare: results.compare, replay: replay.replay, book: replay.book,
  sweep: sweep.sweep, bets: bets.bets, data: data.data, session: session.session,
};
const KEYS = [
  ["j / k", "next and previous row"], ["Enter", "open the row"], ["/", "go to the filter"], ["← →", "an event back and on"],
  ["Shift ← →", "a hundred events"], ["Space", "play and stop"], ["f / F", "next and previous fill"],
  ["q / Q", "next and previous change of the own quote"], ["t / T", "next and previous trade"], ["g / G", "next and previous gap"], ["s / S", "next and previous snapshot of rewards"],
  ["+ / −", "closer, further"], ["0", "the whole of it"], ["w", "why this quote"], ["d", "dark and light"], ["?", "these keys"],
];
let view = {};
let asked = "";

async function go() {
  if (isShown()) return;
  const mine = (asked = location.hash);
  view.leave?.();
  view = {};
  const { name, id, given } = place();
  const main = document.getElementById("main");
  const draw = VIEWS[name];
  if (!draw) return void clear(main, el("h1", {}, "There is no such view"), el("p", {}, el("a", { href: "#/results" }, "To the results")));
  document.querySelectorAll("#bar nav a").forEach((one) => one.getAttribute("href") === `#/${name}` ? one.setAttribute("aria-current", "page") : one.removeAttribute("aria-current"));
  const wait = setTimeout(() => mine === asked && clear(main, el("p.wait", {}, name === "replay" ? "Walking the replay once …" : "Reading …")), 150);
  try {
    const made = await draw(id, given);
    if (mine !== asked) return;
    view = made;
    clear(main, made.inside);
    document.title = `${made.title} · touchline`;
    made.shown?.();
    main.dataset.shown = mine;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    clear(main, el("h1", {}, "This cannot be shown"), el("p.problem", { role: "alert" }, error.message), el("p", {}, el("a", { href: "#/results" }, "To the results")));
    document.title = "touchline";
    main.dataset.shown = mine;
  } finally {
    clearTimeout(wait);
  }
}

function theme(next) {
  const root = document.documentElement;
  if (next) localStorage.setItem("touchline-theme", next);
  root.dataset.theme = next || localStorage.getItem("touchline-theme") || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark");
  window.dispatchEvent(new Event("themed"));
}
const turn = () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");

function help() {
  const open = document.querySelector("dialog");
  if (open) return void open.remove();
  const box = el("dialog", { "aria-label": "Keys" }, el("h2", {}, "Keys"),
    el("dl.keys", {}, KEYS.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)))),
    el("p", {}, button("Close", () => box.remove())));
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (document.querySelector("dialog[open]") && event.key !== "?") return;
  const own = view.keys?.[event.shiftKey && event.key.startsWith("Arrow") ? `Shift${event.key}` : event.key];
  const frame = { "?": help, d: turn, "/": () => document.querySelector("#main input[type=search]")?.focus(), j: () => view.walk?.(1), k: () => view.walk?.(-1) };
  if (event.key === " " && event.target.closest("button, a, summary, input")) return;
  const act = own || frame[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
}

add(document.getElementById("bar"), [
  el("a.brand", { href: "#/results" }, el("img", { src: "/mark.svg", alt: "", width: "20", height: "20" }), "touchline"),
  el("nav", { "aria-label": "Views" }, el("a", { href: "#/results" }, "Results"), el("a", { href: "#/data" }, "Data")),
  el("span.grow"),
  button("Keys", help, { class: "small", "aria-label": "Show the keys" }),
  button("Dark / light", turn, { class: "small" }),
]);
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
});
matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => theme());
window.addEventListener("hashchange", go);
window.addEventListener("keydown", pressed);
window.addEventListener("unhandledrejection", (event) => event.reason instanceof Refused && (event.preventDefault(), say(event.reason.message)));
theme();
go();
