"""Is it luck? Everything a sweep's P&L says about how much of its best cell to believe."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..figures.crossvalidation import WalkForward, overfitting, walk_forward, walk_forward_splits
from ..figures.metrics import Floats, Integers
from ..figures.resampling import block_length, mean_interval, snooping_test
from ..figures.statistics import deflated_sharpe, effective_trials, min_track_record, moments
from ..figures.warnings import Notice
from ..figures.words import count as count_of
from ..figures.words import usd
from .results import Sweep, synthetic
from .selection import Pick, best_plateau

YEAR_NS = 365 * 86_400_000_000_000
FOLDS = 5  #: of the walk-forward, unless the sweep says otherwise
FEW_EVENTS = 30
FEW_PERIODS = 30
CONCENTRATED = 0.5
ONE_SIDED = 0.9
THIN = 0.9


@dataclass(frozen=True)
class Evidence:
    """What the data says of a pick. Money in micros; ratios a period unless named annual; None: see the warnings.

    Periods and events are those in which some cell made or lost something; others say nothing of any cell.
    """

    cell: int | None  #: None: no cell made or lost anything, and none is recommended
    cells: int
    trials: int  #: independent trials by the average correlation of the cells, and the cells of earlier sweeps
    clusters: int  #: the same by groups of cells that move together
    periods: int
    idle_periods: int  #: between the first and the last of them, with nothing made or lost
    period_ns: int
    events: int
    in_sample_pnl: float  #: of the pick, all markets together
    sharpe_annual: float | None
    deflated_sharpe: float | None  #: probability that the true ratio exceeds what luck alone would reach
    luck_sharpe_annual: float | None  #: what luck alone would reach
    min_periods: float | None  #: periods needed to tell the ratio from 0 with 95% confidence
    overfitting_probability: float | None  #: the PBO
    overfitting_slope: float | None
    out_of_sample_loss_probability: float | None
    rank_stability: float | None  #: share of splits in which the pick stood above the median out of sample
    walk_forward_periods: float | None  #: out-of-sample P&L, cells chosen on earlier periods
    walk_forward_events: float | None  #: out-of-sample P&L, cells chosen on earlier events
    interval_mean: float | None  #: of the pick's P&L an event
    interval_low: float | None
    interval_high: float | None
    reality_check: float | None  #: White's probability that the best cell is no better than not trading
    spa: float | None  #: Hansen's, consistent
    notices: tuple[Notice, ...]

    @property
    def out_of_sample_pnl(self) -> float | None:
        """The out-of-sample P&L that counts: by events, or by periods where there are too few events."""
        return self.walk_forward_events if self.walk_forward_events is not None else self.walk_forward_periods

    def as_row(self) -> dict[str, Any]:
        """Return what is written to JSON."""
        row = asdict(self) | {"out_of_sample_pnl": self.out_of_sample_pnl}
        row["warnings"] = [notice.as_row() for notice in self.notices]
        del row["notices"]
        return row


def judge(sweep: Sweep, pick: Pick | None = None, earlier_trials: int = 0, seed: int = 0) -> Evidence:
    """Weigh a sweep's pick (the plateau, unless given) against the number of cells that were tried.

    ``earlier_trials`` counts cells of earlier sweeps over the same data: they were chances to be lucky, too. Folds and
    embargo of the walk-forward are those that the sweep was asked for.
    """
    forward = sweep.about.get("walk_forward") or {}
    folds, embargo = int(forward.get("folds", FOLDS)), int(forward.get("embargo_ns", 0))
    pick = pick or best_plateau(sweep)
    column = int(np.searchsorted(sweep.grid["cell"].to_numpy(), pick.cell))
    starts, pnl, idle = _busy_periods(sweep)
    begin, end, by_event = _busy_events(sweep)
    own = pnl[:, column]
    yearly = math.sqrt(YEAR_NS / sweep.period_ns * len(starts) / max(len(starts) + idle, 1))

    trials = effective_trials(pnl)
    count = trials.count + earlier_trials
    measured = moments(own)
    deflated = measured and deflated_sharpe(
        measured.sharpe, measured.periods, count, trials.variance, measured.skew, measured.kurtosis
    )
    symmetric = overfitting(pnl, watched=column)
    by_time = walk_forward(pnl, walk_forward_splits(starts, starts + sweep.period_ns, folds, embargo))
    by_events = walk_forward(by_event, walk_forward_splits(begin, end, folds, embargo)) if len(begin) > folds else None
    rows = by_event if len(begin) >= 3 else pnl
    interval = mean_interval(by_event[:, column], seed=seed)
    snooping = snooping_test(rows, mean_block=1.0 if rows is by_event else block_length(len(rows)), seed=seed)
    return Evidence(
        cell=None if sweep.made_nothing else pick.cell,
        cells=len(sweep.grid),
        trials=count,
        clusters=trials.clusters + earlier_trials,
        periods=len(starts),
        idle_periods=idle,
        period_ns=sweep.period_ns,
        events=len(begin),
        in_sample_pnl=float(own.sum()),
        sharpe_annual=measured.sharpe * yearly if measured else None,
        deflated_sharpe=deflated.probability if deflated else None,
        luck_sharpe_annual=deflated.threshold * yearly if deflated else None,
        min_periods=measured and min_track_record(measured.sharpe, 0.0, measured.skew, measured.kurtosis),
        overfitting_probability=symmetric.probability if symmetric else None,
        overfitting_slope=symmetric.slope if symmetric else None,
        out_of_sample_loss_probability=symmetric.loss_probability if symmetric else None,
        rank_stability=symmetric.watched_above_median if symmetric else None,
        walk_forward_periods=_total(by_time),
        walk_forward_events=_total(by_events),
        interval_mean=interval.mean if interval else None,
        interval_low=interval.low if interval else None,
        interval_high=interval.high if interval else None,
        reality_check=snooping.reality_check if snooping else None,
        spa=snooping.spa if snooping else None,
        notices=(
            *_data_notices(sweep, own, by_event[:, column]),
            *(() if sweep.made_nothing else pick.notices),
            *_luck_notices(
                symmetric.probability if symmetric else None,
                deflated.probability if deflated else None,
                _total(by_events) if by_events else _total(by_time),
            ),
        ),
    )


def _busy_periods(sweep: Sweep) -> tuple[Integers, Floats, int]:
    """Return the periods in which some cell's P&L moved: starts and P&L; and how many lie idle between them."""
    starts, pnl = sweep.period_pnl
    busy = np.flatnonzero(pnl.any(axis=1))
    idle = int(busy[-1] - busy[0]) + 1 - len(busy) if len(busy) else 0
    return starts[busy], pnl[busy], idle


