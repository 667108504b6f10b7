"""What happens to a model after it was trained: updates, warnings in backtests, audits, drift, its page."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest
from touchline import engine
from touchline.engine.bets.served import Moves, check_live
from touchline.engine.bets.training import known_panel
from touchline.engine.training.learning.rows import rows_of
from touchline.io.ground.errors import InputError
from touchline.io.ground.times import iso, nanoseconds
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..exchanges.conftest import random_frames
from ..trading.conftest import opened
from .made import BEGIN, FEATURES, HOUR, made, pipeline

HALF = BEGIN + 220 * HOUR
OWN = """
import polars as pl
from touchline.strategies import Filter


class All(Filter):
    def keep(self):
        return pl.lit(True)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("series")
    made(place / "store", beta=2.0, events=170)
    engine.train(pipeline(place), store=place / "store", out=place / "model", features=FEATURES, until=HALF, every="2d")
    return place


def model(folder):
    return engine.audit_model(folder / "model").trained


@pytest.fixture
def copied(folder, tmp_path):
    shutil.copytree(folder / "model", tmp_path / "model")
    shutil.copy(folder / "signals.csv", tmp_path)
    return tmp_path


def test_a_series_has_a_model_every_so_often_and_one_at_the_end(folder):
    since = np.array([one.since for one in model(folder).models])
    assert (np.diff(since)[:-1] == 48 * HOUR).all()
    assert since[-1] == HALF
    assert model(folder).expires == iso(HALF + 48 * HOUR)


def test_an_update_adds_models_and_leaves_those_that_served(folder, copied):
    before = model(folder)
    found = engine.train(update=copied / "model", store=folder / "store")
    assert found.record.models[: len(before.models)] == before.models
    assert len(found.record.models) == len(before.models) + 3
    assert found.record.expires > before.expires
    old = pl.read_parquet(folder / "model/folds.parquet")
    assert found.folds.filter(pl.col("ts") < HALF).equals(old)
    assert found.folds.filter(pl.col("ts") >= HALF).height > 100
    whole = engine.train(
        pipeline(folder), store=folder / "store", out=copied / "whole", features=FEATURES, every="2d",
        until=int(found.record.models[-1].since),
    )  # fmt: skip
    ours, theirs = ([one.sha256 for one in made.record.models] for made in (found, whole))
    assert ours[:3] == theirs[:3]
    with pytest.raises(InputError, match="nothing is known after it"):
        engine.train(update=copied / "model", store=folder / "store")
    with pytest.raises(InputError, match="holds no trained model"):
        engine.train(update=copied / "signals")


def test_a_backtest_warns_of_a_model_that_has_expired_or_whose_inputs_have_moved(folder, copied):
    found = engine.backtest(pipeline(copied), store=folder / "store")
    told = {notice.name: notice.detail for notice in found.warnings}
    assert "model expired at 2026-01-12T04:00:00Z;" in told["expired-model"]
    assert not {"drift", "no-skill"} & set(told)
    long = made(copied / "long", beta=2.0, events=500, bars=4)
    pl.read_csv(copied / "signals.csv").with_columns(noise=pl.col("noise") * 5).write_csv(copied / "signals.csv")
    found = engine.backtest(pipeline(copied), store=long)
    drift = next(notice.detail for notice in found.warnings if notice.name == "drift")
    assert "noise" in drift and "signal" not in drift
    live = pipeline(copied)
    fresh = nanoseconds(live.scorer.trained.expires) - 1
    panel = known_panel(long, live, None)
    check_live(live, fresh)
    with pytest.raises(
        InputError, match=r"^model reads what has moved: noise \d\.\d\d; 0\.25 is the limit: train it again"
    ):
        check_live(live, fresh, panel)
    with pytest.raises(InputError, match=r"^model expired at 2026-01-12T04:00:00Z: train it again with engine train"):
        check_live(live, fresh + 1, panel)
    check_live(live, fresh, known_panel(folder / "store", pipeline(folder), None))


