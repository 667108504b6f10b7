"""How a replayed strategy quoted: what it posted and got, how long it stood at the touch, what it held."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl

from ..figures.inventory import inventory
from ..figures.metrics import sharpe
from .state import F64, I64
from .tape.tape import Tape

HOUR_NS = 3_600_000_000_000


def quote_figures(
    tape: Tape, fills: pl.DataFrame, quotes: pl.DataFrame, equity: pl.DataFrame, period_ns: int
) -> dict[str, Any]:
    """Everything here that a summary tells; sizes in lots, shares of the tape's time, None where nothing defines it.

    ``sharpe`` is that of the P&L of periods of ``period_ns``, not annualised.
    """
    end = int(tape.columns.ts[-1])
    stood = standing(tape, quotes)
    posted, filled = posted_lots(quotes), int(fills["size"].sum())
    hours = stood.pop("hours")
    stepped = np.append(tape.columns.ts[0], fills["ts"].to_numpy())
    held = inventory(stepped, np.append(0, fills["position"].to_numpy()), end)
    return {
        "posted": posted,
        "fill_ratio": filled / posted if posted else None,
        "fills_a_quote_hour": len(fills) / hours if hours else None,
        **stood,
        "inventory": None if held is None else asdict(held),
        "sharpe": sharpe(period_pnl(equity, period_ns), 1),
        "sharpe_period_s": period_ns / 1e9,
    }


def posted_lots(quotes: pl.DataFrame) -> int:
    """Lots offered: each side's size whenever it stands at another price, or what was added to it at the same one."""
    posted = 0
    for side in ("bid", "ask"):
        price, size = quotes[side].fill_null(-1).to_numpy(), quotes[f"{side}_size"].to_numpy().astype(np.int64)
        before, had = np.append(-1, price[:-1]), np.append(0, size[:-1])
        posted += int(np.where(price != before, size, np.maximum(size - had, 0)).sum())
    return posted


def standing(tape: Tape, quotes: pl.DataFrame) -> dict[str, float]:
    """``at_touch``: share of time with a side at the best price or better; ``hours`` that any side stood."""
    ts = np.union1d(tape.columns.ts, quotes["ts"].to_numpy())
    lasted = np.diff(ts)
    total = int(lasted.sum())
    if total == 0 or not len(quotes):
        return {"at_touch": 0.0, "hours": 0.0}
    event = np.searchsorted(tape.columns.ts, ts[:-1], side="right") - 1
    quote = np.searchsorted(quotes["ts"].to_numpy(), ts[:-1], side="right") - 1
    ticks = tape.grid.ticks.astype(np.int64)
    best_bid, best_ask = (ticks[column[event]] for column in (tape.columns.best_bid, tape.columns.best_ask))
    bid, ask = (_in_force(quotes[side].to_numpy(), quote) for side in ("bid", "ask"))
    touches = (bid >= best_bid) | (ask <= best_ask)
    stands = ~np.isnan(bid) | ~np.isnan(ask)
    return {
        "at_touch": int(lasted[touches].sum()) / total,
        "hours": int(lasted[stands].sum()) / HOUR_NS,
    }


def _in_force(prices: F64, quote: I64) -> F64:
    """Price at each moment; nan where none stood."""
    own = np.asarray(prices, dtype=np.float64)
    return np.where(quote >= 0, own[np.maximum(quote, 0)], np.nan)


def period_pnl(equity: pl.DataFrame, period_ns: int) -> I64:
    """P&L of each period, flat ones included; the first one counts from nothing."""
    ts, curve = equity["ts"].to_numpy(), equity["equity"].to_numpy()
    bounds = np.arange(int(ts[0]) // period_ns + 1, int(ts[-1]) // period_ns + 2) * period_ns
    last = np.searchsorted(ts, bounds, side="left") - 1
    return np.diff(curve[last], prepend=0)
