"""What the last bar of a session of bets came to, for whoever looks: bets with results, scores, what became of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ...bets.backtest import BetsRun
from ...bets.results import BetsResult, chances, fate_names
from ...bets.types import NO_PRICE, Fate

#: Bets and scores that are told: those that are held and the newest, the markets with the largest edges.
BETS, SCORES = 300, 200


def bar_in_short(found: BetsRun) -> dict[str, Any]:
    """Return what a bar came to: prices in ticks, sizes in lots, money in micros, probabilities as shares of one."""
    made = BetsResult(found)
    return {
        "bar": int(found.panel.times[-1]),
        "bets": _bets(made),
        "of": made.trades.height,
        "scores": _scores(found),
        "candidates": made.candidates.to_dicts(),
        "calibration": {name: None if one is None else one.as_dict() for name, one in made.calibration.items()},
    }


def _bets(made: BetsResult) -> list[dict[str, Any]]:
    """Each bet with its probability and, once its market has paid, whether its side won."""
    run, trades = made.found.run, made.trades
    rows = np.concatenate([run.trades, run.still_open])
    paid = made.found.columns.market["payout"][rows["market"]].astype(np.int64)
    own = pl.Series(np.where(rows["side"] > 0, paid, 10_000 - paid) / 10_000)
    held = pl.col("exit") == "still open"
    told = trades.with_columns(
        pl.Series("probability", chances(rows)),
        pl.when(pl.Series(paid == NO_PRICE)).then(None).otherwise(own).alias("result"),
        pl.when(held).then(None).otherwise(pl.col("exit_ts")).alias("exit_ts"),
        pl.col("exit_price").fill_nan(None),
    )
    names = ("ticker", "side", "probability", "entry_ts", "exit_ts", "lots", "entry_price", "exit_price", "score",
             "fees", "pnl", "result", "exit")  # fmt: skip
    return told.sort(held, "entry_ts", descending=True).head(BETS).select(names).to_dicts()


def _scores(found: BetsRun) -> list[dict[str, Any]]:
    """The markets that lived in the last bar with their edges, and what became of the edge of the bar before."""
    market, bars = found.columns.market, len(found.columns.times)
    delay, names = int(found.rule["delay"][0]), fate_names(found.pipeline)
    names |= {int(Fate.NONE): "no edge"}
    least = int(found.rule["min_score"][0])
    rows: list[dict[str, Any]] = []
    for place in np.flatnonzero((market["first"] < bars) & (market["last"] >= bars - 1)):
        one = market[place]

        def fate(t: int, one: Any = one) -> str | None:
            if t < one["first"]:
                return None
            row = one["base"] + t * one["stride"]
            if (code := int(found.run.fates[row])) or not found.scored.score[row]:
                return names.get(code)
            stopped = 0 if found.scored.passed is None else int(found.scored.passed[row])
            if stopped or abs(int(found.scored.score[row])) < least:
                return names[stopped or int(Fate.WEAK)]
            return "waits for the next bar"

        row = one["base"] + (bars - 1) * one["stride"]
        mark = int(found.columns.mark[row])
        rows.append(
            {
                "ticker": found.panel.markets["ticker"][int(place)],
                "mark": None if mark == NO_PRICE else mark,
                "score": int(found.scored.score[row]),
                "now": fate(bars - 1),
                "before": fate(bars - 1 - delay),
            }
        )
    return sorted(rows, key=lambda one: (-abs(one["score"]), one["ticker"]))[:SCORES]
