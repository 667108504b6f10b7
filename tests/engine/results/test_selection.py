"""Choosing a cell: highest P&L with its ties, and the plateau against a lone peak and the grid's edge."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
from touchline.engine.results.results import Axis, read_sweep
from touchline.engine.results.selection import (
    best_by_market,
    best_overall,
    best_plateau,
    effect_sizes,
    marginal_effects,
    neighbourhoods,
    ranked,
)
from touchline.io.ground.errors import InputError


def changed(sweep, **columns):
    return dataclasses.replace(sweep, frames={**sweep.frames, "cells": sweep.cells.with_columns(**columns)})


def test_overall_is_the_highest_average(make_sweep):
    sweep = read_sweep(make_sweep(edge=True, events=5))
    sweep = changed(sweep, cash=-pl.col("pnl") - 500_000)
    for by in ("pnl", "cash"):
        pick = best_overall(sweep, by)
        slow: dict[int, list[int]] = {}
        for row in sweep.cells.iter_rows(named=True):
            slow.setdefault(row["cell"], []).append(row[by])
        best = max(slow, key=lambda cell: (sum(slow[cell]) / len(slow[cell]), -cell))
        assert (pick.cell, pick.score) == (best, sum(slow[best]) / len(slow[best]))
        assert pick.parameters == sweep.parameters(best)
        assert ranked(sweep, by)["cell"][0] == best
    assert best_overall(sweep) == best_overall(sweep, "pnl")
    for choose in (best_overall, best_by_market, ranked):
        with pytest.raises(InputError, match=r"rank by pnl, cash, .* or rewards-per-collateral, not by 'luck'"):
            choose(sweep, "luck")


def test_a_position_that_settled_counts_although_its_cash_is_gone(make_sweep):
    """Eighty-eight dollars of cash are the price of contracts sold that paid out a dollar each."""
    sweep = read_sweep(make_sweep(events=1, markets_per_event=1))
    sold = pl.col("cell") == 4
    settled = changed(
        sweep,
        pnl=pl.when(sold).then(150_000).when(pl.col("cell") == 9).then(900_000).otherwise(0),
        cash=pl.when(sold).then(88_160_000).otherwise(-50_000_000),
    )
    assert best_overall(settled).cell == best_by_market(settled)["KXTEST-000-B0"].cell == 9
    assert best_overall(settled, "cash").cell == best_by_market(settled, "cash")["KXTEST-000-B0"].cell == 4
    assert best_overall(settled).measure == "average P&L a market"
    assert best_overall(settled, "cash").measure == "average cash a market"


def test_ties_go_to_the_smallest_position(make_sweep):
    sweep = read_sweep(make_sweep(events=1, markets_per_event=2))
    position = pl.when(pl.col("cell") == 7).then(-100).when(pl.col("cell") == 3).then(100).otherwise(-200)
    tied = changed(sweep, pnl=pl.lit(5), position=position)
    assert best_overall(tied).cell == 3  # cells 3 and 7 hold as much; the lower number is first
    assert {market: pick.cell for market, pick in best_by_market(tied).items()} == {
        "KXTEST-000-B0": 3,
        "KXTEST-000-B1": 3,
    }
    assert best_by_market(tied)["KXTEST-000-B0"].position == 100


def test_each_market_has_its_own_best(make_sweep):
    sweep = read_sweep(make_sweep(events=2))
    for market, pick in best_by_market(sweep).items():
        own = sweep.cells.filter(pl.col("market") == market)
        assert pick.score == own["pnl"].max()
        assert pick.market == market


def test_a_market_that_cannot_fill_is_in_no_average(make_sweep):
    folder = make_sweep(edge=True, events=3)
    alone = read_sweep(make_sweep("alone", edge=True, events=3))
    document = json.loads((folder / "sweep.json").read_text())
    dead = {**document["markets"][0], "ticker": "KXDEAD", "event": "KXDEAD", "can_fill": False}
    document["markets"].append(dead)
    (folder / "sweep.json").write_text(json.dumps(document))
    for name in ("cells", "periods"):
        rows = pl.read_parquet(folder / f"{name}.parquet")
        own = rows.filter(pl.col("market") == "KXTEST-000-B0")
        money = [pl.lit(0, own[column].dtype).alias(column) for column in ("pnl", "cash") if column in own.columns]
        empty = own.with_columns(pl.lit("KXDEAD").alias("market"), *money)
        pl.concat([rows, empty]).write_parquet(folder / f"{name}.parquet")
    sweep = read_sweep(folder)
    assert sweep.cells.height == alone.cells.height + 25
    assert sweep.grid.equals(alone.grid)
    assert marginal_effects(sweep).equals(marginal_effects(alone))
    assert best_overall(sweep) == best_overall(alone)
    assert best_plateau(sweep) == best_plateau(alone)
    assert "KXDEAD" not in best_by_market(sweep)
    assert sweep.event_pnl[0] == alone.event_pnl[0]
    only = dataclasses.replace(sweep, markets=tuple(dataclasses.replace(m, can_fill=False) for m in sweep.markets))
    assert (
        only.grid["pnl"].to_list()
        == read_sweep(folder).cells.group_by("cell").agg(pl.col("pnl").mean()).sort("cell")["pnl"].to_list()
    )  # nothing else is left to average


def plateau_of(make_sweep, pnl, **given):
    """The robust pick when each cell's P&L is ``pnl[cell]`` dollars."""
    sweep = read_sweep(make_sweep(events=1, markets_per_event=1, **given))
    money = pl.col("cell").replace_strict(dict(enumerate(pnl)), return_dtype=pl.Float64()) * 1e6
    return best_plateau(changed(sweep, pnl=money.cast(pl.Int64)))


