"""`engine strategies` and `engine summary` on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from touchline.engine.directional import backtest
from touchline.engine.directional_results import DirectionalResult

from .histories import made_up

ENGINE = Path(sys.executable).with_name("engine")


def engine(*arguments):
    return subprocess.run([str(ENGINE), *arguments], capture_output=True, text=True, check=False)


def test_strategies_lists_everything_with_its_parameters():
    listed = json.loads(engine("strategies", "--json").stdout)
    names = {(entry["kind"], entry["name"]) for entry in listed}
    assert {("pipeline", "quant"), ("scorer", "onnx"), ("filter", "spread"), ("quoting model", "glft")} <= names
    assert len([kind for kind, _ in names if kind == "scorer"]) == 11
    taker = next(entry for entry in listed if entry["name"] == "taker")
    defaults = {p["name"]: p["default"] for p in taker["parameters"]}
    wanted = {"capital": 10_000, "max_position": 100, "max_positions": 5, "kelly_fraction": 0.25}
    wanted |= {"max_position_pct": 0.25, "take_profit": 0.2, "stop_loss": 0.15, "max_hold_hours": 72}
    assert {name: defaults[name] for name in wanted} == wanted


def test_one_strategy_or_a_hint():
    assert "window_bars" in engine("strategies", "bollinger").stdout
    wrong = engine("strategies", "bolinger")
    assert wrong.returncode == 2
    assert "did you mean 'bollinger'?" in wrong.stderr


def test_summary_shows_a_result_again(tmp_path):
    found = backtest(made_up(tmp_path / "store", 1), "quant", options={"max_spread": 10, "min_score": 0.005})
    DirectionalResult(found).write(tmp_path / "out")
    shown = engine("summary", "--results-file", str(tmp_path / "out" / "result.json"))
    assert shown.returncode == 0
    assert "maximum drawdown" in shown.stdout
    assert "warning: few-events" in shown.stderr
    document = json.loads(engine("summary", "--results-file", str(tmp_path / "out"), "--json").stdout)
    assert document["strategy"]["name"] == "quant"
    missing = engine("summary", "--results-file", str(tmp_path / "nothing.json"))
    assert missing.returncode == 2
    assert "no results file" in missing.stderr
