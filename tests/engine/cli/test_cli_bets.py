"""`engine strategies`, `backtest` with a pipeline, `summary` and `verify` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.results import BetsResult
from touchline.engine.runs.result import Result

from ...program import engine
from ..histories import made_up
from ..reports.pages import unpacked


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


def test_all_strategies_stand_in_one_table_and_one_shows_its_parameters():
    """The list was three hundred lines long."""
    every = engine("strategies")
    assert len(every.stdout.splitlines()) < 60
    assert "``" not in every.stdout
    assert "engine strategies NAME" in every.stderr
    assert "half_spread" in engine("strategies", "fixed-spread").stdout


def test_one_strategy_or_a_hint():
    assert "window_bars" in engine("strategies", "bollinger").stdout
    wrong = engine("strategies", "bolinger")
    assert wrong.returncode == 2
    assert "did you mean 'bollinger'?" in wrong.stderr


def test_a_pipeline_is_shown_with_what_it_holds():
    shown = engine("strategies", "quant")
    assert shown.returncode == 0
    assert "\\n" not in shown.stdout
    rows = [[cell.strip() for cell in line.split("│")] for line in shown.stdout.splitlines()]
    for row in (
        ["filter", "price-band", "low", "5"],
        ["member", "momentum", "weight", "0.5"],
        ["selector", "diversified", "k", "3"],
        ["executor", "taker", "kelly_fraction", "0.25"],
    ):
        assert row in rows


def test_summary_shows_a_result_again(tmp_path):
    found = backtest(made_up(tmp_path / "store", 1), "quant", options={"max_spread": 10, "min_score": 0.005})
    Result(BetsResult(found).recorded).write(tmp_path / "out")
    shown = engine("summary", str(tmp_path / "out"))
    assert shown.returncode == 0
    assert "maximum drawdown" in shown.stdout
    assert "warning: few-events" in shown.stderr
    document = json.loads(engine("summary", str(tmp_path / "out"), "--json").stdout)
    assert document["strategy"]["name"] == "quant"
    missing = engine("summary", str(tmp_path / "nothing"))
    assert missing.returncode == 2
    assert "no folder of results" in missing.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a store, a folder of CSV files and a pipeline file."""
    place = tmp_path_factory.mktemp("backtests")
    made_up(place / "data", 1)
    (place / "csv").mkdir()
    markets = "ticker,title,category,open_time,close_time,result,status,yes_bid,yes_ask,volume,open_interest\n"
    trades = "timestamp,ticker,price,volume,taker_side\n"
    for m in range(6):
        ticker = f"KXA-{m}-T1"
        closes = "2024-01-05T00:00:00Z,yes,finalized,,,9,0"
        markets += f"{ticker},Title,Weather,2024-01-01T00:00:00Z,{closes}\n"
        for h in range(90):
            trades += f"2024-01-0{1 + h // 24}T{h % 24:02d}:30:00Z,{ticker},{30 + (h * 7 + m) % 40},{50 + h},yes\n"
    (place / "csv/markets.csv").write_text(markets)
    (place / "csv/trades.csv").write_text(trades + "2024-01-01T00:30:00Z,KXA-1-T1,nonsense,5,yes\n")
    (place / "mine.toml").write_text('[source]\nstep_minutes = 30\n[scorer]\nname = "mean-reversion"\n')
    told = '[[tables]]\nfile = "news.csv"\n[scorer]\nname = "momentum"\n'
    (place / "tabled.toml").write_text(told)
    (place / "news.csv").write_text("published,mood\n2024-01-01,1\n2024-01-02,up\n")
    (place / "modelled.toml").write_text('[scorer]\nname = "ensemble"\n[[scorer.members]]\nname = "onnx"\n')
    return place


