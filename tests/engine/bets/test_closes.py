"""The close of a market as it was known at every moment: an early close is not seen before it is told."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.closes import HISTORY
from touchline.engine.bets.results import BetsResult
from touchline.engine.bets.training import training_frame
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import pipeline_of

from ..histories import HOUR, made_up

PLANNED = 300 * HOUR  #: when every market was to close, as it was listed
CUT = 90 * HOUR
PIPELINE = pipeline_of(
    {
        "scorer": {
            "name": "ensemble",
            "members": [{"name": "momentum", "window_bars": 3}, {"name": "time-decay", "slope": 3.0}],
        },
        "filters": [{"name": "spread", "max_spread": 10}, {"name": "time-to-close", "min_hours": 20, "max_hours": 250}],
        "executor": {"max_positions": 40, "max_position": 5},
    },
    "p",
)


def told(store: Store) -> pl.DataFrame:
    """What the exchange told when: listed with a late close, closed early, then paid."""
    last = store.markets().drop("source", "import_id").collect()
    none = pl.lit(None)
    unsaid = {"result": none.cast(pl.String), "settlement": none.cast(pl.Int32), "settled_ts": none.cast(pl.Int64)}
    listed = last.with_columns(valid_from=pl.col("open_ts") + 1, close_ts=pl.lit(PLANNED), **unsaid)
    closed = last.with_columns(valid_from="close_ts", **unsaid)
    return pl.concat([listed, closed, last.with_columns(valid_from="settled_ts")])


def stored(folder, store: Store, markets: pl.DataFrame, until: int | None = None) -> Store:
    """A store with these rows of markets, of which nothing was heard after ``until``."""
    kept = pl.lit(value=True) if until is None else pl.col("ts") <= until
    tables = {
        name: store.table(name).filter(kept).drop("source", "import_id").collect() for name in ("quotes", "trades")
    }
    made = Store(folder)
    known = markets if until is None else markets.filter(pl.col("valid_from") <= until)
    made.ingest("made up", f"{folder}", [Chunk({**tables, "markets": known})])
    return made


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Store:
    folder = tmp_path_factory.mktemp("recorded")
    source = made_up(folder / "source", 11, markets=24)
    return stored(folder / "whole", source, told(source))


def test_a_store_cut_at_a_moment_decides_as_the_whole_one_until_then(recorded, tmp_path):
    markets = recorded.markets(history=True).drop("source", "import_id", strict=False).collect()
    early = stored(tmp_path / "early", recorded, markets, CUT)
    ends = early.markets().collect()["close_ts"]
    assert (ends == PLANNED).any()
    assert (ends < CUT).any()
    whole, cut = (backtest(store, PIPELINE, start=0, end=end) for store, end in ((recorded, None), (early, CUT)))
    bars = len(cut.panel.times)
    assert np.array_equal(whole.panel.times[:bars], cut.panel.times)
    seen = [run.panel.until(bars).markets["ticker"].to_list() for run in (whole, cut)]
    own = [seen[0].index(ticker) for ticker in seen[1]]
    for name in ("score", "passed"):
        first, second = (run.panel.matrix_of(getattr(run.scored, name)) for run in (whole, cut))
        lived = cut.panel.matrix_of(np.ones(cut.panel.lives.total, np.int8)) > 0
        assert np.array_equal(first[:bars, own][lived], second[lived]), name
    entries = [
        BetsResult(run)
        .trades.filter(pl.col("entry_ts") <= CUT)
        .select("ticker", "side", "entry_ts", "lots", "entry_price", "score")
        .sort("entry_ts", "ticker")
        for run in (whole, cut)
    ]
    assert entries[0].height > 15
    assert entries[0].equals(entries[1])


def test_a_training_set_of_a_cut_store_is_that_of_the_whole_one(recorded, tmp_path):
    markets = recorded.markets(history=True).drop("source", "import_id", strict=False).collect()
    early = stored(tmp_path / "early", recorded, markets, CUT)
    names = ["mark", "hours_left", "life_left", "change_3"]
    whole, cut = (
        training_frame(store, PIPELINE, CUT, features=names).sort("ticker", "ts") for store in (recorded, early)
    )
    assert whole.height > 500
    assert whole.equals(cut)


def test_the_time_left_follows_what_was_told(recorded):
    panel = build_panel(recorded, step_ns=HOUR)
    history = panel.markets[HISTORY]
    assert history.null_count() == 0
    m = 3
    frame = panel.frame(slice(m, m + 1), ("ts", "hours_left", "life_left"))
    opened, closed = panel.markets["open_ts"][m], panel.markets["close_ts"][m]
    before = frame.filter(pl.col("ts") > opened, pl.col("ts") < closed)
    assert before.height > 10
    assert before["hours_left"].to_list() == [(PLANNED - ts) / HOUR for ts in before["ts"]]
    share = [(PLANNED - ts) / (PLANNED - opened) for ts in before["ts"]]
    assert before["life_left"].to_list() == pytest.approx(share, abs=1e-6)
    assert frame.filter(pl.col("ts") >= closed)["hours_left"].to_list() == [0.0]
    assert (
        frame.filter(pl.col("ts") <= opened)["hours_left"].null_count() == frame.filter(pl.col("ts") <= opened).height
    )


def test_where_only_the_end_was_recorded_its_expiration_stands_in_and_a_warning_says_so(tmp_path):
    source = made_up(tmp_path / "source", 11, markets=24)
    last = source.markets().drop("source", "import_id").collect()
    expires = pl.when(pl.col("series") == "KXA").then(PLANNED)
    store = stored(tmp_path / "late", source, last.with_columns(expiration_ts=expires))
    panel = build_panel(store, step_ns=HOUR)
    for m, series in ((0, "KXA"), (panel.markets["series"].to_list().index("KXB"), "KXB")):
        assert panel.markets["series"][m] == series
        until = PLANNED if series == "KXA" else panel.markets["close_ts"][m]
        frame = panel.frame(slice(m, m + 1), ("ts", "hours_left"))
        assert frame["hours_left"].to_list() == pytest.approx([max(until - ts, 0) / HOUR for ts in frame["ts"]])
    said = {one.name: one.detail for one in BetsResult(backtest(store, PIPELINE)).notices}
    assert said["close-told-late"].startswith("24: KXA-00-T0")
    without = pipeline_of({"scorer": {"name": "momentum"}}, "p")
    assert "close-told-late" not in {one.name for one in BetsResult(backtest(store, without)).notices}


def test_what_was_told_in_time_is_not_warned_of(recorded):
    assert "close-told-late" not in {one.name for one in BetsResult(backtest(recorded, PIPELINE)).notices}
