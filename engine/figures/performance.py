"""How a strategy did: its equity sampled in whole periods, and every figure of ``metrics.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...io.ground.errors import InputError
from .metrics import (
    DAYS_PER_YEAR,
    UNDEFINED,
    Floats,
    Integers,
    Numbers,
    annual_growth,
    calmar,
    expectancy,
    floats,
    gain_to_pain,
    max_drawdown,
    omega,
    payoff,
    profit_factor,
    sharpe,
    sortino,
    tail_ratio,
    volatility,
    win_rate,
)
from .warnings import Notice
from .words import count as count_of

DAY_NS = 86_400_000_000_000
FEW_PERIODS = 30


def period_curve(
    ts: Integers, equity: Integers, start_ts: int, end_ts: int, start_equity: int, period_ns: int = DAY_NS
) -> tuple[Integers, Integers]:
    """Sample an equity curve at the ends of whole UTC periods: each period's start and P&L, flat ones too.

    >>> starts, pnl = period_curve(np.array([5, 25]), np.array([3, 1]), 0, 40, 0, period_ns=10)
    >>> starts.tolist(), pnl.tolist()
    ([0, 10, 20, 30], [3, 0, -2, 0])
    """
    if end_ts <= start_ts or period_ns <= 0:
        raise InputError(f"a curve needs an end after its start, got {start_ts} to {end_ts}")
    starts = np.arange(start_ts // period_ns, -(-end_ts // period_ns), dtype=np.int64) * period_ns
    at = np.searchsorted(ts, starts + period_ns, side="left")
    heights = np.concatenate((np.array([start_equity], dtype=np.int64), equity))[at]
    return starts, np.diff(heights, prepend=np.int64(start_equity))


@dataclass(frozen=True)
class Performance:
    """The figures of one curve, what they assume, and the warnings that belong to them."""

    values: dict[str, float | int | None]
    assumptions: str
    notices: tuple[Notice, ...]


def performance(
    period_starts: Integers,
    pnl: Integers,
    capital: int,
    trade_results: Numbers = (),
    hold_seconds: Numbers = (),
    periods_per_year: float = DAYS_PER_YEAR,
    compound: bool = False,
    which: str = "flat ones included",
) -> Performance:
    """Measure a strategy from its P&L a period (micros) and the capital it tied up.

    ``which`` says in the assumptions which periods were taken.
    ``compound`` divides each P&L by what the capital had become (an account that reinvests); otherwise by the capital
    (a quoter whose collateral stays the same).
    """
    if capital <= 0:
        raise InputError(f"capital must be positive, got {capital}")
    money = floats(pnl, "P&L")
    trades, holds = floats(trade_results, "trade results"), floats(hold_seconds, "hold times")
    curve = capital + np.cumsum(money)
    growth = _shares(money, np.concatenate(([float(capital)], curve[:-1])))
    returns = growth if compound else money / capital
    fall = max_drawdown(curve, capital)
    per_year: dict[str, Callable[[Numbers, float], float | None]] = {
        "sharpe": sharpe,
        "sortino": sortino,
        "volatility": volatility,
    }
    values: dict[str, float | int | None] = {
        "pnl": int(np.sum(np.asarray(pnl, dtype=np.int64))),
        "periods": money.size,
        "total_return": float(np.sum(money)) / capital,
        "annual_growth": annual_growth(growth, periods_per_year),
        **{name: figure(returns, periods_per_year) for name, figure in per_year.items()},
        "calmar": calmar(growth, periods_per_year),
        "omega": omega(returns),
        "tail_ratio": tail_ratio(returns),
        "gain_to_pain": gain_to_pain(returns),
        "max_drawdown": round(fall.depth),
        "max_drawdown_share": fall.share,
        "drawdown_from_ts": _moment(period_starts, fall.peak),
        "drawdown_to_ts": _moment(period_starts, fall.trough),
        "drawdown_recovered_ts": None if fall.recovery is None else _moment(period_starts, fall.recovery),
        "trades": trades.size,
        "win_rate": win_rate(trades),
        "profit_factor": profit_factor(trades),
        "payoff": payoff(trades),
        "expectancy": expectancy(trades),
        "mean_hold_seconds": float(np.mean(holds)) if holds.size else None,
    }
    missing = [
        Notice("degenerate-statistic", f"{name}: {reason}")
        for name, reason in UNDEFINED.items()
        if name in values and values[name] is None
    ]
    if money.size < FEW_PERIODS:
        missing.append(Notice("few-periods", count_of(money.size, "period")))
    base = "what the capital has become" if compound else "constant capital"
    told = f"{periods_per_year:,.4g} periods a year, {which}; returns on {base}"
    return Performance(values, told, tuple(missing))


def _shares(money: Floats, base: Floats) -> Floats:
    """Return money over base, 0 once the base is gone."""
    return np.divide(money, base, out=np.zeros(money.size), where=base > 0)


def _moment(period_starts: Integers, index: int) -> int | None:
    """Return the start of the period at ``index``; the starting value lies at the first period's start."""
    return int(period_starts[max(index, 0)]) if len(period_starts) else None
