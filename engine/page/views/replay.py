"""Time travel: a market or a replay over time at any scale, and what stood at one of its events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ....io.ground.errors import InputError
from ....io.ground.times import iso
from ...simulator.state import I64
from ...simulator.tape.events import BOOK, GAP, KIND, STATUS, TRADE, UNDERLYING
from ..asked_again import rows_of_book, to_type
from ..columns import MARKS, Question, finite
from ..opening import OpenResults
from ..timeline import Market, Timeline

#: Stretches that a window is drawn in, at most; levels of the ladder a side; rows of trades and fills in tables.
PIXELS, LEVELS, LAST, FILLS = 2_000, 30, 24, 2_000
KINDS = {BOOK: "book", TRADE: "trade", UNDERLYING: "underlying", STATUS: "status", GAP: "gap"}


def looked_at(opened: OpenResults, asked: Question) -> Market:
    """Return the market or replay that an address names."""
    if asked.has("store"):
        return opened.market(asked.text("store"), asked.text("market"))
    return opened.timeline(asked.text("id"), _cell(asked), asked.text("market", ""))


def overview(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return what the market is, from when to when, and a replay's fills."""
    shown = looked_at(opened, asked)
    facts = shown.tape.market
    out: dict[str, Any] = {
        "ticker": facts.ticker, "title": facts.title, "category": facts.category, "series": facts.series,
        "settlement": facts.settlement, "origin": str(shown.first), "span": shown.last - shown.first,
        "events": len(shown.tape), "trades": len(shown.trades), "gaps": len(shown.gaps), "depth": shown.tape.depth,
        "step": int(shown.tape.grid.step) or 10,
    }  # fmt: skip
    if asked.has("store"):
        out["copy"] = rows_of_book(opened.folders.store(asked.text("store")), facts.ticker)
    if isinstance(shown, Timeline):
        settings = opened.settings(asked.text("id"), _cell(asked), asked.text("market", ""))
        out |= {
            "strategy": settings.strategy, "values": shown.values, "queue": settings.venue.get("queue"),
            "decisions": shown.decisions, "quotes": len(shown.quote_events), "fills": fill_rows(shown),
            "copy": to_type(settings), "notice": _differs(opened, asked, shown),
            "signals": shown.signal_names, "state": list(shown.model.state), "programs": _programs(shown),
        }  # fmt: skip
    return out


