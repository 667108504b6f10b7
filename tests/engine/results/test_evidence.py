"""An edge is told from noise, and what the data cannot carry is said."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from touchline.engine.results.evidence import _luck_notices, judge
from touchline.engine.results.results import read_sweep

from ..conftest import HOUR_NS


def names(evidence) -> set[str]:
    return {notice.name for notice in evidence.notices}


def test_a_planted_edge_is_found_and_believed(make_sweep):
    sweep = read_sweep(make_sweep(edge=True, events=60))
    done = judge(sweep)
    assert sweep.parameters(done.cell) == {"gamma": 0.2, "kappa": 2.5}
    assert done.overfitting_probability is not None
    assert done.overfitting_probability < 0.1
    assert done.deflated_sharpe is not None
    assert done.deflated_sharpe > 0.99
    assert done.out_of_sample_pnl is not None
    assert done.out_of_sample_pnl > 0
    assert done.walk_forward_periods is not None
    assert done.walk_forward_periods > 0
    assert done.spa is not None
    assert done.spa < 0.01
    assert done.rank_stability is not None
    assert done.rank_stability > 0.9
    assert done.interval_low is not None
    assert done.interval_low > 0
    assert names(done) == set()


def test_noise_is_not_believed(make_sweep):
    believed, chances = 0, []
    for seed in range(12):
        done = judge(read_sweep(make_sweep(f"noise{seed}", events=20, markets_per_event=1, seed=seed)))
        assert done.deflated_sharpe is not None
        assert done.overfitting_probability is not None
        believed += done.deflated_sharpe >= 0.95
        chances.append(done.overfitting_probability)
        assert done.trials == 25
    assert believed <= 1
    assert np.mean(chances) == pytest.approx(0.5, abs=0.2)


def one_sided(folder):
    """Let all markets of a sweep pay NO, known half of the time, with a warning of the run's own."""
    document = json.loads((folder / "sweep.json").read_text())
    document["markets"] = [row | {"settlement": 0, "coverage": 0.5} for row in document["markets"]]
    document["warnings"] = [{"name": "queue-sign", "detail": "-$1.00 to $2.00"}]
    (folder / "sweep.json").write_text(json.dumps(document))


def test_few_events_and_one_sided_settlement_are_named(make_sweep):
    folder = make_sweep(edge=True, events=3)
    one_sided(folder)
    done = judge(read_sweep(folder))
    assert {"few-events", "few-periods", "one-sided-settlement", "thin-coverage", "queue-sign"} <= names(done)
    assert done.walk_forward_events is None  # three events cannot be cut into six parts
    assert done.out_of_sample_pnl == done.walk_forward_periods
    detail = {notice.name: notice.detail for notice in done.notices}
    assert detail["one-sided-settlement"] == "0 of 6 markets paid YES"
    assert detail["thin-coverage"] == "6 of 6 markets, down to 50%"


def test_one_event_that_made_the_profit_is_named(make_sweep):
    def surge(gamma, kappa):
        return np.full(len(gamma), 0.0)

    folder = make_sweep(surface=surge, noise=0.01, events=40, markets_per_event=1)
    for name in ("cells", "periods"):
        path = folder / f"{name}.parquet"
        lucky = pl.when(pl.col("market") == "KXTEST-011-B0").then(pl.col("pnl") + 50_000_000).otherwise(pl.col("pnl"))
        pl.read_parquet(path).with_columns(pnl=lucky).write_parquet(path)
    assert "concentration" in names(judge(read_sweep(folder)))


def test_a_sweep_that_made_nothing_says_so_and_recommends_nothing(make_sweep):
    folder = make_sweep(noise=0.0, events=10)
    one_sided(folder)
    done = judge(read_sweep(folder))
    assert (done.sharpe_annual, done.deflated_sharpe, done.spa, done.min_periods) == (None, None, None, None)
    assert (done.overfitting_probability, done.walk_forward_periods, done.walk_forward_events) == (None, None, None)
    assert (done.cell, done.trials, done.clusters, done.periods, done.events) == (None, 0, 0, 0, 0)
    assert done.notices[0].name == "nothing-traded"
    assert "degenerate-statistic" in names(done)
    assert "edge-of-grid" not in names(done)
    assert "one-sided-settlement" not in names(done)


def idle_hours(folder, market="KXTEST-000-B0", hours=4):
    """Put periods without any P&L into a market, between and after its own."""
    path = folder / "periods.parquet"
    rows = pl.read_parquet(path)
    own = rows.filter(pl.col("market") == market)
    quiet = [
        own.with_columns(pl.col("period") + at * HOUR_NS, pl.lit(0, pl.Int64).alias("pnl")) for at in range(1, hours)
    ]
    rows.vstack(pl.concat(quiet)).write_parquet(path)


def test_hours_in_which_nothing_happens_change_neither_blocks_nor_folds(make_sweep):
    folder = make_sweep(events=20, edge=True, noise=3.0)
    before = judge(read_sweep(folder))
    for event in range(0, 20, 3):
        idle_hours(folder, f"KXTEST-{event:03d}-B0")
    about = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(about | {"period_ns": before.period_ns}))
    after = judge(read_sweep(folder))
    assert (before.idle_periods, after.idle_periods > 50) == (0, True)
    for name in ("overfitting_probability", "walk_forward_periods", "deflated_sharpe", "trials", "periods", "spa"):
        assert getattr(after, name) == pytest.approx(getattr(before, name)), name
    assert before.sharpe_annual is not None
    assert after.sharpe_annual is not None
    rate = after.periods / (after.periods + after.idle_periods)
    assert after.sharpe_annual == pytest.approx(before.sharpe_annual * rate**0.5)  # a year has fewer busy ones


def test_events_in_which_no_cell_traded_are_not_counted(make_sweep):
    folder = make_sweep(events=8)
    for name in ("cells", "periods"):
        path = folder / f"{name}.parquet"
        quiet = pl.col("market").str.contains("-00[0-2]-")
        pl.read_parquet(path).with_columns(pnl=pl.when(quiet).then(0).otherwise(pl.col("pnl"))).write_parquet(path)
    assert judge(read_sweep(folder)).events == 5


def test_earlier_trials_make_it_harder(make_sweep):
    sweep = read_sweep(make_sweep(surface=lambda gamma, kappa: np.full(len(gamma), 0.12), events=40))
    few, many = judge(sweep), judge(sweep, earlier_trials=100_000)
    assert few.deflated_sharpe is not None
    assert many.deflated_sharpe is not None
    assert many.deflated_sharpe < few.deflated_sharpe
    assert many.trials == few.trials + 100_000


def test_made_up_markets_are_labelled(make_sweep):
    assert "synthetic-data" in names(judge(read_sweep(make_sweep(series="SYNX", events=5))))


def test_evidence_is_json(make_sweep):
    row = judge(read_sweep(make_sweep(events=5))).as_row()
    again = json.loads(json.dumps(row, allow_nan=False))
    assert again["warnings"][0].keys() == {"name", "detail", "text"}
    assert "notices" not in again


def test_what_looks_like_luck_is_named_from_its_bound_on():
    assert _luck_notices(0.5, 0.95, 0.0) == []
    assert [notice.name for notice in _luck_notices(0.51, 0.949, -1.0)] == ["overfit", "no-edge", "out-of-sample-loss"]
    assert {notice.name for notice in _luck_notices(None, None, None)} == {"degenerate-statistic"}
