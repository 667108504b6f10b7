"""A finished sweep's files: choices, evidence, pictures and the page, which fetches nothing."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import polars as pl
import pytest
from touchline.engine.api.runs import report, show
from touchline.engine.cli.tell.sweeps import tell
from touchline.engine.reports import pictures
from touchline.engine.reports.conclusions import conclude
from touchline.engine.reports.drawing import Drawer
from touchline.engine.results.results import Axis, Run, read_results, read_sweep
from touchline.engine.results.selection import best_plateau
from touchline.io.ground.errors import CheckError, InputError


def offline(page: str) -> None:
    """Nothing in the page makes a browser ask for another file."""
    assert "default-src 'none'" in page
    own = re.sub(r"<script.*?</script>", "", page, flags=re.S)  # the policy above holds for what scripts may do
    assert not re.search(r"<script[^>]+src=", page)
    assert not re.search(r"<(?:img|iframe|link|a)\b", own)
    assert "@import" not in own


@pytest.fixture
def run_folder(tmp_path):
    rng = np.random.default_rng(3)
    count = 5_000
    ts = 1_767_225_600_000_000_000 + np.arange(count) * 10**10
    mid = np.clip(5_000 + np.cumsum(rng.integers(-20, 21, count)), 500, 9_500)
    position = np.cumsum(rng.integers(-100, 101, count))
    equity = np.cumsum(rng.integers(-9_000, 10_000, count))
    folder = tmp_path / "run"
    folder.mkdir()
    frame = {"ts": ts, "cash": equity, "position": position, "mid": mid, "equity": equity}
    pl.DataFrame(frame).write_parquet(folder / "equity.parquet")
    pl.DataFrame({"ts": ts, "bid": mid - 150, "ask": mid + 150}).write_parquet(folder / "quotes.parquet")
    at = np.sort(rng.choice(count, 60, replace=False))
    side = rng.choice([1, -1], 60)
    fills = {
        "ts": ts[at],
        "side": side,
        "price": mid[at] - 150 * side,
        "size": np.full(60, 250),
        "fee": np.full(60, 4_400),
    }
    fills |= {"rebate": np.zeros(60, dtype=np.int64), "position": position[at], "mid": mid[at]}
    fills |= {
        "markout_1s": rng.normal(1, 1, 60),
        "markout_10s": rng.normal(0.5, 1, 60),
        "markout_settlement": rng.normal(0, 9, 60),
    }
    pl.DataFrame(fills).write_parquet(folder / "fills.parquet")
    about = {
        "strategy": "avellaneda-stoikov",
        "markets": ["SYNX-26JAN01-B5000"],
        "parameters": {"gamma": 0.1, "kappa": 1.5},
        "venue": {"queue": "power@3"},
        "warnings": [{"name": "few-fills", "detail": "60"}],
        "summary": {"pnl": 1_250_000, "spread_capture": 2_000_000, "drift": -500_000, "settlement": 0}
        | {"rebates": 0, "fees": 250_000, "fills": 60},
    }
    (folder / "run.json").write_text(json.dumps(about))
    return folder


def test_conclude_writes_every_file(make_sweep):
    folder = make_sweep(edge=True, events=12)
    with Drawer() as drawer:
        evidence = conclude(read_sweep(folder), folder, drawer)
    sweep = read_sweep(folder)
    best = json.loads((folder / "best_overall.json").read_text())
    assert best["score"] == sweep.grid["pnl"].max()
    assert json.loads((folder / "best_robust.json").read_text())["cell"] == evidence.cell == best_plateau(sweep).cell
    by_market = json.loads((folder / "best_by_market.json").read_text())
    assert set(by_market) == set(sweep.cells["market"])
    markets = json.loads((folder / "market_results.json").read_text())["markets"]
    assert markets["KXTEST-003-B1"]["best"]["cell"] == by_market["KXTEST-003-B1"]["cell"]
    own = sweep.cells.filter(pl.col("market") == "KXTEST-003-B1", pl.col("cell") == evidence.cell)
    assert markets["KXTEST-003-B1"]["robust"]["pnl"] == own["pnl"][0]
    overall = json.loads((folder / "overall_results.json").read_text())
    assert len(overall["cells"]) == 25
    assert overall["warnings"] == [notice.as_row() for notice in evidence.notices]
    for name in ("heatmap", "heatmap_markets"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (folder / f"{name}.svg").read_text()
    for name in ("heatmap", "report"):
        offline((folder / f"{name}.html").read_text())
    assert not list(folder.glob(".*"))


def test_sweep_page_puts_warnings_and_the_label_first(make_sweep):
    page = report(make_sweep(events=5, series="SYNX")).read_text()
    assert '<span class="label">synthetic data</span>' in page
    assert page.index("few-events") < page.index("In short") < page.index("Is it luck?")
    assert "synthetic data</span>" not in report(make_sweep("real", events=5)).read_text()


def test_show_returns_and_prints_the_same(make_sweep, capsys):
    folder = make_sweep(edge=True, events=12)
    shown = show(folder, top=3)
    assert shown["top"][0]["cell"] == shown["overall"]["cell"]
    assert len(shown["top"]) == 3
    assert len(shown["effects"]) == 10
    json.dumps(shown, allow_nan=False)
    tell(shown)
    printed = capsys.readouterr()
    assert "Highest P&L, averages over 24 markets" in printed.out
    assert "probability of overfitting" in printed.out
    assert "warning: few-events" in printed.err


def test_heat_map_shows_each_cells_average_and_rings_the_choice(make_sweep):
    sweep = read_sweep(make_sweep(events=3))
    drawn = pictures.spec(pictures.heat_map(sweep, {"robust choice": {"gamma": 0.2, "kappa": 2.5}}))
    sets = list(drawn["datasets"].values())
    cells = next(rows for rows in sets if len(rows) == 25)
    expected = {(row["gamma"], row["kappa"]): row["pnl"] / 1e6 for row in sweep.grid.iter_rows(named=True)}
    assert {(row["gamma"], row["kappa"]): row["dollars"] for row in cells} == pytest.approx(expected)
    assert [{"gamma": 0.2, "kappa": 2.5, "cell": "robust choice"}] in sets
    scale = drawn["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert scale[0] == -scale[2]
    assert scale[1] == 0


def test_heat_maps_of_three_axes_say_what_became_of_the_third(make_sweep, tmp_path):
    two = read_sweep(make_sweep(events=2))
    larger = two.cells.with_columns(pl.col("cell") + 25, size=pl.lit(2.0), pnl=pl.col("pnl") + 4_000_000)
    cells = pl.concat([two.cells.with_columns(size=pl.lit(1.0)), larger.select(*two.cells.columns, "size")])
    three = dataclasses.replace(two, axes=(*two.axes, Axis("size", (1.0, 2.0))), frames={**two.frames, "cells": cells})
    told = "Each field is the average over all values of "
    for chart in (pictures.heat_map(three), pictures.market_heat_maps(three)):
        assert chart is not None
        shown = {axis.name for axis in pictures.main_axes(three)}
        (out,) = {"gamma", "kappa", "size"} - shown
        count = 2 if out == "size" else 5
        assert chart.to_dict(validate=True)["title"]["subtitle"] == [f"{told}{out} ({count} values)"]
    fields = next(rows for rows in pictures.spec(pictures.heat_map(three))["datasets"].values() if len(rows) > 2)
    names = [axis.name for axis in pictures.main_axes(three)]
    averages = three.grid.group_by(names).agg(pl.col("pnl").mean() / 1e6)
    expected = {tuple(row[:2]): row[2] for row in averages.iter_rows()}
    assert {tuple(row[name] for name in names): row["dollars"] for row in fields} == pytest.approx(expected)
    assert pictures.spec(pictures.heat_map(two))["title"]["subtitle"] == []
    many = tuple(dataclasses.replace(axis, values=tuple(np.linspace(0.01, 5, 70))) for axis in three.axes[:2])
    scattered = dataclasses.replace(three, axes=(*many, three.axes[2]))
    assert any("which is not shown" in line for line in pictures.left_out(scattered))


def test_charts_keep_to_the_schema(make_sweep, run_folder):
    sweep = read_sweep(make_sweep(events=3))
    run = read_results(run_folder)
    assert isinstance(run, Run)
    drawn = [pictures.heat_map(sweep, {"robust choice": {"gamma": 0.2, "kappa": 2.5}}), pictures.effects(sweep)]
    drawn += [pictures.market_heat_maps(sweep), pictures.cell_curve(sweep, 3), pictures.run_curves(run)]
    drawn += [pictures.markouts(run.fills), pictures.decomposition(dict.fromkeys(pictures.PARTS, 1.0))]
    for chart in drawn:
        assert chart is not None
        assert chart.to_dict(validate=True)["$schema"].endswith(".json")


def test_one_axis_is_a_line_and_none_is_a_bar(make_sweep):
    one = read_sweep(make_sweep("one", events=2, kappa=(1.5,)))
    assert pictures.spec(pictures.heat_map(one))["mark"]["type"] == "line"
    assert pictures.market_heat_maps(one) is None
    none = read_sweep(make_sweep("none", events=2, gamma=(0.1,), kappa=(1.5,)))
    assert pictures.spec(pictures.heat_map(none))["mark"]["type"] == "bar"


def test_run_page(run_folder):
    assert isinstance(read_results(run_folder), Run)
    page = report(run_folder).read_text()
    offline(page)
    assert "synthetic data</span>" in page
    assert "few-fills" in page
    assert "$1.25" in page
    assert page.count('<div class="chart">') == 3


def test_decomposition_adds_up():
    parts = {"spread_capture": 5.0, "drift": -2.0, "settlement": 1.0, "rebates": 0.5, "fees": 0.25}
    rows = next(iter(pictures.spec(pictures.decomposition(parts))["datasets"].values()))
    assert rows[-1]["dollars"] == sum(row["dollars"] for row in rows[:-1]) == 4.25


def test_markouts_are_weighted_by_size():
    fills = pl.DataFrame({"side": [1, -1], "size": [100, 300], "markout_1s": [2.0, -2.0]})
    drawn = pictures.markouts(fills)
    assert drawn is not None
    rows = next(rows for rows in pictures.spec(drawn)["datasets"].values() if len(rows) == 3)
    assert {row["fills"]: row["cents"] for row in rows} == {"all": -1.0, "bought": 2.0, "sold": -2.0}
    assert pictures.markouts(fills.drop("markout_1s")) is None


def test_a_page_from_no_results_is_bad_input(tmp_path):
    with pytest.raises(InputError, match="is no folder of results"):
        report(tmp_path)


def test_pictures_that_cannot_be_drawn_are_an_error_and_a_failure_before_them_leaves_no_process(tmp_path):
    with pytest.raises(CheckError, match=r"could not be drawn \(.*conversion failed: TypeError"), Drawer() as drawer:
        drawer.draw({"mark": "no such mark"}, tmp_path / "x")
    with pytest.raises(CheckError, match=r"could not be drawn \(it ended with -9\)"), Drawer() as drawer:
        drawer._process.kill()
        drawer.draw({"mark": "point"}, tmp_path / "x")
    with pytest.raises(KeyError), Drawer() as drawer:
        process = drawer._process
        raise KeyError("first")
    assert process.returncode is not None
    assert not list(tmp_path.iterdir())
