"""Which cell to take: the best, the best of each market, and the one that does not depend on luck of place.

Cells rank by P&L, positions at what they settled or else at the last mid. Ranked by cash, a position counts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.ground.errors import InputError
from ..figures.metrics import Floats
from ..figures.warnings import Notice
from ..figures.words import usd
from .results import LEAST_PNL, REWARD_RATE, WORST_PNL, Axis, Sweep

#: By what cells rank: P&L with settlement, or cash, which leaves the worth of positions out.
Ranking = Literal["pnl", "cash", "pnl-without-rewards", "rewards-per-collateral"]
RANKINGS: dict[Ranking, str] = {
    "pnl": "P&L",
    "cash": "cash",
    "pnl-without-rewards": "P&L without rewards",
    "rewards-per-collateral": "rewards a dollar locked up",
}

#: The column of each that is not named like it.
_COLUMNS: dict[str, str] = {"pnl-without-rewards": "pnl_without_rewards", "rewards-per-collateral": REWARD_RATE}

#: How many deviations of its neighbourhood a cell's score is marked down.
CAUTION = 0.5
#: A peak whose neighbours earn less than this share of it stands alone.
NEIGHBOURS_SHARE = 0.5


@dataclass(frozen=True)
class Pick:
    """A chosen cell: its parameters, what it scored and by which measure, and what to beware of."""

    cell: int
    parameters: dict[str, float]
    measure: str
    score: float  #: micros
    position: float  #: lots at the end: of the market, or the average without sign over markets
    market: str | None = None
    notices: tuple[Notice, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """Return what is written to JSON."""
        return {
            "cell": self.cell,
            "parameters": self.parameters,
            "measure": self.measure,
            "score": self.score,
            "position": self.position,
            **({"market": self.market} if self.market is not None else {}),
            "warnings": [notice.as_row() for notice in self.notices],
        }


def check_ranking(by: str) -> None:
    """Raise an error unless cells can rank by it."""
    if by not in RANKINGS:
        *first, last = RANKINGS
        raise InputError(f"cells rank by {', '.join(first)} or {last}, not by {by!r}")


def column_of(sweep: Sweep, by: Ranking) -> str:
    """Return the column of a sweep that its cells rank by; one without rewards ranks by none of them."""
    check_ranking(by)
    name = _COLUMNS.get(by, by)
    if name not in sweep.grid.columns:
        raise InputError(f"this sweep counts no rewards and cannot rank by {by}; sweep with assume rewards=recorded")
    return name


def ranked(sweep: Sweep, by: Ranking = "pnl") -> pl.DataFrame:
    """Return the grid's cells, best first; ties go to the smaller position, then the lower number."""
    return sweep.grid.sort(column_of(sweep, by), "abs_position", "cell", descending=[True, False, False])


def best_overall(sweep: Sweep, by: Ranking = "pnl") -> Pick:
    """The cell with the highest average over markets, of P&L unless something else is asked for."""
    row = ranked(sweep, by).row(0, named=True)
    cell = int(row["cell"])
    return Pick(
        cell,
        sweep.parameters(cell),
        f"average {RANKINGS[by]} a market",
        row[column_of(sweep, by)],
        row["abs_position"],
        notices=edge_notices(sweep.parameters(cell), sweep.axes),
    )


def best_by_market(sweep: Sweep, by: Ranking = "pnl") -> dict[str, Pick]:
    """Per market that could fill the cell with the highest P&L, or what else is asked for; ties as in ``ranked``."""
    column = column_of(sweep, by)
    order = sweep.counted.with_columns(pl.col("position").abs().alias("abs_position")).sort(
        "market", column, "abs_position", "cell", descending=[False, True, False, False]
    )
    picks = {}
    for row in order.unique("market", keep="first", maintain_order=True).iter_rows(named=True):
        parameters = {axis.name: row[axis.name] for axis in sweep.axes}
        warned = edge_notices(parameters, sweep.axes)
        picks[row["market"]] = Pick(
            row["cell"], parameters, RANKINGS[by], row[column], row["position"], row["market"], warned
        )
    return picks


def best_plateau(sweep: Sweep, caution: float = CAUTION) -> Pick:
    """The cell whose neighbourhood earns most after a mark-down for its spread, away from the grid's edge.

    Judged by the lowest P&L under the queue models that were run. Neighbours are one step away in
    every parameter. A peak whose neighbours earn less than half of it is passed over. If a rule cannot be kept, that is
    a warning. A cell that loses is taken only where none earns.
    """
    values = sweep.grid[LEAST_PNL].to_numpy().astype(np.float64)
    around = neighbourhoods(sweep.grid, sweep.axes)
    near = np.where(around >= 0, values[around], np.nan)
    near[:, 0] = values  # the cell itself comes first
    count = np.sum(around >= 0, axis=1)
    mean = np.nansum(near, axis=1) / count
    score = mean - caution * np.sqrt(np.nansum((near - mean[:, None]) ** 2, axis=1) / count)
    others = np.divide(mean * count - values, count - 1, out=values.copy(), where=count > 1)
    supported = (values <= 0) | (others >= NEIGHBOURS_SHARE * values)
    edge = _on_edge(sweep.grid, sweep.axes)
    earning = values > 0 if (values > 0).any() else np.ones(len(values), dtype=bool)

    for rule in (supported & ~edge, ~edge, supported, np.ones(len(values), dtype=bool)):
        if (allowed := rule & earning).any():
            best = int(np.lexsort((values, score, allowed))[-1])  # of equal scores the higher own value
            break
    else:
        raise AssertionError("the last choice allows every cell that earns, or all")
    warned = []
    rejected = np.flatnonzero(edge & supported & earning & (score > score[best]))
    if edge[best] or rejected.size:
        warned.append(Notice("edge-of-grid", _edge_detail(sweep.grid, rejected if rejected.size else [best], score)))
    if not supported[best]:
        warned.append(Notice("lonely-peak", f"neighbours earn {others[best] / values[best]:.0%} of it"))
    row = sweep.grid.row(best, named=True)
    cell = int(row["cell"])
    several = ", least favourable queue model" if WORST_PNL in sweep.grid.columns else ""
    name = f"average P&L a market of its neighbourhood{several}"
    return Pick(cell, sweep.parameters(cell), name, float(score[best]), row["abs_position"], notices=tuple(warned))


