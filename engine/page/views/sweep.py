"""A sweep: its cells over its axes, what each parameter does, what to believe, and one cell in full."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
import polars as pl

from ....io.ground.errors import InputError
from ....io.ground.times import iso
from ...reports.told.sweep_facts import luck_rows
from ...results.results import LEAST_PNL, WORST_PNL, Axis, Sweep
from ...results.selection import best_overall, best_plateau, effect_sizes, marginal_effects, neighbourhoods
from ..asked_again import cell_settings, to_type
from ..columns import Question, columns
from ..opening import OpenResults

#: Figures that a heat map is drawn over: name, words, unit.
FIGURES = (
    ("pnl", "P&L a market", "usd"), (LEAST_PNL, "P&L, least favourable queue", "usd"), ("cash", "cash", "usd"),
    (WORST_PNL, "P&L, queue that fills least", "usd"), ("spread_capture", "spread capture", "usd"),
    ("drift", "drift", "usd"), ("settlement", "settlement", "usd"), ("fees", "fees", "usd"),
    ("max_drawdown", "drawdown", "usd"), ("fills", "fills", "count"), ("abs_position", "contracts left", "lots"),
    ("max_position", "largest position", "lots"), ("uptime", "both quotes stood", "share"),
    ("markout_10s", "mid 10 s after a fill", "cents"),
)  # fmt: skip
DAY_NS = 86_400_000_000_000
#: Markets that are drawn beside each other.
MULTIPLES = 24
PARTS = ("spread_capture", "drift", "settlement", "rebates", "fees", "rewards")


def overview(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the axes, all cells, the effects, the picks and the evidence."""
    sweep, place = opened.sweep(asked.text("id")), opened.folders.get(asked.text("id"))
    market = asked.text("market", "")
    cells = sweep.grid if not market else _of_market(sweep, market)
    robust, overall = best_plateau(sweep), best_overall(sweep)
    figures = [one for one in FIGURES if one[0] in cells.columns]
    return {
        "strategy": sweep.strategy,
        "folder": str(place.folder),
        "replayable": "pipeline" not in sweep.about,
        "axes": [_axis(one) for one in sweep.axes],
        "figures": [list(one) for one in figures],
        "cells": columns(cells.select("cell", *(one.name for one in sweep.axes), *(one[0] for one in figures))),
        "markets": [one.ticker for one in sweep.markets],
        "effects": columns(marginal_effects(sweep)),
        "explained": effect_sizes(sweep),
        "nothing": sweep.made_nothing,
        "robust": robust.cell,
        "overall": overall.cell,
        "copy": {
            "command": shlex.join(["engine", "sweep", "show", str(place.folder)]),
            "python": f"engine.open({str(place.folder)!r}).cells",
        },
    }


