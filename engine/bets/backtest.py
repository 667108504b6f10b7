"""Bets across markets: a pipeline on recorded history, from scores to trades, results and grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.jit import kept
from ...io.ground.progress import Progress
from ...io.ground.times import Moment
from ...io.store.store import Store
from ...strategies.pipeline.pipeline import DOLLAR, Pipeline, ask, load_pipeline
from ..figures.metrics import sharpe
from ..figures.stakes import days_a_year
from ..rewards.programs import check_rewards
from ..simulator.assumptions.fees import Membership
from ..simulator.assumptions.queue import BRACKET, queue_model
from .panel.build import build_panel
from .panel.history import open_history
from .panel.panel import Panel
from .portfolio.columns import columns_of, with_resting
from .portfolio.portfolio import PortfolioRun, rules, run, run_cells
from .portfolio.random import RandomComparison, compare_random
from .types import FILTER_BASE, SAMPLED_EQUITY, SAMPLED_STAKED, PanelColumns

MINUTE_NS = 60_000_000_000
#: Cells that are run between two looks at the progress.
CHUNK = 64

Cells = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Scored:
    """What a pipeline thinks of a panel: edges in ticks, and which filter stopped a market (0: none)."""

    score: npt.NDArray[np.int16]
    passed: npt.NDArray[np.int8] | None
    cut: int = 0  #: how many edges were beyond a dollar


@dataclass(frozen=True)
class BetsRun:
    """A backtest with everything it was made from; ``results`` turns it into frames and figures."""

    pipeline: Pipeline
    panel: Panel
    columns: PanelColumns
    rule: npt.NDArray[Any]
    scored: Scored
    run: PortfolioRun
    random: RandomComparison | None
    seed: int
    data: str | None = None  #: where the history lies; None when it was handed over as an object
    start: Moment | None = None
    end: Moment | None = None
    notes: tuple[str, ...] = ()  #: what of the data could not be used
    by_queue: Mapping[str, int] = field(default_factory=dict)  #: P&L of maker entries under three queue models, micros
    reward: str = "none"  #: incentive programs that were asked for
    rewards: list[dict[str, Any]] = field(default_factory=list)  #: what each pays for orders while they rested


def score_panel(panel: Panel, pipeline: Pipeline) -> Scored:
    """Evaluate a pipeline's scorer and filters over the whole panel, block by block."""
    scorer = pipeline.scorer
    for part in (*pipeline.tables, scorer):
        panel = panel.with_extras(ask(part, "prepare", Mapping, panel))
    wanted = {"edge": ask(scorer, "score", pl.Expr).cast(pl.Float64).fill_null(0.0)}
    if pipeline.filters:
        wanted["passed"] = _stopped(pipeline)
    score = panel.column("score", np.int16)
    passed = panel.column("passed", np.int8) if pipeline.filters else None
    cut = 0
    lives = panel.lives
    for block, found in panel.evaluated(wanted):
        places = lives.base[block], lives.first[block], lives.counts[block]
        cut += _ticks_nb(found["edge"], places, lives.stride, score)
        if passed is not None:
            lives.put(passed, block, found["passed"])
    return Scored(score, passed, cut)


def _stopped(pipeline: Pipeline) -> pl.Expr:
    """Which filter stops a market, as its code; 0 where none does."""
    stopped = pl.lit(0, pl.Int8)
    for place, part in reversed(list(enumerate(pipeline.filters))):
        code = pl.lit(FILTER_BASE + place, pl.Int8)
        stopped = pl.when(ask(part, "keep", pl.Expr).fill_null(value=False)).then(stopped).otherwise(code)
    return stopped


def passing(panel: Panel, pipeline: Pipeline) -> npt.NDArray[np.bool_]:
    """Where every filter lets a market through, a row each; the panel has the tables' columns already."""
    if not pipeline.filters:
        return np.ones(panel.lives.total, np.bool_)
    return panel.computed({"passed": _stopped(pipeline)})["passed"] == 0


@kept()
def _ticks_nb(edge: Any, places: Any, stride: int, score: Any) -> int:
    """Edges of some markets in dollars as whole ticks of their rows; what is not a number is no opinion.

    Returns how many were cut to a dollar.
    """
    base, first, counts = places
    cut = i = 0
    for m in range(len(base)):
        for t in range(first[m], first[m] + counts[m]):
            ticks = np.rint(edge[i] * DOLLAR)
            cut += abs(ticks) > DOLLAR
            score[base[m] + t * stride] = 0 if np.isnan(ticks) else np.int16(min(max(ticks, -DOLLAR), DOLLAR))
            i += 1
    return cut


