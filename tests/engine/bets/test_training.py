"""Training sets: the pipeline's own rows and features, and no label or row from after the cut."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from touchline import engine
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.training import training_frame
from touchline.engine.cli import main
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import load_pipeline, pipeline_of
from touchline.strategies.pipeline.scorers.onnx import feature

from ..histories import HOUR, made_up

CUT = 120 * HOUR + HOUR // 3
FEATURES = ["mark", "change_4", "z_12", "previous_rate", "hours_left"]
MODEL = {"name": "onnx", "features": ",".join(FEATURES), "file": "not-trained-yet.onnx"}
FILTERS = [{"name": "spread", "max_spread": 10}, {"name": "liquidity", "min_volume": 300}]
PIPELINE = pipeline_of({"scorer": MODEL, "filters": FILTERS}, "p")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("made") / "store", 11, markets=24, scalar=True)


def test_a_cut_history_gives_the_same_rows_features_and_labels(store, tmp_path):
    """The prover: a store that never heard of anything after the cut."""
    early = Store(tmp_path / "early")
    tables = {name: store.table(name).filter(pl.col("ts") < CUT).collect() for name in ("quotes", "trades")}
    known = pl.col("settled_ts") <= CUT
    unsettled = {name: pl.when(known).then(name) for name in ("settlement", "result", "settled_ts")}
    tables["markets"] = store.markets().collect().with_columns(**unsettled)
    own = {name: frame.drop("source", "import_id", strict=False) for name, frame in tables.items()}
    early.ingest("made up", "early", [Chunk(own)])
    whole, cut = (training_frame(one, PIPELINE, CUT) for one in (store, early))
    assert whole.height > 500
    assert 0 < whole["label"].null_count() < whole.height
    assert whole.equals(cut)
    assert whole["ts"].max() <= CUT
    assert whole["label_ts"].drop_nulls().max() <= CUT
    assert set(whole["label"].drop_nulls().unique()) >= {0.0, 1.0, 0.37}


def test_rows_are_those_of_the_pipeline_and_features_those_of_the_model(store):
    frame = training_frame(store, PIPELINE, CUT)
    watched = pipeline_of({"scorer": {"name": "momentum"}, "filters": FILTERS}, "p")
    found = backtest(store, watched, end=CUT + HOUR)
    passed = found.panel.matrix_of((found.scored.passed == 0).astype(np.int8))
    expected = found.panel.evaluate({name: feature(name).cast(pl.Float32) for name in FEATURES})
    place = {ticker: m for m, ticker in enumerate(found.panel.markets["ticker"])}
    rows = set()
    for row in frame.iter_rows(named=True):
        t, m = int(np.searchsorted(found.panel.times, row["ts"])), place[row["ticker"]]
        assert found.panel.times[t] == row["ts"]
        assert passed[t, m] == 1
        for name in FEATURES[:3]:
            assert row[name] == pytest.approx(expected[name][t, m], nan_ok=True) or np.isnan(expected[name][t, m])
        rows.add((t, m))
    columns = found.columns
    bars = int(np.searchsorted(found.panel.times, CUT, side="right"))
    tradable = {
        (t, m)
        for t, m in np.argwhere(passed[:bars]).tolist()
        if columns.market["opens"][m] <= t <= columns.market["closes"][m]
    }
    assert rows == tradable


def test_features_are_those_that_the_scorer_reads_or_that_are_named(store):
    assert engine.features("quant", CUT, store, features=["mark", "sigma_6"]).columns[5:-2] == ["mark", "sigma_6"]
    members = [{"name": "momentum", "window_bars": 6}, MODEL]
    first = int(store.quotes().select(pl.col("ts").min()).collect().item())
    both = pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p")
    assert training_frame(store, both, CUT).columns[5:-2] == ["change_6", *FEATURES]
    with pytest.raises(InputError, match="no feature 'sigma', nor a table's column"):
        training_frame(store, "quant", CUT, features=["sigma"])
    with pytest.raises(InputError, match="no bar ends before"):
        training_frame(store, "quant", first + 1, features=["mark"], start=first)


def test_the_command_writes_the_same(store, tmp_path, monkeypatch, capsys):
    out = tmp_path / "rows.parquet"
    asked = [
        "quant",
        "--store",
        store.path,
        "--until",
        "1970-01-06T00:20:00Z",
        "--features",
        "mark,z_12",
        "--out",
        str(out),
    ]
    monkeypatch.setattr(sys, "argv", ["engine", "data", "features", *asked, "--set", "max_spread=10"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "of them with a label known at" in capsys.readouterr().out
    pipeline = load_pipeline("quant").with_values(max_spread=10)
    assert pl.read_parquet(out).equals(training_frame(store, pipeline, CUT, features=["mark", "z_12"]))
