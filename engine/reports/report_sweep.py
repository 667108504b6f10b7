"""The page about a sweep: warnings first, the choice, whether it is luck, the grid, its cells and markets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ..figures.words import count, days, figure, percent, usd
from ..results.evidence import Evidence
from ..results.results import Sweep, synthetic
from ..results.selection import Pick, best_by_market, best_overall, ranked
from . import page, pictures
from .told.asked import short, sweep_asked
from .told.sweep_facts import evidence_facts, luck_rows

TOP = 12
CASH = "P&L counts positions at what they settled, or else at the last mid. Cash leaves that out."


def write_sweep_report(
    sweep: Sweep, pick: Pick, evidence: Evidence, grid: dict[str, dict[str, Any]], path: Path
) -> Path:
    """Write the page about a sweep whose evidence and heat maps are known already."""
    starts = sweep.period_pnl[0]
    lasted = f"{days(int(starts[0]), int(starts[-1]) + sweep.period_ns)} UTC" if len(starts) else "no periods"
    markets = sweep.cells["market"].n_unique()
    sub = f"{evidence.cells:,} cells on {count(markets, 'market')} of {count(evidence.events, 'event')}, {lasted}"
    made_up = synthetic([market.ticker for market in sweep.markets])
    known, name = evidence.as_row(), short(sweep.strategy)
    rewarded = [grid[label] for label in pictures.OF_REWARDS if label in grid]
    several = [chart for label, chart in grid.items() if label not in ("heatmap", *pictures.OF_REWARDS)]
    return page.write_page(
        path,
        f"{name}: sweep",
        page.heading(f"Sweep of {name}", sub, made_up),
        page.warnings_section(evidence.notices),
        page.section("In short", page.tiles(dict(evidence_facts(known)))),
        _choice(sweep, pick),
        page.section(
            "The grid",
            page.beside(page.chart(grid["heatmap"]), page.chart(pictures.effects(sweep))),
            *(page.chart(chart) for chart in several if markets > 1),
        ),
        page.section("Rewards", page.beside(*map(page.chart, rewarded))) if rewarded else "",
        page.section(
            "Is it luck?",
            page.table(["question", "answer", "what it means"], luck_rows(known)),
            about="The best of many cells looks good by chance alone. These say how much of it to believe.",
        ),
        page.section(
            "The robust cell",
            page.beside(
                page.chart(pictures.cell_curve(sweep, pick.cell)),
                page.chart(pictures.decomposition(_parts(sweep, pick.cell))),
            ),
        ),
        page.section(f"The {TOP} cells with the highest P&L", _top(sweep), about=CASH),
        page.section("The best cell of each market", _markets(sweep, best_by_market(sweep)) if markets > 1 else ""),
        page.section("Assumptions", page.settings(sweep_asked(sweep.about))),
        page.footer(f"touchline {sweep.about.get('engine_version', '')} · result {sweep.about.get('result_hash', '')}"),
    )


def _choice(sweep: Sweep, pick: Pick) -> str:
    """The cells that are recommended, or that none is."""
    title = "The choice"
    if sweep.made_nothing:
        return page.section(title, "<p>No cell made or lost anything, so none is recommended.</p>")
    rows = [
        [
            name,
            *(sweep.text(key, value) for key, value in one.parameters.items()),
            one.cell,
            usd(one.score),
            one.measure,
        ]
        for name, one in (("robust", pick), ("highest P&L", best_overall(sweep)))
    ]
    return page.section(
        title,
        page.table(["pick", *(axis.name for axis in sweep.axes), "cell", "score", "measured by"], rows),
        about="The robust cell earns with its neighbours, away from the grid's edge; the highest may be luck.",
    )


def _parts(sweep: Sweep, cell: int) -> dict[str, float]:
    rows = sweep.cells.filter(pl.col("cell") == cell)
    return {name: float(rows[name].sum()) / 1e6 for name in pictures.PARTS if name in rows.columns}


def _top(sweep: Sweep) -> str:
    names = [axis.name for axis in sweep.axes]
    several = sweep.counted["market"].n_unique() > 1
    totals = ["P&L, all markets"] if several else []
    each = " a market" if several else ""
    rows = [
        [row["cell"], *(sweep.text(name, row[name]) for name in names), *(usd(row["total_pnl"]) for _ in totals),
         usd(row["pnl"]), usd(row["cash"]), usd(row["max_drawdown"]), figure(row["abs_position"] / 100),
         f"{row['fills']:,.1f}".removesuffix(".0"), percent(row["uptime"], 0)]
        for row in ranked(sweep).head(TOP).iter_rows(named=True)
    ]  # fmt: skip
    figures = (f"{name}{each}" for name in ("P&L", "cash", "drawdown", "contracts at the end", "fills"))
    return page.table(["cell", *names, *totals, *figures, "both quotes stood"], rows)


def _markets(sweep: Sweep, best: dict[str, Pick]) -> str:
    names = [axis.name for axis in sweep.axes]
    order = sorted(best.values(), key=lambda one: -one.score)
    shown = order if len(order) <= 2 * TOP else order[:TOP] + order[-TOP:]
    rows = [
        [one.market, *(sweep.text(name, one.parameters[name]) for name in names), usd(one.score),
         figure(one.position / 100)]
        for one in shown
    ]  # fmt: skip
    note = f'<p class="sub">The {TOP} best and worst of {len(order):,} markets.</p>' if shown is not order else ""
    return note + page.table(["market", *names, "P&L", "contracts at the end"], rows)