def panel_for(
    data: str | Path | Store | Panel,
    pipeline: Pipeline,
    start: Moment | None = None,
    end: Moment | None = None,
    progress: Progress | None = None,
    cells: Sequence[Pipeline] = (),
    *,
    recorded: bool = False,
) -> tuple[Panel, tuple[str, ...]]:
    """The panel that a pipeline's source asks for, with what its maker's orders get; and what was left out.

    ``cells`` are variants of the pipeline that run on the same panel; ``recorded`` as in ``build_panel``.
    """
    pipeline.check()
    wanted = maker_of(cells or (pipeline,))
    if isinstance(data, Panel):
        return data, ()
    opened = open_history(data)
    step = int(pipeline.source.values.get("step_minutes", 60)) * MINUTE_NS
    keep = ask(pipeline.source, "keep", (pl.Expr, NoneType))
    panel = build_panel(opened.store, start, end, step, where=keep, recorded=recorded, progress=progress)
    if wanted is not None:
        from .panel.maker import with_orders

        panel = with_orders(opened.store, panel, *wanted)
    return panel, opened.notes


def maker_of(pipelines: Sequence[Pipeline]) -> tuple[str, int] | None:
    """The queue model of the pipelines that enter as makers, and how many bars their orders wait at most."""
    makers = [limits for one in pipelines if (limits := one.limits()).get("entry") == "maker"]
    if not makers:
        return None
    queues = sorted({queue_model(str(limits.get("queue", "power@3"))).name for limits in makers})
    if len(queues) > 1:
        raise InputError(f"queue shapes the data of all cells, so it is one for all of them, not {', '.join(queues)}")
    return queues[0], max(int(limits.get("maker_bars", 1)) for limits in makers)


def _has_orders(panel: Panel, pipelines: Sequence[Pipeline]) -> None:
    """Refuse a panel that does not say what the pipelines' resting orders get."""
    wanted = maker_of(pipelines)
    if wanted is None:
        return
    queue, bars = wanted
    if panel.resting is None or panel.resting.queue != queue or panel.resting.bars < bars:
        raise InputError(
            f"this panel does not say what these orders get: put it through with_orders(…, {queue!r}, {bars})"
        )


def backtest(
    data: str | Path | Store | Panel,
    strategy: str | Path | Pipeline = "quant",
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    options: Mapping[str, Any] | None = None,
    random_portfolios: int = 0,
    seed: int = 0,
    reward: str = "none",
    progress: Progress | None = None,
) -> BetsRun:
    """Run a pipeline over recorded markets and keep everything.

    ``data`` is a store, a folder with ``markets.csv`` and ``trades.csv``, or a panel. ``options`` set parameters of
    the pipeline by name; one that it does not have is an error. ``random_portfolios`` adds that many to compare with.
    ``reward`` names the incentive programs that pay for a maker's entries while they rest.
    """
    pipeline = strategy if isinstance(strategy, Pipeline) else load_pipeline(strategy)
    pipeline = pipeline.with_values(**(options or {}))
    if check_rewards(reward) != "none" and (maker_of((pipeline,)) is None or isinstance(data, Panel)):
        raise InputError("reward= is for orders that rest on a store's markets: set entry=maker, and give a store")
    panel, notes = panel_for(data, pipeline, start, end, progress)
    _has_orders(panel, (pipeline,))
    scored = score_panel(panel, pipeline)
    columns = columns_of(panel, scored.score, membership_of(pipeline))
    rule = rules(pipeline.limits())
    made = run(columns, rule, scored.passed)
    has_bets = len(made.trades) + len(made.still_open) > 0
    random = compare_random(columns, rule, made, random_portfolios, seed) if random_portfolios and has_bets else None
    place = None if isinstance(data, Panel) else data.path if isinstance(data, Store) else str(data)
    by_queue = _by_queue(data, panel, columns, rule, scored, made)
    rewards: list[dict[str, Any]] = []
    if reward != "none" and not isinstance(data, Panel):
        from .rewards import maker_rewards

        rewards = maker_rewards(open_history(data).store, panel, columns, made.rested, reward)
    return BetsRun(
        pipeline, panel, columns, rule, scored, made, random, seed, place, start, end, notes, by_queue, reward, rewards
    )


def _by_queue(
    data: str | Path | Store | Panel,
    panel: Panel,
    columns: PanelColumns,
    rule: npt.NDArray[Any],
    scored: Scored,
    made: PortfolioRun,
) -> dict[str, int]:
    """P&L of maker entries under the least favourable queue model, the chosen one and the most favourable one."""
    if panel.resting is None or isinstance(data, Panel):
        return {}
    from .panel.maker import orders

    chosen = panel.resting.queue
    names = [name for name in BRACKET if name != chosen]
    found = {chosen: made.pnl}
    for other in orders(open_history(data).store, panel, names, panel.resting.bars):
        found[other.queue] = run(with_resting(columns, other), rule, scored.passed).pnl
    return {name: found[name] for name in dict.fromkeys((BRACKET[0], chosen, BRACKET[1]))}


