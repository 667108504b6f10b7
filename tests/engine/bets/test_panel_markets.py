"""Results without closing times, and tickers that no list of markets names: settled or said, never dropped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.api.runs import sweep
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.results import BetsResult
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..histories import made_up


def rewritten(source: Store, folder: Path, markets: pl.DataFrame) -> Store:
    """The same quotes and trades with other rows of markets."""
    store = Store(folder)
    tables = {name: source.table(name).drop("source", "import_id").collect() for name in ("quotes", "trades")}
    store.ingest("again", "again", [Chunk({**tables, "markets": markets})])
    return store


@pytest.fixture
def known(tmp_path: Path) -> tuple[Store, pl.DataFrame]:
    store = made_up(tmp_path / "known", 11, markets=24)
    return store, store.markets().drop("source", "import_id").collect()


def names(found: BetsResult) -> dict[str, str]:
    return {notice.name: notice.detail for notice in found.notices}


def test_a_result_without_a_closing_time_pays_at_the_last_event_and_says_so(
    known: tuple[Store, pl.DataFrame], tmp_path: Path
) -> None:
    store, markets = known
    none = pl.lit(None, pl.Int64)
    bare = rewritten(store, tmp_path / "bare", markets.with_columns(close_ts=none, settled_ts=none, expiration_ts=none))
    panel, last = build_panel(bare), bare.quotes().group_by("ticker").agg(pl.col("ts").max()).collect()
    ended = panel.markets.filter("close_assumed")
    assert ended.height == markets.filter(pl.col("settlement").is_not_null()).height > 10
    assert ended.join(last, on="ticker").select((pl.col("close_ts") == pl.col("ts")).all()).item()
    assert (ended["settled_ts"] == ended["close_ts"]).all()
    run = backtest(bare, "quant", random_portfolios=0)
    assert len(run.run.trades) > 0
    said = names(BetsResult(run))
    assert said["assumed-close"].startswith(f"{ended.height}: KXA-")
    assert "no-closing-time" in said or panel.markets["close_ts"].null_count() == 0
    plain = names(BetsResult(backtest(store, "quant")))
    assert not {"assumed-close", "no-closing-time", "unlisted-markets"} & set(plain)


def test_markets_without_result_and_close_are_said_not_to_be_bet_on(
    known: tuple[Store, pl.DataFrame], tmp_path: Path
) -> None:
    store, markets = known
    open_ones = markets.select("ticker", "series", "event")
    run = backtest(rewritten(store, tmp_path / "open", open_ones), "quant")
    assert len(run.run.trades) == 0
    assert names(BetsResult(run))["no-closing-time"] == "24: KXA-00-T0, KXA-00-T2, KXA-01-T1 …"


def test_tickers_without_a_row_in_markets_are_in_the_panel_and_named(
    known: tuple[Store, pl.DataFrame], tmp_path: Path
) -> None:
    store, markets = known
    part = rewritten(store, tmp_path / "part", markets.filter(pl.col("ticker") != "KXB-00-T1"))
    panel = build_panel(part)
    assert panel.markets.height == 24
    row = panel.markets.row(by_predicate=pl.col("ticker") == "KXB-00-T1", named=True)
    assert (row["event"], row["series"], row["unlisted"]) == ("KXB-00", "KXB", True)
    whole = build_panel(store)
    at = panel.markets["ticker"].to_list().index("KXB-00-T1")
    bars = min(len(panel.times), len(whole.times))
    assert np.array_equal(panel.matrices["mark"][:bars, at], whole.matrices["mark"][:bars, at])
    assert names(BetsResult(backtest(part, "quant")))["unlisted-markets"] == "1: KXB-00-T1"
    only = build_panel(part, where=pl.col("series") == "KXB")
    assert "KXB-00-T1" in only.markets["ticker"].to_list()


def test_sweeps_say_it_too(known: tuple[Store, pl.DataFrame], tmp_path: Path) -> None:
    store, markets = known
    none = pl.lit(None, pl.Int64)
    bare = rewritten(store, tmp_path / "bare", markets.with_columns(close_ts=none, settled_ts=none, expiration_ts=none))
    sweep("quant", store=bare, out=tmp_path / "out", axes={"kelly_fraction": [0.1, 0.25]}, pictures=False)
    record = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert "assumed-close" in {one["name"] for one in record["warnings"]}


def test_a_replay_of_a_market_without_a_closing_time_says_that_it_pays_at_its_last_event(
    known: tuple[Store, pl.DataFrame], tmp_path: Path
) -> None:
    store, markets = known
    paid = markets.filter(pl.col("settlement").is_not_null())["ticker"][0]
    bare = rewritten(store, tmp_path / "bare", markets.with_columns(close_ts=pl.lit(None, pl.Int64)))
    assert "assumed-close" in compile_tape(bare, paid).notes
    assert "assumed-close" not in compile_tape(store, paid).notes
    unpaid = rewritten(store, tmp_path / "unpaid", markets.select("ticker"))
    assert "assumed-close" not in compile_tape(unpaid, paid).notes