def test_backtest_bets_with_the_issue_s_options_and_the_folder_is_whole(folder):
    options = ["--start", "2024-01-01", "--end", "2024-01-06", "--capital", "5000", "--max-position", "500"]
    options += ["--max-positions", "10", "--kelly-fraction", "0.5", "--max-position-pct", "0.2", "--take-profit", "0.3"]
    options += ["--stop-loss", "0.1", "--max-hold-hours", "24", "--compare-random", "--seed", "5", "--json"]
    done = engine("backtest", "--strategy", "mine.toml", "--store", "csv", *options, "--set", "k=5", where=folder)
    assert done.returncode == 0, done.stderr
    assert any("1 rows cannot be used" in note for note in json.loads(done.stdout)["notes"])
    told = json.loads(done.stdout)
    executor = told["strategy"]["executor"]
    wanted = {"capital": 5000, "max_position": 500, "max_positions": 10, "kelly_fraction": 0.5}
    wanted |= {"max_position_pct": 0.2, "take_profit": 0.3, "stop_loss": 0.1, "max_hold_hours": 24}
    assert {name: executor[name] for name in wanted} == wanted
    assert (told["strategy"]["selector"]["k"], told["strategy"]["source"]["step_minutes"]) == (5, 30)
    assert told["random"]["portfolios"] == 200
    assert 0 <= told["random"]["beaten"] <= 1
    assert told["figures"]["trades"] > 10
    kept = folder / "results/mine"
    assert {path.name for path in kept.iterdir()} == {
        "trades.parquet", "equity.parquet", "candidates.parquet", "checksums.json", "run.json"
    }  # fmt: skip
    assert json.loads((kept / "run.json").read_text()) == told
    again = engine("verify", "results/mine", where=folder)
    assert (again.returncode, told["result_hash"] in again.stdout) == (0, True)
    record = kept / "run.json"
    record.write_text(record.read_text().replace(told["result_hash"], "0" * 16))
    changed = engine("verify", "results/mine", where=folder)
    assert (changed.returncode, "run.json is not as it was written" in changed.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-s", "quant", "--market", "X"], "--market belongs to quoting strategies, and quant is a betting pipeline"),
        (["-s", "quant", "--latency-ms", "0"], "--latency-ms belongs to quoting strategies"),
        (["-s", "glft", "-m", "X", "--capital", "5"], "--capital belongs to betting pipelines, and glft is a quoting"),
        (["-s", "glft", "-m", "X", "--compare-random"], "--compare-random belongs to betting pipelines"),
        (["-s", "glft", "-m", "X", "--latency-ms", "-5"], "--latency-ms is a number from 0 to 86400000, or a law"),
        (["-s", "qant"], "there is no strategy 'qant'; did you mean 'quant'?"),
        (["-s", "none.toml"], "there is no pipeline file none.toml"),
        (["-s", "quant", "--capitl", "5"], "--capital"),
        (["-s", "quant", "--kelly-fraction", "2"], "kelly_fraction is 0 to 1, not 2"),
        (["-s", "quant", "--set", "gama=2"], "has no parameter 'gama'"),
        (["-s", "quant", "--set", "gamma"], "expected name=value"),
        (["-s", "quant", "--start", "yesterday"], "start 'yesterday' is not an ISO 8601 time"),
        (
            ["-s", "quant", "--start", "2024-02-01", "--end", "2024-01-01"],
            "its start 2024-02-01 is not before its end 2024-01-01",
        ),
        (["-s", "quant", "--store", "nowhere"], "there is no store at"),
        (["-s", "tabled.toml", "--store", "nowhere"], "news.csv, line 3: mood 'up' cannot be read"),
        (["-s", "modelled.toml", "--store", "nowhere"], "onnx: there is no model file"),
        (["-s", "quant", "--out", "mine.toml"], "cannot write to mine.toml"),
    ],
)
def test_what_is_wrong_is_said_and_exit_code_2(folder, arguments, says):
    done = engine("backtest", *arguments, where=folder)
    assert done.returncode == 2
    assert says in done.stderr
    assert not done.stdout


def test_report_makes_a_page_of_bets(folder):
    asked = ["backtest", "-s", "mine.toml", "--store", "csv", "--out", "one", "--compare-random"]
    bet, reported = (engine(*words, where=folder) for words in (asked, ["report", "one"]))
    assert (bet.returncode, reported.returncode) == (0, 0)
    page = (folder / "one/report.html").read_text()
    assert page.count('class="chart"') == 3  # equity, random portfolios, reliability: every group is of one
    for words in ("<b>few-events</b>", "What became of the candidates", "by price band"):
        assert words in page
    assert any("among 200 random portfolios" in chart for chart in unpacked(page))
    assert "Sharpe ratio" in bet.stdout