def membership_of(pipeline: Pipeline) -> Membership:
    """Whose rounding of fees holds."""
    return "broker" if pipeline.executor.values.get("membership") == "broker" else "direct"


@dataclass(frozen=True)
class BetGrid:
    """Many cells: a row of totals a cell, each cell's P&L a day, and what each market came to in it.

    Sharpe and exposure are over the time with something at stake, as in the results of one run.
    """

    frame: pl.DataFrame
    daily: npt.NDArray[np.int64]  #: cells x days, micros
    booked: npt.NDArray[np.int64]  #: cells x markets x BOOKED
    columns: PanelColumns
    cut: int = 0  #: how many scores were beyond a dollar


def run_grid(panel: Panel, pipeline: Pipeline, cells: Cells, progress: Progress | None = None) -> BetGrid:
    """Run many cells, each a set of parameters.

    Cells that share scorer and filters share their scores; portfolio rules cost one pass of the kernel each.
    """
    if not cells:
        raise InputError("a grid needs at least one cell")
    made = [pipeline.with_values(**cell) for cell in cells]
    if any(one.source.values != pipeline.source.values for one in made):
        raise InputError("the source says what the panel holds, so it is the same for all cells; run a grid for each")
    _has_orders(panel, made)
    shared: dict[str, list[int]] = {}
    for index, one in enumerate(made):
        known = (one.scorer.values, [part.values for part in (*one.tables, *one.filters)], membership_of(one))
        shared.setdefault(repr(known), []).append(index)
    parts: list[tuple[list[int], Any]] = []
    columns: PanelColumns | None = None
    done = cut = 0
    for places in shared.values():
        one = made[places[0]]
        scored = score_panel(panel, one)
        cut += scored.cut
        columns = columns_of(panel, scored.score, membership_of(one))
        for some in (places[at : at + CHUNK] for at in range(0, len(places), CHUNK)):
            wanted = np.concatenate([rules(made[place].limits()) for place in some])
            parts.append((some, (wanted, *run_cells(columns, wanted, scored.passed))))
            done += len(some)
            if progress is not None:
                progress(done, len(cells))
    assert columns is not None
    order = np.argsort([place for places, _ in parts for place in places], kind="stable")
    rule, accounts, sampled, booked = (np.concatenate([part[i] for _, part in parts])[order] for i in range(4))
    daily = np.diff(sampled[:, :, SAMPLED_EQUITY], axis=1, prepend=rule["capital"][:, None])
    totals = [_totals(a, int(r["capital"])) for a, r in zip(accounts, rule, strict=True)]
    frame = pl.DataFrame([{**cell, **total} for cell, total in zip(cells, totals, strict=True)])
    returns = daily / np.maximum(np.cumsum(daily, axis=1) - daily + rule["capital"][:, None], 1)
    staked = sampled[:, :, SAMPLED_STAKED] > 0
    ratios = [sharpe(own[days], days_a_year(np.flatnonzero(days))) for own, days in zip(returns, staked, strict=True)]
    return BetGrid(frame.with_columns(pl.Series("sharpe", ratios, pl.Float64)), daily, booked, columns, cut)


def _totals(account: npt.NDArray[Any], capital: int) -> dict[str, Any]:
    trades = int(account["trades"])
    return {
        "pnl": (int(account["equity"]) - capital) / 1e6,
        "return": (int(account["equity"]) - capital) / capital,
        "trades": trades,
        "win_rate": int(account["wins"]) / trades if trades else None,
        "profit_factor": int(account["gains"]) / int(account["losses"]) if account["losses"] else None,
        "fees": int(account["fees"]) / 1e6,
        "turnover": int(account["turnover"]) / 1e6,
        "max_drawdown": int(account["drawdown"]) / 1e6,
        "mean_hold_hours": int(account["hold_ns"]) / 3.6e12 / trades if trades else None,
        "exposure": float(account["locked_bars"]) / max(int(account["staked_bars"]), 1) / capital,
        "open_at_end": int(account["held"]),
        **order_counts(account),
    }


def order_counts(account: npt.NDArray[Any]) -> dict[str, int]:
    """What became of the orders that rested: placed, filled whole, filled in part, withdrawn with nothing filled."""
    placed, whole, part = (int(account[name]) for name in ("orders", "filled", "part_filled"))
    return {"orders": placed, "filled": whole, "part_filled": part, "withdrawn": placed - whole - part}