def window(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return what happened between two moments, in so many stretches: lowest, highest and last of each."""
    shown = looked_at(opened, asked)
    low, high, count = asked.whole("from"), asked.whole("to"), min(max(asked.whole("px", 1_000), 10), PIXELS)
    if high <= low:
        raise InputError("the window ends before it begins")
    moments, edges = shown.edges(shown.first + low, shown.first + high, count)
    out: dict[str, Any] = {"from": low, "to": high, "count": count, "events": int(edges[-1] - edges[0])}
    for name, strip in (("bid", shown.bids), ("ask", shown.asks)):
        out[name] = [shown.prices(one).tolist() for one in strip.between(edges)]
    out["trades"] = _trades(shown, edges, moments)
    out["gaps"] = [[begin - shown.first, end - shown.first] for begin, end in shown.gap_spans(*_ends(moments))]
    if isinstance(shown, Timeline):
        own = np.searchsorted(shown.quote_ts, moments).astype(np.int64)
        for name, strips in (("own_bid", shown.own_bids), ("own_ask", shown.own_asks)):
            out[name] = [[shown.prices(one).tolist() for one in strip.between(own)] for strip in strips]
        out["fills"] = _fills(shown, moments)
        out["curve"] = _curve(shown, edges, moments)
        out["carried"] = _carried(shown, edges)
    return out


def moment(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return what stood after an event: the ladder, the own orders with their queues, trades, money."""
    shown = looked_at(opened, asked)
    event = event_of(shown, asked)
    tape, grid = shown.tape.columns, shown.tape.grid
    stood = shown.standing(event) if isinstance(shown, Timeline) else None
    book, ticks, top = shown.book(event), grid.ticks, int(grid.top)
    bids = np.flatnonzero(book[0])[::-1][:LEVELS]
    asks = np.flatnonzero(book[1])[::-1][:LEVELS]
    kind = int(tape.kind[event]) & KIND
    side, level = int(tape.side[event]), int(tape.level[event])
    out: dict[str, Any] = {
        "event": event,
        "t": int(tape.ts[event]) - shown.first,
        "time": iso(int(tape.ts[event]), 9),
        "kind": KINDS.get(kind, "other"),
        "side": ("bid", "ask")[side] if kind in (BOOK, TRADE) else "",
        "price": int(ticks[level if side == 0 else top - level]) if kind in (BOOK, TRADE) else None,
        "size": int(tape.size[event]) if kind in (BOOK, TRADE) else None,
        "bids": [ticks[bids].tolist(), book[0, bids].tolist()],
        "asks": [ticks[top - asks].tolist(), book[1, asks].tolist()],
        "trades": _last_trades(shown, event),
    }
    if stood is not None:
        out |= {name: value for name, value in asdict(stood).items() if name != "orders"}
        if stood.rewards is not None and stood.rewards.snapshot_ts is not None:
            out["rewards"]["snapshot"] = stood.rewards.snapshot_ts - shown.first
        sides = zip(("bid", "ask"), stood.orders, strict=True)
        out["own"] = {name: [asdict(order) for order in orders] for name, orders in sides}
    return out


def jump(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the next event of a kind, forward or back from one."""
    shown = looked_at(opened, asked)
    event, to = asked.whole("event"), asked.text("to")
    forward = asked.text("by", "1") != "-1"
    targets = {"trade": shown.trades, "gap": shown.gaps}
    if isinstance(shown, Timeline):
        targets |= {"fill": shown.fill_events, "quote": shown.quote_events, "snapshot": shown.reward_events}
    if to not in targets:
        raise InputError(f"one jumps to {', '.join(targets)}, not to {to[:20]!r}")
    rows = targets[to]
    at = int(np.searchsorted(rows, event, side="right" if forward else "left")) - (0 if forward else 1)
    return {"event": int(rows[at]) if 0 <= at < len(rows) else None}


def why(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return why the quote at an event was what it was."""
    from ...runs.explain import explain

    shown = looked_at(opened, asked)
    if not isinstance(shown, Timeline):
        raise InputError("a market alone has no quotes to explain")
    ts = int(shown.tape.columns.ts[event_of(shown, asked)])
    told = explain(shown.tape, shown.model, shown.values, shown.assumptions, ts)
    settings = opened.settings(asked.text("id"), _cell(asked), asked.text("market", ""))
    return {
        **asdict(told),
        "decided": told.decided_ts - shown.first,
        "decided_time": iso(told.decided_ts, 9),
        "decided_ts": str(told.decided_ts),
        "copy": to_type(settings, iso(ts, 9)),
    }


def event_of(shown: Market, asked: Question) -> int:
    """Return the event that an address names, by its number or by a moment."""
    last = len(shown.tape) - 1
    if asked.has("event"):
        return min(max(asked.whole("event"), 0), last)
    return shown.event_at(shown.first + asked.whole("t"))


def fill_rows(shown: Timeline) -> dict[str, Any]:
    """Return a replay's fills as columns, the first so many."""
    rows, ts = shown.fill_rows[:FILLS], shown.fill_ts[:FILLS]
    return {
        "event": rows[:, 0].tolist(), "t": (ts - shown.first).tolist(), "side": (1 - 2 * rows[:, 1]).tolist(),
        "price": _own_prices(shown, rows).tolist(), "lots": rows[:, 3].tolist(), "position": rows[:, 4].tolist(),
        "taker": rows[:, 5].tolist(), "fee": (rows[:, 6] - rows[:, 7]).tolist(), "of": len(shown.fill_rows),
    }  # fmt: skip


def _own_prices(shown: Timeline, rows: I64) -> I64:
    grid = shown.tape.grid
    return grid.ticks.astype(np.int64)[np.where(rows[:, 1] == 0, rows[:, 2], int(grid.top) - rows[:, 2])]


def _cell(asked: Question) -> int | None:
    return asked.whole("cell") if asked.has("cell") else None


def _ends(moments: I64) -> tuple[int, int]:
    return int(moments[0]), int(moments[-1])


def _trades(shown: Market, edges: I64, moments: I64) -> dict[str, Any]:
    """Trades one by one, or their volume by stretch where they are many."""
    tape, grid = shown.tape.columns, shown.tape.grid
    bounds = np.searchsorted(shown.trades, edges)
    rows = shown.trades[bounds[0] : bounds[-1]]
    if len(rows) <= MARKS:
        level, side = tape.level[rows].astype(np.int64), tape.side[rows]
        price = grid.ticks[np.where(side == 0, level, int(grid.top) - level)]
        return {
            "t": (tape.ts[rows] - shown.first).tolist(), "price": price.tolist(), "lots": tape.size[rows].tolist(),
            "side": side.tolist(), "event": rows.tolist(),
        }  # fmt: skip
    sizes, side = tape.size[rows].astype(np.int64), tape.side[rows]
    totals = [np.append(0, np.cumsum(np.where(side == s, sizes, 0))) for s in range(2)]
    at = bounds - bounds[0]
    return {"sold": np.diff(totals[0][at]).tolist(), "bought": np.diff(totals[1][at]).tolist(), "of": len(rows)}


def _fills(shown: Timeline, moments: I64) -> dict[str, Any]:
    """Fills one by one; of many those first in each stretch."""
    begin, end = np.searchsorted(shown.fill_ts, _ends(moments))
    chosen = np.arange(begin, end)
    if len(chosen) > MARKS:
        chosen = np.unique(np.linspace(begin, end - 1, MARKS).astype(np.int64))
    rows = shown.fill_rows[chosen]
    return {
        "t": (shown.fill_ts[chosen] - shown.first).tolist(), "price": _own_prices(shown, rows).tolist(),
        "lots": rows[:, 3].tolist(), "side": (1 - 2 * rows[:, 1]).tolist(), "event": rows[:, 0].tolist(),
        "of": int(end - begin),
    }  # fmt: skip


def _curve(shown: Timeline, edges: I64, moments: I64) -> dict[str, Any]:
    """Position and equity after each stretch, from the fills, the mid and what incentive programs had paid."""
    after = np.maximum(edges[1:] - 1, 0)
    done = np.searchsorted(shown.fill_events, after, side="right")
    position, cash = shown.position_after(done), shown.cash_after(done) + shown.paid(moments[1:])
    return {"position": position.tolist(), "equity": (cash + position * shown.mids(after)).tolist()}


def _carried(shown: Timeline, edges: I64) -> dict[str, Any]:
    """Rewards, signals and the model's own state by stretch, of what there is."""
    out: dict[str, Any] = {}
    if (walked := shown.carried(edges)) is not None:
        accrued, share, state = walked
        if shown.plan is not None:
            out |= {"accrued": np.round(accrued).astype(np.int64).tolist(), "share": finite(share)}
        out["state"] = {name: finite(state[:, at]) for at, name in enumerate(shown.model.state)}
    values = zip(shown.signal_names, shown.signals(edges), strict=True)
    return out | {"signals": {name: [finite(one) for one in told] for name, told in values}}


def _programs(shown: Timeline) -> dict[str, Any] | None:
    """How many incentive programs there are, and what they pay in all."""
    if shown.plan is None:
        return None
    found = shown.plan.programs
    return {"count": len(found), "reward": sum(one.reward for one in found)}


def _last_trades(shown: Market, event: int) -> list[list[int]]:
    tape, grid = shown.tape.columns, shown.tape.grid
    end = int(np.searchsorted(shown.trades, event, side="right"))
    out = []
    for row in shown.trades[max(end - LAST, 0) : end][::-1].tolist():
        side, level = int(tape.side[row]), int(tape.level[row])
        price = int(grid.ticks[level if side == 0 else int(grid.top) - level])
        out.append([int(tape.ts[row]) - shown.first, price, int(tape.size[row]), side, row])
    return out


def _differs(opened: OpenResults, asked: Question, shown: Timeline) -> str:
    """Say so if what was walked on the spot is not what the folder holds."""
    if _cell(asked) is not None:
        row = opened.sweep(asked.text("id")).cells.filter(cell=_cell(asked), market=asked.text("market"))
        held = int(row["fills"][0]) if row.height else None
    else:
        held = (opened.folders.get(asked.text("id")).record.get("summary") or {}).get("fills")
    if held is None or held == len(shown.fill_rows):
        return ""
    return (
        f"The folder tells of {held:,} fills, running it again gives {len(shown.fill_rows):,}: the data, the model or "
        "the engine has changed since. What is shown here was run just now."
    )