def _busy_events(sweep: Sweep) -> tuple[Integers, Integers, Floats]:
    """Return the events in which some cell made or lost something: starts, ends and P&L."""
    _, begin, end, pnl = sweep.event_pnl
    busy = np.flatnonzero(pnl.any(axis=1))
    return begin[busy], end[busy], pnl[busy]


def _total(record: WalkForward | None) -> float | None:
    return float(record.pnl.sum()) if record else None


def _data_notices(sweep: Sweep, own: Floats, by_event: Floats) -> list[Notice]:
    """Warn of what the data cannot carry, whatever was found in it."""
    found = [*([Notice("nothing-traded")] if sweep.made_nothing else []), *sweep.notices]
    if synthetic([market.ticker for market in sweep.markets]):
        found.append(Notice("synthetic-data"))
    if by_event.size < FEW_EVENTS:
        found.append(Notice("few-events", f"{count_of(by_event.size, 'event')}; {FEW_EVENTS} are a start"))
    if own.size < FEW_PERIODS:
        found.append(Notice("few-periods", f"{count_of(own.size, 'period')}; {FEW_PERIODS} are a start"))
    if by_event.size > 1 and by_event.sum() > 0 and by_event.max() > CONCENTRATED * by_event.sum():
        found.append(Notice("concentration", f"{by_event.max() / by_event.sum():.0%} of the P&L"))
    paid = [market.settlement for market in sweep.markets if market.settlement in (0, 10_000)]
    if paid and not sweep.made_nothing and max(yes := sum(map(bool, paid)), len(paid) - yes) >= ONE_SIDED * len(paid):
        found.append(Notice("one-sided-settlement", f"{yes} of {count_of(len(paid), 'market')} paid YES"))
    thin = [market for market in sweep.markets if market.coverage is not None and market.coverage < THIN]
    if thin:
        worst = min(market.coverage or 0.0 for market in thin)
        found.append(
            Notice("thin-coverage", f"{len(thin)} of {count_of(len(sweep.markets), 'market')}, down to {worst:.0%}")
        )
    named: dict[str, Notice] = {}
    for notice in found:
        named.setdefault(notice.name, notice)
    return list(named.values())


def _luck_notices(pbo: float | None, deflated: float | None, outside: float | None) -> list[Notice]:
    """Warn of what looks like luck, and of tests that could not be made."""
    found = []
    if pbo is None:
        found.append(Notice("degenerate-statistic", "PBO: fewer than four periods or two cells"))
    elif pbo > 0.5:
        found.append(Notice("overfit", f"PBO {pbo:.2f}"))
    if deflated is None:
        found.append(Notice("degenerate-statistic", "deflated Sharpe ratio: the pick's P&L does not vary"))
    elif deflated < 0.95:
        found.append(Notice("no-edge", f"deflated Sharpe ratio {deflated:.2f}, wanted .95"))
    if outside is None:
        found.append(Notice("degenerate-statistic", "out-of-sample P&L: too few periods"))
    elif outside < 0:
        found.append(Notice("out-of-sample-loss", usd(outside)))
    return found
