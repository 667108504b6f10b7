"""From made-up history to a served model: no event on both sides, predictions as they are served, true skill found."""

from __future__ import annotations

import json
import shlex
import shutil
import sys

import numpy as np
import polars as pl
import pytest
from touchline import engine
from touchline.engine.bets.training import known_panel
from touchline.engine.cli import main
from touchline.engine.training import series
from touchline.engine.training.folder import FOLDS, read_folds
from touchline.engine.training.learning.fold import served_rows
from touchline.engine.training.learning.folds import cuts, first_usable
from touchline.engine.training.learning.parity import in_panel
from touchline.engine.training.learning.rows import rows_of
from touchline.io.ground.errors import CheckError, DamagedError, InputError
from touchline.io.ground.times import nanoseconds

from .made import BEGIN, FEATURES, HOUR, bayes_skill, made, pipeline

EMBARGO = 2 * HOUR


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("trained")
    made(place / "store", beta=2.0, events=120)
    return place


@pytest.fixture(scope="module")
def trained(folder):
    return engine.train(pipeline(folder), "logistic", folder / "store", out=folder / "model", features=FEATURES)


@pytest.fixture(scope="module")
def rows(folder):
    panel = known_panel(folder / "store", pipeline(folder), None)
    return rows_of(panel, pipeline(folder), FEATURES)


@pytest.mark.parametrize("every", [None, 24 * HOUR])
def test_an_event_is_never_learned_from_and_judged_and_nothing_is_learned_before_it_was_known(rows, every):
    chosen = first_usable(rows, cuts(rows, int(rows.time[-1]) + HOUR, 4, every), EMBARGO, move=False)
    assert len(chosen) > 3
    for fold, split in chosen:
        learned = np.concatenate([split.early, split.later])
        assert rows.known[learned].max() + EMBARGO <= fold.cut
        assert not set(rows.event[learned]) & set(rows.event[split.test])
        if len(split.later):
            assert not set(rows.event[split.early]) & set(rows.event[split.later])
            assert rows.known[split.early].max() + EMBARGO <= rows.time[split.later].min()
        if fold.stop is not None:
            assert ((rows.time[split.test] >= fold.cut) & (rows.time[split.test] < fold.stop)).all()
    assert chosen[-1][0].stop is None
    judged = np.concatenate([split.test for _, split in chosen])
    assert len(judged) == len(np.unique(judged)) > len(rows) / 2


def test_the_planted_signal_is_found(trained):
    found = trained.skill["brier"]
    assert bayes_skill(2.0) / 3 < found["skill"] < bayes_skill(2.0) + 2 * found["standard_error"]
    assert trained.has_skill and trained.warnings == []
    assert "skill against the mark: +" in repr(trained)


def test_a_backtest_serves_what_was_predicted_out_of_fold(folder, trained):
    """Each bar has its answer from the model that had not seen it, and bars before the first model have none."""
    scorer = pipeline(folder).scorer
    panel = known_panel(folder / "store", pipeline(folder), None)
    answers = panel.matrix_of(scorer.prepare(panel)[scorer.own("model")])
    place = {ticker: m for m, ticker in enumerate(panel.markets["ticker"])}
    folds = trained.folds
    bar = np.searchsorted(panel.times, folds["ts"].to_numpy())
    market = folds["ticker"].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    np.testing.assert_array_equal(answers[bar, market], folds["prediction"].to_numpy().astype(np.float32))
    first = trained.record.models[0].since
    assert np.isnan(answers[panel.times < first]).all()
    assert (folds["ts"] >= folds["serves_from"]).all()
    found = engine.backtest(pipeline(folder), store=folder / "store")
    assert found.trades["entry_ts"].min() > first
    assert found.trades.height > 20


@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_the_edge_in_a_backtest_is_that_of_the_trained_model(folder, rows, tmp_path, monkeypatch, name):
    """Every bar that is served: the trained model itself, in its library's arithmetic, less the mark."""
    run, trials = series.run_fold, []

    def kept(rows, fold, *args, **named):
        trials.append((fold, run(rows, fold, *args, **named)))
        return trials[-1][1]

    monkeypatch.setattr(series, "run_fold", kept)
    engine.train(
        pipeline(folder), name, folder / "store", out=tmp_path / "model", features=FEATURES, folds=2,
        params={"trees": 30, "min_rows": 20} if name == "boosting" else {},
    )  # fmt: skip
    served = pipeline(folder, file=str(tmp_path / "model")).scorer
    panel = known_panel(folder / "store", pipeline(folder), None)
    whole = panel.with_extras(served.prepare(panel))
    edges = whole.evaluate({"edge": served.score()})["edge"]
    marks = panel.matrices["mark"].astype(float) / 10_000
    native = np.full(panel.lives.total, np.nan, np.float32)
    for fold, trial in trials:
        native[in_panel(panel, served_rows(rows, fold))] = trial.native
    assert np.isfinite(native).sum() > 500
    np.testing.assert_allclose(edges, panel.matrix_of(native) - marks, rtol=0, atol=1e-6)


