"""A maker's fair value: what a fill was worth, the rows of a quoting model, and what it reads of a trained series."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import pytest
from touchline import engine
from touchline.engine.live.served import served_signals
from touchline.engine.runs.trained_signals import check_live_signals, signal_notices
from touchline.engine.simulator.signals.matrix import signal_matrix
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.training.judging.skill import skill_of
from touchline.engine.training.learning.moments import ModelMoments, moments_of
from touchline.features.signals.flow import order_flow_imbalance
from touchline.features.signals.outside import onnx
from touchline.features.signals.signal import column_names
from touchline.io.ground.errors import CheckError, InputError
from touchline.io.ground.times import nanoseconds
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.onnx_fair_value import INPUTS, OnnxFairValue
from touchline.strategies.pipeline.pipeline import pipeline_of

SECOND, BEGIN = 10**9, 1_767_225_600 * 10**9
HOUR = 3_600 * SECOND
MOVE, PAIRS = 2, 6


def fills(folder, events=30, seed=0, luck=1, shuffle=False):
    """Markets in which a taker trades now and then, another one 5 s later, and 25 s later the mid follows the first.

    It moves by two cents to the first taker's side, and by up to ``luck`` cents either way. With ``shuffle`` the sides
    are another event's.
    """
    rng = np.random.default_rng(seed)
    sides, chance = rng.choice([-1, 1], (events, PAIRS)), rng.integers(-luck, luck + 1, (events, PAIRS))
    shown = sides[rng.permutation(events)] if shuffle else sides
    book, trades, markets = [], [], []
    for event in range(events):
        ticker, opened = f"KXMM-{event:03d}-A", BEGIN + event * HOUR
        book.append((opened, ticker, 2, 0, 0, 0))
        mid = 50
        book += [(opened, ticker, 0, side, (mid - side) * 100, 1_000) for side in (1, -1)]
        for pair in range(PAIRS):
            at = opened + (120 + 120 * pair) * SECOND
            for later, side in ((0, shown[event, pair]), (5, rng.choice([-1, 1]))):
                trades.append((at + later * SECOND, ticker, (mid + int(side)) * 100, 10 if later else 500, int(side)))
            new = mid + MOVE * int(sides[event, pair]) + int(chance[event, pair])
            if new != mid:
                for side in (1, -1):
                    book.append((at + 30 * SECOND, ticker, 0, side, (mid - side) * 100, -1_000))
                    book.append((at + 30 * SECOND, ticker, 0, side, (new - side) * 100, 1_000))
            mid = new
        book.append((opened + 900 * SECOND, ticker, 0, 1, 100, 500))
        markets.append({"ticker": ticker, "series": "KXMM", "event": ticker[:-2], "open_ts": opened,
                        "close_ts": opened + 1_000 * SECOND})  # fmt: skip
    store = Store(folder)
    names = ("ts", "ticker", "kind", "side", "price", "size")
    tables = {
        "markets": pl.DataFrame(markets), "book": pl.DataFrame(book, schema=names, orient="row"),
        "trades": pl.DataFrame(trades, schema=("ts", "ticker", "price", "size", "taker_side"), orient="row"),
    }  # fmt: skip
    store.ingest("made up", f"{seed} {luck}", [Chunk(tables)])
    return store


def reading(folder):
    return type("Reading", (OnnxFairValue,), {"signals": {**OnnxFairValue.signals, "fair": onnx(folder, INPUTS)}})


def train(folder, out, **given):
    asked = {"target": "fill-value:60s", "embargo": "1m", **given}
    return engine.train("onnx-fair-value", store=folder / "store", out=out, **asked)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("fills")
    fills(place / "store")
    return place


@pytest.fixture(scope="module")
def trained(folder):
    return train(folder, folder / "fair")


def test_the_value_of_a_fill_is_what_the_page_says(tmp_path):
    """Mids of 50 cents, 53 from 10 s on, 51 from 40 s, 60 from 70 s; fills at 12, 45 and 71 s; close at 100 s."""
    ticker, book = "KXV-1", [(BEGIN, "KXV-1", 2, 0, 0, 0)]
    book += [(BEGIN, ticker, 0, side, (50 - side) * 100, 1_000) for side in (1, -1)]
    for at, before, after in ((10, 50, 53), (40, 53, 51), (70, 51, 60)):
        for side in (1, -1):
            book.append((BEGIN + at * SECOND, ticker, 0, side, (before - side) * 100, -1_000))
            book.append((BEGIN + at * SECOND, ticker, 0, side, (after - side) * 100, 1_000))
    trades = [(BEGIN + at * SECOND, ticker, 5_000, 100, 1) for at in (12, 45, 71)]
    store = Store(tmp_path)
    tables = {
        "markets": pl.DataFrame([{"ticker": ticker, "series": "KXV", "event": "KXV", "open_ts": BEGIN,
                                  "close_ts": BEGIN + 100 * SECOND}]),
        "book": pl.DataFrame(book, schema=("ts", "ticker", "kind", "side", "price", "size"), orient="row"),
        "trades": pl.DataFrame(trades, schema=("ts", "ticker", "price", "size", "taker_side"), orient="row"),
    }  # fmt: skip
    store.ingest("made up", "v", [Chunk(tables)])
    tape, source = compile_tape(store, ticker), ModelMoments("onnx-fair-value", OnnxFairValue)

    def told(target):
        found = moments_of(tape, source.target(target))
        seconds = (tape.columns.ts[found.event[found.learned]] - BEGIN) // SECOND
        return list(
            zip(seconds.tolist(), found.value.tolist(), ((found.known - BEGIN) // SECOND).tolist(), strict=True)
        )

    # a fill at 12 s is decided on at 10 s, when the mid is 53; 30 s after the fill it is 51
    assert told("fill-value:30s") == [(10, -2.0, 42), (40, 9.0, 75)]  # the third fill's time ends after the close
    assert told("fill-value:25s") == [(10, 0.0, 37), (40, 9.0, 70), (70, 0.0, 96)]  # events at 70 s count
    moments = [(0, 3.0, 30), (10, -2.0, 40), (12, -2.0, 42), (40, 9.0, 70), (45, 9.0, 75), (70, 0.0, 100)]
    assert told("markout:30s") == moments


@pytest.mark.slow
def test_a_planted_value_is_found_with_the_skill_of_who_knows_it(tmp_path):
    """Half of the rows know the first taker; of those all but the variance of luck is explained."""
    fills(tmp_path / "store", events=150, luck=2)
    found = train(tmp_path, tmp_path / "fair")
    late = found.folds.filter(found.folds["serves_from"] >= found.record.models[-3].since)
    p, y = late["prediction"].to_numpy(), late["label"].to_numpy()
    skill = skill_of((p - y) ** 2, y**2, late["event"].to_numpy())
    assert abs(skill.skill - 0.5 * MOVE**2 / (MOVE**2 + 2)) < 2 * skill.standard_error


def test_a_value_is_learned(trained):
    assert trained.has_skill and trained.skill["reference"] == "the mid"
    assert trained.record.gives == "cents" and trained.record.parity["largest"] < 1e-6


def test_sides_of_another_event_have_no_skill(tmp_path):
    fills(tmp_path / "store", shuffle=True, seed=1)
    found = train(tmp_path, tmp_path / "fair").skill["squared"]
    assert abs(found["skill"]) < 2 * found["standard_error"] + 1e-6


def test_a_signal_is_served_what_was_predicted_out_of_fold(folder, trained):
    model, names = reading(folder / "fair"), column_names(OnnxFairValue.signals)
    assert names[-1] == "fair"
    for ticker in trained.folds["ticker"].unique().to_list()[:3]:
        tape = compile_tape(Store(folder / "store"), ticker)
        own = trained.folds.filter(pl.col("ticker") == ticker)
        at = np.searchsorted(tape.columns.ts, own["ts"].to_numpy(), side="right") - 1
        served = signal_matrix(tape, model.signals)[at, -1]
        np.testing.assert_allclose(served, own["prediction"].to_numpy(), rtol=0, atol=1e-6)
    first = compile_tape(Store(folder / "store"), "KXMM-000-A")
    assert np.isnan(signal_matrix(first, model.signals)[:, -1]).all()  # before the first model nothing is said
    assert set(trained.record.definitions) == set(INPUTS)


def test_audit_and_update_read_the_same_rows(folder, trained, tmp_path):
    half = train(folder, tmp_path / "half", until=BEGIN + 25 * HOUR, every="6h")
    found = engine.train(update=tmp_path / "half", store=folder / "store")
    assert len(found.record.models) > len(half.record.models)
    audited = engine.audit_model(tmp_path / "half")
    assert audited.has_skill
    assert audited.by_edge[-1]["edge"] > 0.01 > audited.by_edge[0]["edge"]


def test_a_replay_warns_and_a_session_refuses(folder, trained):
    tape = compile_tape(Store(folder / "store"), "KXMM-029-A")
    told = [notice.name for notice in signal_notices(tape, reading(folder / "fair"))]
    assert "no-skill" not in told
    ends = nanoseconds(trained.record.expires)
    check_live_signals(reading(folder / "fair"), ends - 1)
    with pytest.raises(InputError, match=r"^fair expired at .*: train it again"):
        check_live_signals(reading(folder / "fair"), ends)


def test_a_session_counts_what_trained_signals_are_served(folder, trained):
    """Over all markets: values as they were learned from may go on, others may not, nor may an old model."""
    model, ends = reading(folder / "fair"), nanoseconds(trained.record.expires)
    tapes = [compile_tape(Store(folder / "store"), f"KXMM-{event:03d}-A") for event in range(30)]
    rows = [signal_matrix(tape, model.signals) for tape in tapes]
    since = trained.record.models[-1].since
    served, moved = served_signals(model), served_signals(model)
    assert served is not None and moved is not None
    for tape, values in zip(tapes, rows, strict=True):
        later = tape.columns._replace(ts=tape.columns.ts - tape.columns.ts[0] + since)
        for _ in range(4):
            for part in (slice(0, 7), slice(7, None)):  # as batches of a stream
                events = type(later)(*(column[part] for column in later))
                served.see(tape.market.ticker, events, values[part])
                moved.see(tape.market.ticker, events, values[part] * 3 + 5)
    assert served.refusal(ends - 1) is None
    told = moved.refusal(ends - 1)
    assert told is not None and re.match(r"^fair reads what has moved: .*; 0\.25 is the limit: train it again", told)
    assert (served.refusal(ends) or "").startswith("fair expired at ")
    assert served_signals(OnnxFairValue) is None
    before = served_signals(model)
    assert before is not None
    before.see("A", tapes[0].columns._replace(ts=tapes[0].columns.ts - 10**18), rows[0] * 3)
    assert before.refusal(ends - 1) is None


def test_what_does_not_fit_is_one_line(folder, trained, tmp_path):
    tape = compile_tape(Store(folder / "store"), "KXMM-001-A")
    other = {**OnnxFairValue.signals, "imbalance": order_flow_imbalance(20.0), "fair": onnx(folder / "fair", INPUTS)}
    with pytest.raises(InputError, match=r"was trained with signal imbalance, definition .*: train it again"):
        signal_matrix(tape, other)
    with pytest.raises(InputError, match=r"was trained with inputs imbalance, .*; declared are flow"):
        signal_matrix(tape, {**OnnxFairValue.signals, "fair": onnx(folder / "fair", ["flow"])})
    with pytest.raises(InputError, match="is a model of fill-value:60s, which a quoting model reads as a signal"):
        pipeline_of({"scorer": {"name": "onnx", "file": str(folder / "fair")}}, "p", tmp_path)
    for given, text in {
        "outcome": "target= of a quoting model is fill-value:60s or markout:60s",
        "fill-value:0s": "target= of a quoting model is fill-value:60s",
    }.items():
        with pytest.raises(InputError, match=text):
            train(folder, tmp_path / "m", target=given)
    with pytest.raises(InputError, match="there is no signal 'flw' of onnx-fair-value; did you mean 'flow'"):
        train(folder, tmp_path / "m", features=["flw"])
    with pytest.raises(InputError, match="fixed-spread declares no signals"):
        engine.train("fixed-spread", store=folder / "store", out=tmp_path / "m", target="markout:60s")
    with pytest.raises(InputError, match="market 'X' has no events"):
        train(folder, tmp_path / "m", market="X")
    with pytest.raises(InputError, match="nothing to learn"):
        train(folder, tmp_path / "m", target="markout:1s", market="KXMM-001-A", features=["micro"])
    with pytest.raises(InputError, match="market= belongs to quoting strategies"):
        engine.train("quant", store=folder / "store", out=tmp_path / "m", market="X")
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_a_network_over_time_is_no_signal(folder, tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(InputError, match="asked for one row at a time"):
        train(folder, tmp_path / "m", model="lstm")


def test_a_signal_that_knows_the_future_is_caught(folder, tmp_path, monkeypatch):
    from touchline.engine.simulator import lookahead

    def peeking(tape, signals):
        made = np.array(signal_matrix(tape, signals))
        made[:-1, 1] = made[1:, 1]  # one event into the future
        return made

    monkeypatch.setattr(lookahead, "signal_matrix", peeking)
    with pytest.raises(CheckError, match=r"the signal flow is .*: it knows the future"):
        train(folder, tmp_path / "m")