def test_an_audit_finds_what_the_series_was_worth(folder):
    found = engine.audit_model(folder / "model")
    assert found.has_skill
    assert [one["edge"] for one in found.by_edge] == sorted(one["edge"] for one in found.by_edge)
    assert min(found.by_edge[0]["pnl"], found.by_edge[-1]["pnl"]) > 0.05
    assert len(found.over_time) == 6
    assert set(found.moved) == set(FEATURES)
    early = engine.audit_model(folder / "model", until=HALF)
    folds = pl.read_parquet(folder / "model/folds.parquet")
    both = early.predictions.join(folds, on=("ts", "ticker"), suffix="_then")
    assert both.height > 200
    np.testing.assert_array_equal(both["prediction"].to_numpy(), both["prediction_then"].to_numpy())
    with pytest.raises(InputError, match=r"no bar that .* serves has a known outcome"):
        engine.audit_model(folder / "model", until=BEGIN + 40 * HOUR)


def test_features_of_rows_are_what_the_scorer_reads(folder):
    """One code path: the rows that are learned from hold the panel's own values, float32."""
    panel = known_panel(folder / "store", pipeline(folder), None)
    rows = rows_of(panel, pipeline(folder), FEATURES)
    assert rows.x.dtype == np.float32
    place = rows.at[100]
    market = rows.tickers[rows.market[100]]
    signal = pl.read_csv(folder / "signals.csv").filter(pl.col("ticker") == market)["signal"][0]
    assert rows.x[place, 1] == signal


def test_the_page_says_what_a_statistician_would(folder):
    text = (folder / "model/report.html").read_text()
    for words in ("Skill against the mark by time to close", "Learning curve", "What it leans on", "Drift", "signal"):
        assert words in text


def test_code_that_a_folder_names_runs_only_if_it_is_trusted(folder, copied):
    (copied / "own.py").write_text(OWN)
    from touchline.strategies.pipeline.pipeline import pipeline_of

    own = pipeline_of({"filters": [{"name": "own.py:All"}], "scorer": {"name": "onnx", "file": "m"}}, "own", copied)
    engine.train(own, store=folder / "store", out=copied / "own", features=["log_odds"], until=HALF)
    with pytest.raises(InputError, match="whose code would run"):
        engine.audit_model(copied / "own")
    assert engine.audit_model(copied / "own", trust=copied / "own.py").predictions.height > 100


def test_a_session_counts_bar_by_bar_how_far_inputs_have_moved(folder, copied):
    """What all bars together say, with only the last one of each looked at; and after a restart in the middle."""
    long = made(copied / "long", beta=2.0, events=400, bars=4)
    pl.read_csv(copied / "signals.csv").with_columns(noise=pl.col("noise") * 5).write_csv(copied / "signals.csv")
    live = pipeline(copied)
    panel = known_panel(long, live, None)
    since, bars = live.scorer.trained.models[-1].since, np.arange(1, panel.shape[0] + 1)
    late = bars[panel.times >= since]
    moves = Moves(live, {})
    with pytest.raises(InputError, match=r"^model reads what has moved: .*noise \d\.\d\d; 0\.25 is the limit"):
        for number in late:
            if number == late[40]:
                moves = Moves(live, moves.state())
            moves.see(panel.until(int(number)))
    rows = sum(moves.state()[str(copied / "model")][0])
    assert 500 <= rows < 560
    still = Moves(pipeline(folder), {})
    own = known_panel(folder / "store", pipeline(folder), None)
    for number in range(own.shape[0] - 30, own.shape[0] + 1):
        still.see(own.until(number))


def test_a_session_of_bets_by_an_expired_model_is_refused(copied, tmp_path):
    file = tmp_path / "bets.toml"
    file.write_text('[[tables]]\nfile = "signals.csv"\nby = "ticker"\n[scorer]\nname = "onnx"\nfile = "model"\n')
    store = Store(tmp_path / "quoted")
    markets, books, trades = random_frames(7, tickers=1, rows=5)
    store.ingest("made up", "day", [Chunk({"markets": markets, "book": books, "trades": trades})])
    with opened(store) as (_, client):
        given = {"session": tmp_path / "session", "client": client, "inline": True}
        with (
            engine.trade(file, "KXTEST-26SEP21-B0", **given) as session,
            pytest.raises(InputError, match=r"^model expired at 2026-01-12T04:00:00Z: train it again"),
        ):
            session.step()
