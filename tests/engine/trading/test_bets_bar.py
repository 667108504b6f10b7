"""What a session of bets tells of its last bar is what the backtest up to then holds."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.results import BetsResult
from touchline.engine.trading.bets.bar import bar_in_short
from touchline.strategies.pipeline.pipeline import pipeline_of

from ..histories import made_up

ASKED = {
    "source": {"step_minutes": 60},
    "scorer": {"name": "momentum", "window_bars": 2, "strength": 1.0},
    "filters": [{"name": "price-band", "low": 20, "high": 80}],
    "selector": {"name": "top-k", "k": 2, "min_score": 0.001},
    "executor": {"sizing": "fixed-fraction", "fraction": 0.01, "capital": 1000, "max_hold_hours": 5},
}


def test_a_bar_in_short_is_the_backtest_up_to_then(tmp_path: Path):
    store = made_up(tmp_path / "store", 3, markets=8)
    first, last = store.sql("select min(ts), max(ts) from trades").row(0)
    found = backtest(store, pipeline_of(ASKED, "asked"), end=(first + last) // 2)
    told, made = bar_in_short(found), BetsResult(found)
    assert json.loads(json.dumps(told)) == told
    bets = pl.DataFrame(told["bets"], infer_schema_length=None)
    assert told["of"] == bets.height == made.trades.height > 3
    assert bets["pnl"].sum() == found.run.pnl
    paid = dict(zip(found.panel.markets["ticker"], found.columns.market["payout"].tolist(), strict=True))
    for one in told["bets"]:
        own = paid[one["ticker"]] if one["side"] == "yes" else 10_000 - paid[one["ticker"]]
        assert one["result"] == (None if paid[one["ticker"]] < 0 else own / 10_000)
        assert (one["exit_ts"] is None) == (one["exit"] == "still open")
    opens = [one["exit_ts"] is None for one in told["bets"]]
    assert opens == sorted(opens, reverse=True)
    alive = found.columns.market["last"] >= len(found.panel.times) - 1
    assert {one["ticker"] for one in told["scores"]} == set(found.panel.markets["ticker"].filter(pl.Series(alive)))
    edges = [abs(one["score"]) for one in told["scores"]]
    assert edges == sorted(edges, reverse=True)
    fates = {one["fate"] for one in told["candidates"]} | {"no edge", "waits for the next bar"}
    assert {one[which] for one in told["scores"] for which in ("now", "before")} <= fates
    assert sum(one["candidates"] for one in told["candidates"]) > told["of"]