def test_a_broad_hill_is_taken_at_its_top(make_sweep):
    pnl = [10 - 2 * (abs(i - 2) + abs(j - 2)) for i in range(5) for j in range(5)]
    pick = plateau_of(make_sweep, pnl)
    assert pick.parameters == {"gamma": 0.2, "kappa": 2.5}
    assert pick.notices == ()


def test_a_lone_peak_loses_to_a_plateau(make_sweep):
    pnl = np.zeros((5, 5))
    pnl[1, 1] = 100
    pnl[2:5, 2:5] = 5
    assert plateau_of(make_sweep, pnl.ravel().tolist()).cell == 18  # the middle of the plateau, not the peak at 6


def test_a_cell_that_loses_is_not_taken_while_another_earns(make_sweep):
    """Beside a lone peak it was: a loser has no peak that its neighbours could fail to support."""
    peak = np.full((5, 5), 0.5)
    peak[1:4, 1:4] = -1
    peak[2, 2] = 10
    pick = plateau_of(make_sweep, peak.ravel().tolist())
    assert pick.cell == 12
    assert [notice.name for notice in pick.notices] == ["lonely-peak"]
    small = {"gamma": (0.1, 0.2, 0.4), "kappa": (1.0, 2.0, 3.0)}
    pick = plateau_of(make_sweep, [-1.0, -1, -1, -1, 10, -1, -1, -1, -1], **small)
    assert [notice.name for notice in pick.notices] == ["lonely-peak"]  # nor are losers on the edge a hint
    dip = np.full((5, 5), 5.0)
    dip[2, 2] = -0.5
    assert plateau_of(make_sweep, dip.ravel().tolist()).cell != 12
    on_the_edge = np.full((5, 5), -2.0)
    on_the_edge[0] = 1
    assert plateau_of(make_sweep, on_the_edge.ravel().tolist()).parameters["gamma"] == 0.05
    assert plateau_of(make_sweep, [-1.0 - (i != 12) for i in range(25)]).cell == 12  # none earns: the least loss


def test_an_edge_is_rejected_and_flagged(make_sweep):
    pnl = [float(i) for i in range(5) for _ in range(5)]  # better and better towards the highest gamma
    pick = plateau_of(make_sweep, pnl)
    assert pick.parameters["gamma"] == 0.4
    assert [notice.name for notice in pick.notices] == ["edge-of-grid"]
    assert pick.notices[0].detail.endswith("on the edge scores $3.25")  # 3.5 on average less half of their deviation


def test_a_lone_peak_without_an_alternative_is_flagged(make_sweep):
    pick = plateau_of(make_sweep, [1.0, 1, 1, 1, 10, 1, 1, 1, 1], gamma=(0.1, 0.2, 0.4), kappa=(1.0, 2.0, 3.0))
    assert pick.cell == 4
    assert [str(notice) for notice in pick.notices if notice.name == "lonely-peak"] == [
        "lonely-peak: The cells around the best one earn less than half of what it earns, as luck does. "
        "(neighbours earn 10% of it)"
    ]