def edge_notices(parameters: dict[str, float], axes: Sequence[Axis]) -> tuple[Notice, ...]:
    """Warn of parameters that are the lowest or highest of an axis with at least three values."""
    at_edge = [
        f"{axis.name} = {parameters[axis.name]:g}"
        for axis in axes
        if len(axis.values) > 2 and parameters[axis.name] in (min(axis.values), max(axis.values))
    ]
    return (Notice("edge-of-grid", ", ".join(at_edge)),) if at_edge else ()


def neighbourhoods(grid: pl.DataFrame, axes: Sequence[Axis]) -> npt.NDArray[np.int64]:
    """Return, per cell, the rows of its neighbourhood: itself first, then those a step away; -1 fills up.

    On a full grid a step is one place along each axis. Cells that lie scattered have their 2 x axes nearest ones,
    distances taken in ratio along axes of scale log.
    """
    places = [_places(grid, axis) for axis in axes]
    shape = tuple(len(axis.values) for axis in axes)
    if axes and all(place is not None for place in places) and len(grid) == np.prod(shape):
        index = np.array(places, dtype=np.int64)
        at = np.full(shape, -1, dtype=np.int64)
        at[tuple(index)] = np.arange(len(grid))
        steps = sorted(product((0, -1, 1), repeat=len(axes)), key=any)
        padded = np.pad(at, 1, constant_values=-1)
        return np.stack([padded[tuple(index + 1 + np.array(step)[:, None])] for step in steps], axis=1)
    units = [axis.unit(grid[axis.name].to_numpy()) for axis in axes]
    where = np.array(units).T if units else np.zeros((len(grid), 1))
    wanted = min(2 * max(len(axes), 1) + 1, len(grid))
    found = np.empty((len(grid), wanted), dtype=np.int64)
    for row in range(len(grid)):
        distance = ((where - where[row]) ** 2).sum(axis=1)
        distance[row] = -1.0
        found[row] = np.argsort(distance, kind="stable")[:wanted]
    return found


def _places(grid: pl.DataFrame, axis: Axis) -> npt.NDArray[np.int64] | None:
    """Return each cell's place along an axis, or None if some cell is between its values."""
    order = np.sort(np.array(axis.values))
    values = grid[axis.name].to_numpy()
    place = np.minimum(np.searchsorted(order, values), len(order) - 1)
    return place if (order[place] == values).all() else None


def _on_edge(grid: pl.DataFrame, axes: Sequence[Axis]) -> npt.NDArray[np.bool_]:
    """Mark cells at the end of an axis; an axis of two values is all ends and does not count."""
    edge = np.zeros(len(grid), dtype=bool)
    for axis in axes:
        if len(axis.values) > 2:
            edge |= np.isin(grid[axis.name].to_numpy(), (min(axis.values), max(axis.values)))
    return edge


def _edge_detail(grid: pl.DataFrame, rows: Sequence[int] | npt.NDArray[np.int64], score: Floats) -> str:
    best = int(rows[int(np.argmax(score[np.asarray(rows)]))])
    return f"cell {grid['cell'][best]} on the edge scores {usd(score[best])}"


def marginal_effects(sweep: Sweep) -> pl.DataFrame:
    """Per parameter and value: average P&L over all other parameters and markets, and how often it was positive."""
    effects = [
        sweep.counted.group_by(pl.col(axis.name).alias("value"))
        .agg(
            pl.col("pnl").mean(),
            pl.col("cash").mean(),
            (pl.col("pnl") > 0).mean().alias("profitable"),
            pl.col("fills").mean(),
            pl.col("max_position").mean(),
        )
        .sort("value")
        .select(pl.lit(axis.name).alias("parameter"), pl.all())
        for axis in sweep.axes
    ]
    return pl.concat(effects) if effects else pl.DataFrame()


def effect_sizes(sweep: Sweep) -> dict[str, float | None]:
    """Per parameter, the share of the cells' P&L variance that its value alone explains; None if P&L does not vary."""
    values = sweep.grid["pnl"].to_numpy()
    total = float(np.var(values))
    sizes: dict[str, float | None] = {}
    for axis in sweep.axes:
        means = sweep.grid.select(pl.col("pnl").mean().over(axis.name)).to_series().to_numpy()
        sizes[axis.name] = float(np.var(means)) / total if total > 0 else None
    return sizes
