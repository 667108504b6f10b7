"""Sweeps of betting pipelines: rows are backtests, parts add up, axes are checked, the folder is like any other."""

from __future__ import annotations

import json
import sys

import polars as pl
import pytest
from touchline.engine.api.runs import show, sweep
from touchline.engine.bets.backtest import backtest
from touchline.engine.cli import main
from touchline.engine.cli.tell.sweeps import tell
from touchline.engine.figures.words import usd
from touchline.engine.results.results import read_sweep
from touchline.io.ground.errors import InputError
from touchline.strategies.pipeline.pipeline import load_pipeline

from ..histories import made_up

OPTIONS = {"min_score": 0.005, "max_spread": 10, "k": 20, "min_hours": 0, "max_positions": 20}
GRID = {"kelly_fraction": [0.1, 0.5, 1.0], "bollinger.width": "1:2:3", "sizing": ["kelly", "fixed-size"]}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("made") / "store", 11, markets=24, scalar=True)


@pytest.fixture(scope="module")
def swept(store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    return sweep("quant", store=store, out=folder, axes=GRID, params=OPTIONS, pictures=False)


def test_every_row_is_a_backtest_and_its_parts_add_up(store, swept):
    sweep = read_sweep(swept.folder)
    assert sweep.grid.height == 18
    cells = sweep.cells
    parts = pl.col("spread_capture") + pl.col("drift") + pl.col("settlement") + pl.col("rebates") - pl.col("fees")
    assert cells.filter(parts != pl.col("pnl")).is_empty()
    assert (cells["settlement"] != 0).any()
    by_period = sweep.periods.group_by("cell").agg(pl.col("pnl").sum()).sort("cell")["pnl"]
    by_market = cells.group_by("cell").agg(pl.col("pnl").sum()).sort("cell")["pnl"]
    assert by_period.to_list() == by_market.to_list()
    assert by_market.n_unique() > 9
    for cell in (0, 7, 17):
        setting = {one.name: one.setting(sweep.parameters(cell)[one.name]) for one in sweep.axes}
        alone = backtest(store, "quant", options=OPTIONS | setting)
        assert alone.run.pnl == by_market[cell]
        own = cells.filter(pl.col("cell") == cell)
        assert own["fills"].sum() == len(alone.run.trades) + len(alone.run.still_open)
        assert own["fees"].sum() == int(alone.run.account["fees"])


def test_events_live_as_long_as_their_markets(swept):
    names, begin, end, pnl = read_sweep(swept.folder).event_pnl
    assert len(names) == pnl.shape[0] == 16
    assert (begin < end).all()
    assert (end[1:] >= end[:-1]).all()
    assert swept.evidence.events == 16


def test_the_same_sweep_has_the_same_hash_and_goes_where_one_was(store, swept):
    again = sweep("quant", store=store, out=swept.folder, axes=GRID, params=OPTIONS, pictures=False)
    assert again.hash == swept.hash


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (["gama=1,2"], "has no parameter 'gama'"),
        (["kelly_fraction=0.5,2"], "kelly_fraction is 0 to 1, not 2"),
        (["step_minutes=5,60"], "shapes the data of all cells"),
        (["window_bars=5,60"], "several parts; write one of"),
        (["k=1,2", "k=3,4"], "given twice"),
        (["max_spread=1,2"], "both an axis and fixed"),
        (["sizing=kelly,kelly"], "names a value twice"),
        (["kelly_fraction"], "expected name=low:high:count"),
    ],
)
def test_a_wrong_axis_is_named(store, tmp_path, grid, message):
    with pytest.raises(InputError, match=message):
        sweep("quant", store=store, out=tmp_path / "out", axes=grid, params=OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_else_is_left_alone(store, tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(InputError, match="something else than a sweep"):
        sweep("quant", store=store, out=tmp_path, axes=["k=1,2"])


def test_the_command_sweeps_pipelines_too(store, tmp_path, monkeypatch, capsys):
    """With pictures and report; and an option of the other family is refused."""

    def engine(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["engine", "sweep", *arguments, "--store", store.path])
        try:
            main()
        except SystemExit as ended:
            return int(ended.code or 0)
        return 0

    out = tmp_path / "out"
    asked = ["-s", "quant", "--axis", "k=1,5,20", "--axis", "take_profit=0.1:0.4:4", "--set", "max_spread=10"]
    assert engine(*asked, "--out", str(out), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["top"]) == 10
    assert {"heatmap.png", "heatmap.html", "report.html", "best_robust.json", "sweep.json"} <= {
        path.name for path in out.iterdir()
    }
    assert json.loads((out / "sweep.json").read_text())["pipeline"] == load_pipeline("quant").with_values(
        max_spread=10
    ).as_dict() | {"folder": str(load_pipeline("quant").folder)}
    assert engine("-s", "quant", "--series", "KXA") == 2
    assert "--series belongs to quoting strategies" in capsys.readouterr().err


def test_what_is_the_portfolios_and_what_is_an_average_a_market_is_told(swept, capsys):
    """The averages of markets stood beside the portfolio's total under one name."""
    shown = show(swept.folder, top=1)
    tell(shown)
    printed = capsys.readouterr().out
    head = next(line for line in printed.splitlines() if line.startswith("cell"))
    assert "P&L, portfolio" in head
    assert "P&L a market" in head
    assert "cash" not in head
    best = swept.cells.group_by("cell").agg(total=pl.col("pnl").sum(), mean=pl.col("pnl").mean())
    row = best.row(by_predicate=pl.col("cell") == shown["top"][0]["cell"], named=True)
    assert shown["top"][0]["total_pnl"] == row["total"] == best["total"].max()
    assert (usd(row["total"]) in printed, usd(row["mean"]) in printed) == (True, True)
    assert "P&L in sample, all markets" in printed