def test_the_same_seed_gives_the_same_models_and_another_question_is_refused(folder, trained, tmp_path):
    place = shutil.copytree(folder / "model", tmp_path / "model")
    again = engine.train(pipeline(folder), "logistic", folder / "store", out=place, features=FEATURES)
    assert again.record.hash == trained.record.hash
    with pytest.raises(InputError, match="asked for otherwise"):
        engine.train(pipeline(folder), "logistic", folder / "store", out=place, features=FEATURES, folds=3)
    with pytest.raises(InputError, match="holds something else"):
        engine.train(pipeline(folder), "logistic", folder / "store", out=folder, features=FEATURES)


def test_a_training_that_was_killed_goes_on_by_fold_and_comes_to_the_same_hash(folder, trained, tmp_path, monkeypatch):
    run, count = series.run_fold, 0

    def killed(*args, **named):
        nonlocal count
        count += 1
        if count % 2 == 0:
            raise KeyboardInterrupt
        return run(*args, **named)

    monkeypatch.setattr(series, "run_fold", killed)
    kills = 0
    while True:
        try:
            found = engine.train(
                pipeline(folder), "logistic", folder / "store", out=tmp_path / "model", features=FEATURES
            )
            break
        except KeyboardInterrupt:
            kills += 1
            assert not (tmp_path / "model/model.toml").exists()
    assert kills == 5
    assert count == 6 + kills
    assert found.record.hash == trained.record.hash
    assert sorted(one.name for one in (tmp_path / "model").iterdir()) == [
        "folds.parquet", "model.onnx", "model.toml", "report.html", "series",
    ]  # fmt: skip


def test_moves_of_the_mark_train_as_edges(folder, tmp_path):
    found = engine.train(
        pipeline(folder), "logistic", folder / "store", out=tmp_path / "m", features=FEATURES, target="move:2h"
    )
    assert found.record.gives == "edge"
    assert not found.has_skill  # no mark ever moves here
    assert found.skill == {"reference": "no move"} | {k: v for k, v in found.skill.items() if k != "reference"}
    with pytest.raises(InputError, match="not a whole number of this pipeline's bars"):
        engine.train(pipeline(folder), "logistic", folder / "store", out=tmp_path / "n", target="move:90m")
    with pytest.raises(InputError, match="target= is outcome or a move"):
        engine.train(pipeline(folder), "logistic", folder / "store", out=tmp_path / "n", target="luck")


def test_shuffled_labels_have_no_skill(tmp_path):
    made(tmp_path / "store", beta=0.0, events=120, seed=3, shuffle=True)
    found = engine.train(pipeline(tmp_path), store=tmp_path / "store", out=tmp_path / "model", features=FEATURES)
    skill = found.skill["brier"]
    assert abs(skill["skill"]) < 2 * skill["standard_error"]
    assert [notice.name for notice in found.warnings] == ["no-skill"]


TELLING = {
    "settlement": "feature 'settlement' says how a market ended",
    "hidden": "feature 'hidden' tells the result of all 120 events without one mistake",
}


@pytest.mark.parametrize("name", TELLING)
def test_a_label_among_the_features_is_refused_by_name(folder, tmp_path, name):
    markets = pl.read_csv(folder / "signals.csv").join(
        known_panel(folder / "store", pipeline(folder), None).markets.select("ticker", "settlement"), on="ticker"
    )
    named = markets.select("published", "ticker", "signal", pl.col("settlement").cast(pl.Float64).alias(name))
    named.write_csv(tmp_path / "signals.csv")
    with pytest.raises(InputError, match=TELLING[name]):
        engine.train(pipeline(tmp_path), store=folder / "store", out=tmp_path / "m", features=["signal", name])


AHEAD = """
import numpy as np
import polars as pl
from touchline.strategies import Table


class Ahead(Table):
    def prepare(self, panel):
        found = panel.computed({"x": pl.col("mark").shift(-1).over("market").cast(pl.Float64)})["x"]
        return {"ahead": np.nan_to_num(np.asarray(found, np.float64), nan=0.0)}


class Ends(Table):
    def prepare(self, panel):
        paid = panel.markets["settlement"].fill_null(-1).cast(pl.Float64).to_numpy()
        return {"ends": paid + np.arange(len(paid)) % 3 * 20_000}
"""


@pytest.mark.parametrize(("part", "name"), [("Ahead", "ahead"), ("Ends", "ends")])
def test_a_feature_that_knows_a_later_bar_or_the_end_is_caught(folder, tmp_path, part, name):
    from touchline.strategies.pipeline.pipeline import pipeline_of

    (tmp_path / "parts.py").write_text(AHEAD)
    made_of = {"tables": [{"name": f"parts.py:{part}"}], "scorer": {"name": "onnx", "file": "model"}}
    with pytest.raises(CheckError, match=rf"feature '{name}' of KXMADE-\d+-T\d changes .* it knows the future"):
        engine.train(
            pipeline_of(made_of, "made", tmp_path), store=folder / "store", out=tmp_path / "m", features=["mark", name]
        )


