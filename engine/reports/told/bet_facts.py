"""The figures of a betting backtest in words: dollars, per cent, spans of time.

The one place that says what of the record of bets is shown, and in which unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...figures.words import UNKNOWN, count, days, figure, moment, percent, usd
from .named import (
    COUNT,
    PLAIN,
    RATE,
    RATIO,
    SECONDS,
    SHARE,
    WHOLE_DOLLARS,
    Facts,
    Figure,
    FigureGroup,
    FigureUnit,
    ToldGroup,
    facts,
    told,
)


def _interval(found: Mapping[str, Any]) -> str:
    return f"{_usd(found['low'])} to {_usd(found['high'])} (95 %, {count(found['events'], 'event')} drawn again)"


def _stake(told: Mapping[str, Any]) -> str:
    days = f"{told['days']:,} of {count(told['history_days'], 'day')}"
    return days + (f", {moment(told['from_ts'])} to {moment(told['to_ts'])} UTC" if told["days"] else "")


def _orders(made: Mapping[str, int]) -> str:
    parts = f"{made['filled']:,} filled, {made['part_filled']:,} in part, {made['withdrawn']:,} withdrawn unfilled"
    return f"{made['orders']:,} placed: {parts}"


def _by_queue(made: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {_usd(pnl)}" for name, pnl in made.items())


_STAKE = FigureUnit("days", _stake)
_SPAN = FigureUnit("UTC", lambda first, last: f"{moment(first)} to {moment(last)}")
_DAYS = FigureUnit("UTC", days)
_CAPITAL = FigureUnit("dollars", lambda had, has: f"{_usd(had)} became {_usd(has)}")
_STOPS = FigureUnit("cents", lambda cents: f"{figure(cents)} c")
_SCORE = FigureUnit("score", lambda value: f"{value:.4f}")
_BEATEN = FigureUnit("per cent", lambda share, number: f"better than {percent(share)} of {number:,}")
_INTERVAL, _ORDERS, _QUEUES = (
    FigureUnit("dollars", _interval),
    FigureUnit("count", _orders),
    FigureUnit("dollars", _by_queue),
)
_BRIER = "mean squared distance of a probability from what came true; 0 is perfect, 0.25 is a coin's"
_LOSS = "mean of minus the logarithm of the probability given to what came true; 0 is perfect, 0.69 is a coin's"
_ERROR = "mean distance between forecast and frequency, by band of the forecast"

BETS: tuple[FigureGroup, ...] = (
    FigureGroup(
        "Return",
        (
            Figure(
                "capital final_equity", "capital", _CAPITAL, "cash and positions at their marks, from first to last"
            ),
            Figure("figures.pnl", "P&L", WHOLE_DOLLARS, "what was made in all, fees paid"),
            Figure("figures.total_return", "return", SHARE, "P&L as a share of the capital"),
            Figure("event_interval", "return, interval", _INTERVAL, "where the P&L lies if events are drawn again"),
            Figure("by_queue", "return by queue model", _QUEUES, "P&L if resting orders fill by that rule"),
            Figure("fees", "fees", WHOLE_DOLLARS, "what the exchange charged"),
            Figure("turnover", "bought for", WHOLE_DOLLARS, "money that went into positions"),
        ),
    ),
    FigureGroup(
        "Risk",
        (
            Figure("figures.max_drawdown", "maximum drawdown", WHOLE_DOLLARS, "deepest fall of equity below its peak"),
            Figure("figures.max_drawdown_share", "maximum drawdown, share", SHARE, "of that peak"),
            Figure("figures.drawdown_from_ts figures.drawdown_to_ts", "drawdown from and to", _DAYS, "peak and bottom"),
            Figure("exposure", "exposure", SHARE, "of the capital on average, while something was at stake"),
            Figure("max_exposure", "largest exposure", SHARE, "of the capital"),
            Figure("figures.sharpe", "Sharpe ratio", RATIO, "mean return by its deviation, a year"),
            Figure("figures.sortino", "Sortino ratio", RATIO, "mean return by the deviation of losses, a year"),
            Figure("figures.calmar", "Calmar ratio", RATIO, "growth a year by the maximum drawdown"),
            Figure(
                "figures.assumptions", "ratios are over", PLAIN, "periods and capital that the ratios are taken over"
            ),
        ),
    ),
    FigureGroup(
        "Trades",
        (
            Figure("figures.trades", "trades", COUNT, "positions entered"),
            Figure("trades_a_day", "trades a day at stake", RATE, "a day with something at stake"),
            Figure("open_at_end", "open at the end", COUNT, "counted at their last mark"),
            Figure("figures.win_rate", "win rate", SHARE, "share of trades with a profit"),
            Figure("figures.expectancy", "average trade", WHOLE_DOLLARS, "mean P&L of a trade"),
            Figure("figures.profit_factor", "profit factor", RATIO, "profits by losses"),
            Figure("figures.mean_hold_seconds", "hold time", SECONDS, "from entry to exit, on average"),
            Figure("stops.stops", "stops", COUNT, "trades that ended at a stop"),
            Figure("stops.mean_cents", "past the stop", _STOPS, "by how much stops filled past their mark, on average"),
            Figure("maker_orders", "maker orders", _ORDERS, "resting orders of entries"),
        ),
    ),
    FigureGroup(
        "History",
        (
            Figure("from_ts to_ts", "history", _SPAN, "what was looked at"),
            Figure("markets", "markets", COUNT, "that lived in it"),
            Figure("at_stake", "days with something at stake", _STAKE, "a position was held, or money moved"),
        ),
    ),
    FigureGroup(
        "Is it luck?",
        (
            Figure(
                "random.beaten random.portfolios",
                "random portfolios",
                _BEATEN,
                "same bars and money, random markets and sides",
            ),
            Figure("random.mean", "mean of random portfolios", WHOLE_DOLLARS, "their average P&L"),
            Figure("random.market_return", "buying everything", SHARE, "return of a contract of each side's market"),
        ),
    ),
    FigureGroup(
        "Calibration",
        (
            Figure("calibration.market.brier", "Brier score of the market", _SCORE, _BRIER),
            Figure("calibration.strategy.brier", "Brier score of the strategy", _SCORE, _BRIER),
            Figure("calibration.market.log_loss", "log loss of the market", _SCORE, _LOSS),
            Figure("calibration.strategy.log_loss", "log loss of the strategy", _SCORE, _LOSS),
            Figure("calibration.market.calibration_error", "calibration error of the market", SHARE, _ERROR),
            Figure("calibration.strategy.calibration_error", "calibration error of the strategy", SHARE, _ERROR),
        ),
    ),
)


def bet_groups(result: Mapping[str, Any], notes: bool = True) -> list[ToldGroup]:
    """Write the figures of a betting backtest, group by group; without ``notes`` only what is a figure."""
    groups = told(BETS, result)
    return (
        groups
        if notes
        else [ToldGroup(title, [one for one in each if one[0].unit is not PLAIN]) for title, each in groups]
    )


def bet_facts(result: Mapping[str, Any]) -> Facts:
    """Name and text of each figure of a betting backtest."""
    return facts(bet_groups(result))


GROUP_COLUMNS = ("trades", "win rate", "P&L", "fees", "return")


def group_rows(by: str, rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of a table of trades by group, under the group's name and ``GROUP_COLUMNS``."""
    return [
        (str(row[by]), f"{row['trades']:,}", percent(row["win_rate"]), _usd(row["pnl"]), _usd(row["fees"]),
         percent(row["return"]))
        for row in rows
    ]  # fmt: skip


CANDIDATE_COLUMNS = ("fate", "candidates", "settled", "won", "P&L of one contract")


def candidate_rows(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of a table of what became of the candidates, under ``CANDIDATE_COLUMNS``."""
    return [
        (row["fate"], f"{row['candidates']:,}", f"{row['settled']:,}", percent(row["won"]), _cents(row["mean_pnl"]))
        for row in rows
    ]


def _cents(dollars: float | None) -> str:
    return UNKNOWN if dollars is None else f"{dollars * 100:+.2f} c"


def _usd(dollars: float | None) -> str:
    return usd(None if dollars is None else dollars * 1e6)
