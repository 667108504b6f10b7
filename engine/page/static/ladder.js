// The book at a moment: sizes at each price, the own orders with the lots ahead and behind, and the trades before.

import { clear, el } from "./dom.js";
import { cents, contracts, stamp } from "./format.js";

export function ladder() {
  const body = el("tbody");
  const queue = el("th.queue", { scope: "col" }, "");
  const holder = el("table.ladder", { "aria-label": "Order book at the moment" },
    el("thead", {}, el("tr", {}, queue, el("th.price", { scope: "col" }, "cents"), el("th.depth", { scope: "col" }, "contracts"))), body);
  function show(found) {
    queue.textContent = found.own ? "own · ahead · behind" : "";
    const most = Math.max(...found.bids[1], ...found.asks[1], 1);
    const row = (side, price, lots) => {
      const own = found.own?.[side].find((one) => one.price === price);
      const mine = Boolean(own);
      const bar = el("span.bar");
      bar.style.width = `${(lots / most) * 100}%`;
      return el(`tr.${side}${mine ? ".own" : ""}`, {},
        el("td.queue", {}, mine ? `${contracts(own.lots)} · ${contracts(Math.round(own.ahead))} · ${contracts(Math.round(own.behind))}` : ""),
        el("td.price", {}, cents(price)), el("td.depth", {}, bar, lots ? contracts(lots) : ""));
    };
    const side = (name, [prices, sizes], down) => {
      const all = new Map(prices.map((price, i) => [price, sizes[i]]));
      for (const own of found.own?.[name] || []) if (!all.has(own.price)) all.set(own.price, 0);
      return [...all].sort((a, b) => b[0] - a[0]).slice(...(down ? [-14] : [0, 14])).map(([price, lots]) => row(name, price, lots));
    };
    const asks = side("ask", found.asks, true);
    const bids = side("bid", found.bids, false);
    clear(body, asks, el("tr.gapline", {}, el("td", { colspan: "3" }, "")), bids);
    if (!asks.length && !bids.length) clear(body, el("tr", {}, el("td", { colspan: "3" }, "The book is not known here.")));
  }
  return { holder, show };
}

export function prints(origin) {
  const body = el("tbody");
  const holder = el("table.prints", { "aria-label": "Last trades" }, body);
  function show(found) {
    clear(body, found.trades.slice(0, 12).map(([t, price, lots, side]) => el("tr", {}, el("td.faint", {}, stamp(origin, t).slice(11)), el(`td.${side === 1 ? "buy" : "sell"}`, {}, side === 1 ? "buy" : "sell"), el("td.n", {}, cents(price)), el("td.n", {}, contracts(lots)))),
      !found.trades.length && el("tr", {}, el("td.faint", {}, "None before this moment.")));
  }
  return { holder, show };
}
