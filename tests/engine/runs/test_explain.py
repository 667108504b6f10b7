"""The explanation of a quote: made by the same code again, and the same as what the replay quoted."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.runs.explain import explain
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.replay import replay
from touchline.io.ground.errors import InputError
from touchline.io.ground.units import cents, contracts
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread

from ...program import engine
from ..simulator.quoters import Reads
from ..simulator.test_replay import SECOND, made_store, noise_tape

SETTINGS = {
    "at once": Assumptions(queue="touch@1"),
    "delayed": Assumptions(queue="touch@1", feed_ms=30, entry_ms="uniform:20:90", response_ms=20, position_limit=12),
}


@pytest.fixture(scope="module")
def tape():
    return noise_tape(seconds=60)


@pytest.mark.parametrize("name", ["at once", pytest.param("delayed", marks=pytest.mark.slow)])
def test_what_is_explained_is_what_was_quoted(tape, name):
    given = {"gamma": 0.4, "size": 5}
    run = replay(tape, AvellanedaStoikov, given, SETTINGS[name])
    quotes, fills = run.quotes, run.fills
    delay = 100_000_000 if name == "delayed" else 0
    told = 0
    for ts in range(int(tape.columns.ts[0]) + 5 * SECOND, int(tape.columns.ts[-1]), 7 * SECOND + 12_345):
        found = explain(tape, AvellanedaStoikov, given, SETTINGS[name], ts)
        assert ts - 2 * SECOND < found.decided_ts <= ts
        stood = quotes.filter(pl.col("ts") <= ts)[-1].to_dicts()[0]
        resting = [
            f"{side}: {contracts(stood[f'{side}_size'])} at {cents(stood[side])}, "
            if stood[f"{side}_size"]
            else f"{side}: none"
            for side in ("bid", "ask")
        ]
        if len(fills.filter((pl.col("ts") > stood["ts"]) & (pl.col("ts") <= ts))):
            continue
        assert [line.startswith(text) for line, text in zip(found.resting, resting, strict=False)] == [True, True]
        if found.decided_ts + delay < ts and found.known["trigger"] >= 0 and "messages" not in str(found.resting):
            later = quotes.filter((pl.col("ts") > found.decided_ts + delay) & (pl.col("ts") <= ts))
            if not len(later):
                told += 1
                assert [text.split(", ")[0].split(": ")[1] for text in found.resting] == list(found.wanted)
    assert told >= 3


def test_the_values_inside_are_those_of_the_formula(tape):
    ts = int(tape.columns.ts[-1]) - SECOND
    found = explain(tape, AvellanedaStoikov, {"gamma": 0.4, "size": 5}, SETTINGS["at once"], ts)
    risk = 0.4 * found.known["variance"] * found.known["tau"]
    centre = found.known["mid"] - found.known["position"] / 5 * risk
    assert found.inside["reservation price, cents"] == pytest.approx(centre, abs=1e-12)
    half = found.inside["half spread, cents"]
    assert found.asked[:2] == pytest.approx((centre - half, centre + half), abs=1e-12)


@pytest.mark.slow
def test_rules_that_change_a_quote_are_named(tape):
    ts = int(tape.columns.ts[0]) + 30 * SECOND
    assumed = Assumptions(queue="touch@1", position_limit=3)
    wide = explain(tape, FixedSpread, {"half_spread": 0.0, "size": 50}, assumed, ts)
    assert any("the position limit" in line or "leaves no room" in line for line in wide.because)
    crossing = explain(
        tape, FixedSpread, {"half_spread": 1.0, "skew": 100, "size": 1}, Assumptions(queue="touch@1"), ts
    )
    if crossing.known["position"]:
        assert any("post-only keeps it off the other side" in line for line in crossing.because)


@pytest.mark.parametrize(
    ("seconds", "message"), [(-5, "lies outside of the events"), (0.001, "nothing was quoted up to")]
)
def test_a_moment_without_a_decision_is_named(tape, seconds, message):
    with pytest.raises(InputError, match=message):
        explain(tape, FixedSpread, {}, Assumptions(queue="touch@1"), int(tape.columns.ts[0]) + int(seconds * SECOND))


def test_the_command_explains(tmp_path: Path, tape):
    made_store(tmp_path / "store", tape)
    given = ["--strategy", "avellaneda-stoikov", "--market", "MADE-UP", "--store", str(tmp_path / "store")]
    ts = int(tape.columns.ts[0]) + 30 * SECOND
    moment = f"{pl.from_epoch(pl.Series([ts // SECOND]))[0].isoformat()}Z"
    shown = engine("explain", *given, "--at", moment)
    assert shown.returncode == 0, shown.stderr
    for text in ("reservation price, cents", "half spread, cents", "sigma", "on the grid", "resting at the moment"):
        assert text in shown.stdout
    (last,) = [line for line in shown.stdout.splitlines() if line.startswith("trigger")]
    assert last.split("│")[1].strip() in ("a change of the book", "a trade", "the clock")
    told = json.loads(engine("explain", *given, "--at", moment, "--json").stdout)
    assert told["decided_ts"] <= ts
    assert "own_bid" in told["known"]
    assert not {"fills", "average_cost", "last_trade_price"} & set(told["known"])  # it reads none of them
    refused = engine("backtest", *given, "--explain", moment)
    assert refused.returncode == 2
    assert "write engine explain --at TIME" in refused.stderr


def test_the_state_the_history_and_the_levels_behind_a_quote_are_shown(tape, monkeypatch):
    monkeypatch.setattr("touchline.engine.simulator.prepare.kernel", interpreted)
    ts = int(tape.columns.ts[0]) + 20 * SECOND
    given = {"half": 0.5, "step": 1.0, "size": 2.0}
    with np.errstate(divide="ignore", invalid="ignore"):
        found = explain(tape, Reads, given, SETTINGS["at once"], ts)
    assert found.known["bids_1"] == found.known["bid"]
    assert found.known["fills"] == found.state["fills, after"]
    assert found.state["bid, after"] == found.known["bids_2"]
    assert [line.split(": ")[0] for line in found.ladder] == ["bid 1", "ask 1", "bid 2", "ask 2"]
    assert len(found.resting) == 4