def test_a_grid_without_inside_takes_the_edge_and_says_so(make_sweep):
    pick = plateau_of(make_sweep, [1.0, 2.0, 3.0, 2.9], gamma=(0.1, 0.2, 0.3, 0.4), kappa=(1.0,))
    assert pick.parameters == {"gamma": 0.3, "kappa": 1.0}
    pick = plateau_of(make_sweep, [1.0, 2.0], gamma=(0.1, 0.2), kappa=(1.0,))
    assert pick.notices == ()  # two values are two choices, not a range with an edge


def test_a_single_cell_is_its_own_plateau(make_sweep):
    assert plateau_of(make_sweep, [3.0], gamma=(0.1,), kappa=(1.0,)).cell == 0


def test_the_least_favourable_of_the_queue_models_that_were_run_decides(make_sweep):
    """It is the lowest of a cell's results: neither the model that fills least for every cell, nor one by its name."""
    sweep = read_sweep(make_sweep(edge=True, events=4))
    worst = changed(sweep, pnl_worst=pl.when(pl.col("gamma") <= 0.2).then(7_000_000).otherwise(-5_000_000))
    pick = best_plateau(worst)
    assert "least favourable" in pick.measure
    assert "least favourable" not in best_plateau(sweep).measure
    assert worst.grid["pnl_least"].to_list() == [
        min(pair) for pair in worst.grid.select("pnl", "pnl_worst").iter_rows()
    ]
    assert pick.parameters["gamma"] == 0.1
    both = changed(
        sweep,
        pnl=pl.when(pl.col("gamma") <= 0.05).then(-9_000_000).otherwise(8_000_000),
        pnl_worst=pl.when(pl.col("gamma") <= 0.4).then(7_000_000).otherwise(-5_000_000),
    )
    assert best_plateau(both).parameters["gamma"] == 0.2  # 0.05 loses under the chosen one, 0.8 under the other


def test_neighbourhoods_of_a_full_grid_are_one_step_each_way():
    axes = (Axis("a", (1.0, 10.0, 100.0), "log"), Axis("b", (0.0, 1.0)))
    grid = pl.DataFrame({"a": [1.0, 1, 10, 10, 100, 100], "b": [0.0, 1, 0, 1, 0, 1]})
    found = neighbourhoods(grid, axes)
    assert found[:, 0].tolist() == list(range(6))
    assert [sorted(set(row) - {-1}) for row in found.tolist()] == [
        [0, 1, 2, 3],
        [0, 1, 2, 3],
        [0, 1, 2, 3, 4, 5],
        [0, 1, 2, 3, 4, 5],
        [2, 3, 4, 5],
        [2, 3, 4, 5],
    ]


def test_scattered_cells_have_their_nearest_in_ratio():
    """On a log axis 1 is as far from 10 as 10 from 100; in value 1 and 10 would be neighbours of each other only."""
    axes = (Axis("a", (1.0, 1000.0), "log"),)
    grid = pl.DataFrame({"a": [1.0, 9.0, 80.0, 700.0, 1000.0]})
    assert [sorted(row) for row in neighbourhoods(grid, axes).tolist()] == [
        [0, 1, 2],
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 4],
        [2, 3, 4],
    ]


def test_marginal_effects_average_over_everything_else(make_sweep):
    sweep = read_sweep(make_sweep(edge=True, events=20))
    effects = marginal_effects(sweep)
    assert effects.height == 10
    gamma = effects.filter(pl.col("parameter") == "gamma")
    assert gamma["value"].to_list() == [0.05, 0.1, 0.2, 0.4, 0.8]
    assert gamma.sort("pnl")["value"][-1] == 0.2
    one = sweep.cells.filter(pl.col("gamma") == 0.2)["pnl"]
    assert gamma.filter(pl.col("value") == 0.2)["pnl"][0] == pytest.approx(one.mean())


def test_effect_sizes_add_up_for_an_additive_surface(make_sweep):
    sweep = read_sweep(make_sweep(edge=True, noise=0.0, events=1))
    sizes = effect_sizes(sweep)
    assert sum(size or 0 for size in sizes.values()) == pytest.approx(1.0)
    assert effect_sizes(changed(sweep, pnl=pl.lit(1))) == {"gamma": None, "kappa": None}
