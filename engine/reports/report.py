"""`engine report`: a run or a sweep on one HTML page, warnings first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ...io.ground.units import contracts
from ..figures.words import count, day, figure, percent, span, usd
from ..results.evidence import Evidence, judge
from ..results.results import Bets, Recorded, Run, Runs, Sweep, synthetic
from ..results.selection import Pick, best_by_market, best_overall, best_plateau, ranked
from . import page, pictures
from .report_run import write_run_report, write_runs_report

TOP = 12
CASH = "P&L counts positions at what they settled, or else at the last mid. Cash leaves that out."


def write_report(found: Recorded, path: Path) -> Path:
    """Write one self-contained page about a result of any kind; returns its path."""
    if isinstance(found, Sweep):
        pick = best_plateau(found)
        grid = pictures.grid_documents(found, pick, best_overall(found))
        return write_sweep_report(found, pick, judge(found, pick), grid, path)
    if isinstance(found, Bets):
        from .report_bets import write_bets_report

        return write_bets_report(found, path)
    if isinstance(found, Runs):
        return write_runs_report(found, path)
    assert isinstance(found, Run)
    return write_run_report(found, path)


def write_sweep_report(
    sweep: Sweep, pick: Pick, evidence: Evidence, grid: dict[str, dict[str, Any]], path: Path
) -> Path:
    """Write the page about a sweep whose evidence and heat maps are known already."""
    overall, by_market = best_overall(sweep), best_by_market(sweep)
    starts = sweep.period_pnl[0]
    lasted = f"{day(int(starts[0]))} to {day(int(starts[-1]) + sweep.period_ns)} UTC" if len(starts) else "no periods"
    markets = sweep.cells["market"].n_unique()
    sub = f"{evidence.cells:,} cells on {count(markets, 'market')} of {count(evidence.events, 'event')}, {lasted}"
    made_up = synthetic([market.ticker for market in sweep.markets])
    return page.write_page(
        path,
        f"{sweep.strategy}: sweep",
        page.heading(f"Sweep of {sweep.strategy}", sub, made_up),
        page.warnings_section(evidence.notices),
        page.section("In short", page.tiles(_short(evidence))),
        _choice(sweep, pick, overall),
        page.section(
            "Is it luck?",
            page.table(["question", "figure", "meaning"], _luck(evidence)),
            page.chart(pictures.cell_curve(sweep, pick.cell)),
        ),
        page.section("The grid", *map(page.chart, grid.values())),
        page.section("Each parameter by itself", page.chart(pictures.effects(sweep))),
        page.section(
            "Where the robust cell's P&L came from", page.chart(pictures.decomposition(_parts(sweep, pick.cell)))
        ),
        page.section(f"The {TOP} cells with the highest P&L", _top(sweep), about=CASH),
        page.section("The best cell of each market", _markets(sweep, by_market)),
        page.section("Assumptions", page.table(["", ""], _assumptions(sweep.about))),
    )


def _short(evidence: Evidence) -> dict[str, str]:
    return {
        "P&L in sample, all markets": usd(evidence.in_sample_pnl),
        "P&L out of sample, all markets": usd(evidence.out_of_sample_pnl),
        "probability of overfitting": figure(evidence.overfitting_probability),
        "deflated Sharpe ratio": figure(evidence.deflated_sharpe),
        "independent trials": f"{evidence.trials:,}",
    }


def _choice(sweep: Sweep, pick: Pick, overall: Pick) -> str:
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
        for name, one in (("robust", pick), ("highest P&L", overall))
    ]
    return page.section(
        title,
        page.table(["pick", *(axis.name for axis in sweep.axes), "cell", "score", "measured by"], rows),
        about="The robust cell earns with its neighbours, away from the grid's edge; the highest may be luck.",
    )


def _luck(evidence: Evidence) -> list[tuple[str, str, str]]:
    low, high = evidence.interval_low, evidence.interval_high
    interval = "–" if low is None else f"{usd(low)} to {usd(high)}"
    return [
        ("Sharpe ratio, a year of 365 days", figure(evidence.sharpe_annual), "of the robust cell, in sample"),
        ("What luck would reach", figure(evidence.luck_sharpe_annual), f"best of {evidence.trials:,} worthless cells"),
        ("Deflated Sharpe ratio", figure(evidence.deflated_sharpe), "probability that it beats luck; wanted: .95"),
        ("Periods needed", figure(evidence.min_periods), f"to tell the ratio from 0; there are {evidence.periods:,}"),
        ("Independent trials", f"{evidence.trials:,}", f"by average correlation; by clusters {evidence.clusters:,}"),
        ("Probability of overfitting", figure(evidence.overfitting_probability), "below .5 the choice carries over"),
        ("Loss probability", figure(evidence.out_of_sample_loss_probability), "of one half's best in the other"),
        ("Rank stability", figure(evidence.rank_stability), "share of splits with the robust cell above the median"),
        ("Walk-forward by events", usd(evidence.walk_forward_events), "each cell chosen on earlier events only"),
        ("Walk-forward by time", usd(evidence.walk_forward_periods), "each cell chosen on earlier periods only"),
        ("P&L an event", interval, "95% interval, events resampled"),
        ("Superior predictive ability", figure(evidence.spa), "probability of such a best cell if none has an edge"),
    ]  # fmt: skip


def _parts(sweep: Sweep, cell: int) -> dict[str, float]:
    rows = sweep.cells.filter(pl.col("cell") == cell)
    return {name: float(rows[name].sum()) / 1e6 for name in pictures.PARTS}


def _top(sweep: Sweep) -> str:
    names = [axis.name for axis in sweep.axes]
    several = sweep.counted["market"].n_unique() > 1
    totals = ["P&L, all markets"] if several else []
    each = " a market" if several else ""
    rows = [
        [row["cell"], *(sweep.text(name, row[name]) for name in names), *(usd(row["total_pnl"]) for _ in totals),
         usd(row["pnl"]), usd(row["cash"]), usd(row["max_drawdown"]), f"{row['abs_position'] / 100:,.1f}",
         f"{row['fills']:,.1f}", percent(row["uptime"], 0)]
        for row in ranked(sweep).head(TOP).iter_rows(named=True)
    ]  # fmt: skip
    figures = (f"{name}{each}" for name in ("P&L", "cash", "drawdown", "contracts held at the end", "fills"))
    return page.table(["cell", *names, *totals, *figures, "both quotes stood"], rows)


def _markets(sweep: Sweep, best: dict[str, Pick]) -> str:
    names = [axis.name for axis in sweep.axes]
    order = sorted(best.values(), key=lambda one: -one.score)
    shown = order if len(order) <= 2 * TOP else order[:TOP] + order[-TOP:]
    rows = [
        [
            one.market,
            *(sweep.text(name, one.parameters[name]) for name in names),
            usd(one.score),
            contracts(int(one.position)),
        ]
        for one in shown
    ]
    note = f'<p class="sub">The {TOP} best and worst of {len(order):,} markets.</p>' if shown is not order else ""
    return note + page.table(["market", *names, "P&L", "contracts at the end"], rows)


def _assumptions(about: Any) -> list[tuple[str, object]]:
    """What the sweep was asked for, under the names that a person types; spans of time in words."""
    shown = ("warnings", "markets", "axes", "kind", "period_ns", "walk_forward", "proved", "venue", "limits", "fixed")
    forward, proved = about.get("walk_forward") or {}, about.get("proved")
    facts: dict[str, object] = {
        name.replace("_", " "): value for name, value in about.items() if name not in shown and value is not None
    }
    facts |= {name: value for part in ("fixed", "venue", "limits") for name, value in (about.get(part) or {}).items()}
    for row in about.get("axes", ()):
        values = ", ".join(row.get("labels", ())) or f"{len(row['values'])} values, {_ends(row['values'])}"
        facts[f"axis {row['name']}"] = values
    if isinstance(about.get("period_ns"), int):
        facts["period"] = span(about["period_ns"] / 1e9)
    if forward:
        facts["walk-forward"] = f"{forward['folds']} folds, {span(forward['embargo_ns'] / 1e9)} left out before each"
    if proved:
        facts["look-ahead"] = f"none found in {proved['cells_cut']:,} runs on cut tapes"
    return [(name, value) for name, value in page.facts(facts) if value is not None]


def _ends(values: list[float]) -> str:
    return f"{min(values):g} to {max(values):g}"