def multiples(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return one figure over two axes for each market: of many those in which the cells differ the most."""
    sweep, figure = opened.sweep(asked.text("id")), asked.text("figure", "pnl")
    x, y = (next((one for one in sweep.axes if one.name == asked.text(name, "")), None) for name in ("x", "y"))
    if x is None:
        raise InputError(f"the sweep has no axis {asked.text('x', '')[:40]!r}")
    rows = _with_least(sweep.cells)
    if figure not in {name for name, _, _ in FIGURES} or figure not in rows.columns:
        raise InputError(f"the sweep has no figure {figure[:40]!r}")
    names = [one.name for one in (x, y) if one is not None]
    means = rows.group_by("market", *names).agg(pl.col(figure).mean().alias("value"))
    apart = means.group_by("market").agg((pl.col("value").max() - pl.col("value").min()).alias("apart"))
    kept = apart.sort("apart", "market", descending=[True, False], nulls_last=True)["market"].head(MULTIPLES).to_list()
    places = {one.name: {value: at for at, value in enumerate(one.values)} for one in (x, y) if one is not None}
    tables = {market: [[None] * len(x.values) for _ in (y.values if y else (0.0,))] for market in kept}
    for row in means.filter(pl.col("market").is_in(kept)).iter_rows(named=True):
        down = places[y.name].get(row[y.name]) if y else 0
        across = places[x.name].get(row[x.name])
        if down is not None and across is not None:
            tables[row["market"]][down][across] = row["value"]
    return {"markets": kept, "tables": [tables[market] for market in kept], "of": apart.height}


def luck(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return what the data says of the choice, each figure with what it means, and the warnings."""

    evidence = opened.evidence(asked.text("id"))
    return {
        "rows": [list(row) for row in luck_rows(evidence.as_row())],
        "warnings": [{"name": one.name, "text": one.text} for one in evidence.notices],
    }


def cell(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return one cell: its parameters, equity, parts, markets, days and neighbours."""
    sweep, number = opened.sweep(asked.text("id")), asked.whole("cell")
    rows = sweep.cells.filter(pl.col("cell") == number)
    if rows.is_empty():
        raise InputError(f"the sweep has no cell {number}")
    periods = sweep.periods.filter(pl.col("cell") == number)
    curve = periods.group_by("period").agg(pl.col("pnl").sum()).sort("period")
    start = int(curve["period"][0]) if len(curve) else 0
    days = (
        periods.group_by((pl.col("period") // DAY_NS * DAY_NS).alias("day"), "market")
        .agg(pl.col("pnl").sum(), pl.col("period").min().alias("from"), pl.col("period").max().alias("to"))
        .sort("day", "market")
    )
    names = [name for name in ("pnl", WORST_PNL, *PARTS, "fills", "position", "uptime") if name in rows.columns]
    return {
        "cell": number,
        "parameters": {one.name: one.text(float(rows[one.name][0])) for one in sweep.axes},
        "t": (curve["period"] - start).to_list(),
        "origin": str(start),
        "equity": curve["pnl"].cum_sum().to_list(),
        "parts": {name: int(rows[name].sum()) for name in PARTS if name in rows.columns},
        "values": {one.name: float(rows[one.name][0]) for one in sweep.axes},
        "pnl": int(rows["pnl"].sum()),
        "pnl_worst": int(rows[WORST_PNL].sum()) if WORST_PNL in rows.columns else None,
        "markets": columns(rows.select("market", *names).sort("pnl")),
        "days": columns(days.with_columns(_as_day(), pl.col("from", "to").cast(pl.String))),
        "period_ns": sweep.period_ns,
        "around": _around(sweep, number),
        "copy": _copied(sweep, number),
    }


def _as_day() -> pl.Expr:
    return pl.col("day").map_elements(lambda ts: iso(ts)[:10], return_dtype=pl.String())


def _copied(sweep: Sweep, number: int) -> dict[str, str] | None:
    if "pipeline" in sweep.about or "store" not in sweep.about or not sweep.markets:
        return None
    return to_type(cell_settings(sweep, number, sweep.markets[0].ticker))


def _around(sweep: Sweep, number: int) -> dict[str, list[Any]]:
    """The cell and those a step away from it."""
    at = int(np.searchsorted(sweep.grid["cell"].to_numpy(), number))
    near = [int(row) for row in neighbourhoods(sweep.grid, sweep.axes)[at] if row >= 0]
    names = [one.name for one in sweep.axes]
    return columns(sweep.grid[near].select("cell", *names, "pnl", LEAST_PNL, "fills"))


def _axis(one: Axis) -> dict[str, Any]:
    texts = [one.text(value) for value in one.values]
    return {"name": one.name, "values": list(one.values), "texts": texts, "scale": one.scale, "part": one.part}


def _of_market(sweep: Sweep, market: str) -> pl.DataFrame:
    rows = sweep.cells.filter(pl.col("market") == market).sort("cell")
    if rows.is_empty():
        raise InputError(f"the sweep ran on no market {market!r}")
    return _with_least(rows)


def _with_least(rows: pl.DataFrame) -> pl.DataFrame:
    models = [name for name in ("pnl", WORST_PNL) if name in rows.columns]
    least = pl.min_horizontal(models).alias(LEAST_PNL)
    return rows.with_columns(least, pl.col("position").abs().alias("abs_position"))
