"""What a finished sweep comes to: its choices, its evidence and its pictures, written beside the cells."""

from __future__ import annotations

import importlib
import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ..figures.crossvalidation import overfitting
from ..results.evidence import Evidence, judge
from ..results.result_files import write_document
from ..results.results import COUNTS, MONEY, WORST_PNL, Sweep
from ..results.selection import (
    Pick,
    best_by_market,
    best_overall,
    best_plateau,
    effect_sizes,
)
from .drawing import Drawer


def get_ready(pictures: bool) -> None:
    """Load the kernel that judges splits, and what makes charts, in a thread, while something else is computed."""

    def load() -> None:
        overfitting(np.eye(4))
        if pictures:
            importlib.import_module(f"{__package__}.pictures")

    threading.Thread(target=load).start()


def conclude(sweep: Sweep, place: Path, drawer: Drawer | None) -> Evidence:
    """Write everything that follows from a sweep's cells and periods into its folder; returns the evidence.

    ``market_results.json``, ``overall_results.json``, ``best_overall.json``, ``best_by_market.json``,
    ``best_robust.json``, ``evidence.json``; with a drawer ``heatmap`` and ``heatmap_markets`` as PNG and SVG,
    ``heatmap.html`` and ``report.html``.
    """
    robust, overall, by_market = best_plateau(sweep), best_overall(sweep), best_by_market(sweep)
    grid: dict[str, dict[str, Any]] = {}
    if drawer is not None:
        from .pictures import grid_documents

        grid = grid_documents(sweep, robust, overall)
        for name, document in grid.items():
            drawer.draw(document, place / name)
    evidence = judge(sweep, robust)
    warned = [notice.as_row() for notice in evidence.notices]
    nothing = {"cell": None, "warnings": [notice.as_row() for notice in evidence.notices]}
    documents: dict[str, Any] = {
        "market_results": {"warnings": warned, "markets": _market_results(sweep, robust, by_market)},
        "overall_results": {
            "warnings": warned,
            "evidence": evidence.as_row(),
            "effects": effect_sizes(sweep),
            "cells": sweep.grid.to_dicts(),
        },
        "best_overall": nothing if sweep.made_nothing else overall.as_row(),
        "best_by_market": {} if sweep.made_nothing else {market: pick.as_row() for market, pick in by_market.items()},
        "best_robust": nothing if sweep.made_nothing else robust.as_row(),
        "evidence": evidence.as_row(),
    }
    for name, document in documents.items():
        write_document(place / f"{name}.json", msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    if drawer is not None:
        from . import page
        from .report_sweep import write_sweep_report

        blocks = (page.section("", page.chart(document)) for document in grid.values())
        page.write_page(place / "heatmap.html", f"{sweep.strategy}: heat maps", *blocks)
        write_sweep_report(sweep, robust, evidence, grid, place / "report.html")
    return evidence


def _market_results(sweep: Sweep, robust: Pick, best: dict[str, Pick]) -> dict[str, dict[str, Any]]:
    """Per market: the spread of its cells, its best cell, what the robust cell made; all are in the Parquet file."""
    more = [WORST_PNL] if WORST_PNL in sweep.cells.columns else []
    spread = sweep.cells.group_by("market").agg(
        pl.len().alias("cells"),
        pl.col("pnl").mean().alias("mean_pnl"),
        pl.col("pnl").median().alias("median_pnl"),
        (pl.col("pnl") > 0).mean().alias("profitable"),
    )
    own = sweep.cells.filter(pl.col("cell") == robust.cell).select("market", "cell", *MONEY, *COUNTS, *more)
    robust_rows = {row.pop("market"): row for row in own.to_dicts()}
    return {
        row["market"]: {
            **row,
            "best": best[row["market"]].as_row() if row["market"] in best else None,
            "robust": robust_rows.get(row["market"]),
        }
        for row in spread.sort("market").iter_rows(named=True)
    }