def test_what_cannot_be_learned_is_one_line(folder, tmp_path):
    store = folder / "store"

    def train(**given):
        engine.train(pipeline(folder), store=store, out=tmp_path / "m", **{"features": FEATURES, **given})

    with pytest.raises(InputError, match="no label is known"):
        train(until=BEGIN + 3 * HOUR)
    with pytest.raises(InputError, match="too little to learn from"):
        train(until=BEGIN + 10 * HOUR)
    with pytest.raises(InputError, match="feature 'sigma_500' is missing in every row"):
        train(features=["mark", "sigma_500"])
    with pytest.raises(InputError, match="there is no model 'logistics'; did you mean 'logistic'"):
        train(model="logistics")
    with pytest.raises(InputError, match="pipeline made has no parameter 'penal'; engine strategies lists"):
        train(params={"penal": 1})
    with pytest.raises(InputError, match="there is no feature 'signl'"):
        train(features=["signl"])
    assert not (tmp_path / "m").exists()


def test_one_class_is_one_line(tmp_path):
    store = made(tmp_path / "store", events=12)
    paid = store.markets().collect().drop("source", "import_id", strict=False)
    from touchline.io.store.chunk import Chunk
    from touchline.io.store.store import Store

    same = Store(tmp_path / "same")
    quotes = store.quotes().collect().drop("source", "import_id", strict=False)
    told = paid.with_columns(settlement=pl.lit(0), result=pl.lit("no"))
    same.ingest("made", "1", [Chunk({"markets": told, "quotes": quotes})])
    with pytest.raises(InputError, match="every market with a known result settled NO"):
        engine.train(pipeline(tmp_path), store=same, out=tmp_path / "m", features=FEATURES)


def test_a_folder_that_does_not_fit_is_refused(folder, trained, tmp_path):
    place = shutil.copytree(folder / "model", tmp_path / "model")
    shutil.copy(folder / "signals.csv", tmp_path)
    assert pipeline(tmp_path).scorer.names == list(FEATURES)
    with pytest.raises(InputError, match="was trained with features log_odds,signal,noise"):
        pipeline(tmp_path, features="mark")
    with pytest.raises(InputError, match="was trained with window 1"):
        pipeline(tmp_path, window=4)
    newest = place / trained.record.models[-1].file
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(DamagedError, match="is not as engine train wrote it"):
        pipeline(tmp_path).check()
    record = place / "model.toml"
    record.write_text(record.read_text().replace('kind = "logistic"', 'kind = "boosting"'))
    with pytest.raises(DamagedError, match="is not as engine train wrote it"):
        pipeline(tmp_path)
    record.write_text("format = 1")
    with pytest.raises(InputError, match="is no touchline-model of version 1"):
        pipeline(tmp_path)
    (place / FOLDS).write_bytes(b"")
    with pytest.raises(DamagedError, match="missing or not as engine train wrote it"):
        read_folds(place, trained.record)


def test_an_expired_model_is_refused_live(trained):
    ends = nanoseconds(trained.record.expires)
    trained.record.check_live(ends - 1)
    with pytest.raises(InputError, match="this model expired at"):
        trained.record.check_live(ends)


def interrupted(*args):
    raise KeyboardInterrupt


def test_progress_is_told_of_reading_of_the_proof_and_of_each_fold(folder, tmp_path):
    seen = []
    engine.train(
        pipeline(folder), "logistic", folder / "store", out=tmp_path / "m", features=FEATURES, folds=1,
        progress=lambda done, of: seen.append(done / of),
    )  # fmt: skip
    assert seen == sorted(seen) and seen[-1] == 1.0
    for low, high in ((0.0, 0.2), (0.2, 0.3), (0.3, 0.99)):
        assert any(low < one <= high for one in seen)


def test_the_command_trains_the_same(folder, trained, tmp_path, monkeypatch, capsys):
    (tmp_path / "made.toml").write_text(
        f'[[tables]]\nfile = "{folder}/signals.csv"\nby = "ticker"\n[scorer]\nname = "onnx"\nfile = "model"\n'
    )
    asked = ["train", str(tmp_path / "made.toml"), "--store", str(folder / "store"), "--out", str(tmp_path / "model")]
    monkeypatch.setattr(sys, "argv", ["engine", *asked, "--features", ",".join(FEATURES), "--json"])
    with monkeypatch.context() as pressed, pytest.raises(SystemExit) as ended:
        pressed.setattr(series, "predicted", interrupted)
        main()
    assert ended.value.code == 130
    assert f"stopped; this goes on where it was: engine {shlex.join(asked)} --features" in capsys.readouterr().err
    assert len(list((tmp_path / "model/unfinished").iterdir())) == 6
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = json.loads(capsys.readouterr().out)
    assert told["hash"] == trained.record.hash
