"""The figures of a betting backtest in words, for the command and the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..figures.words import UNKNOWN, count, figure, moment, percent, span, usd


def bet_facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each figure, in the order of interest."""
    figures, interval, random = result["figures"], result["event_interval"], result["random"]
    facts = [
        (
            "history",
            f"{moment(result['from_ts'])} to {moment(result['to_ts'])} UTC, {count(result['markets'], 'market')}",
        ),
        *_stake(result.get("at_stake")),
        ("capital", f"{_usd(result['capital'])} became {_usd(result['final_equity'])}"),
        ("return", f"{_usd(figures['pnl'])}, {percent(figures['total_return'])}"),
        ("Sharpe, Sortino, Calmar", ", ".join(figure(figures[n]) for n in ("sharpe", "sortino", "calmar"))),
        ("", figures["assumptions"]),
        (
            "maximum drawdown",
            f"{_usd(figures['max_drawdown'])}, {percent(figures['max_drawdown_share'])}, "
            f"{moment(figures['drawdown_from_ts'])} to {moment(figures['drawdown_to_ts'])}",
        ),
        (
            "trades",
            f"{figures['trades']:,}, {figure(result['trades_a_day'])} a day at stake, {result['open_at_end']} open",
        ),
        ("win rate", percent(figures["win_rate"])),
        ("average trade", f"{_usd(figures['expectancy'])}, profit factor {figure(figures['profit_factor'])}"),
        ("hold time", f"{span(figures['mean_hold_seconds'])} on average"),
        (
            "exposure",
            f"{percent(result['exposure'])} of capital on average while something was at stake, "
            f"at most {percent(result['max_exposure'])}",
        ),
        ("fees", f"{_usd(result['fees'])} on {_usd(result['turnover'])} bought"),
        ("stops", _stops(result["stops"])),
    ]
    if made := result.get("maker_orders"):
        parts = f"{made['filled']:,} filled, {made['part_filled']:,} in part, {made['withdrawn']:,} withdrawn unfilled"
        facts.append(("maker orders", f"{made['orders']:,} placed: {parts}"))
    if by_queue := result.get("by_queue"):
        facts.append(("return by queue model", ", ".join(f"{name} {_usd(pnl)}" for name, pnl in by_queue.items())))
    if interval:
        spread = f"{_usd(interval['low'])} to {_usd(interval['high'])} (95 %, {interval['events']} events drawn again)"
        facts.append(("return, interval", spread))
    if random:
        text = (
            f"better than {percent(random['beaten'])} of {random['portfolios']}, whose mean is {_usd(random['mean'])}"
        )
        facts += [("random portfolios", text), ("buying everything", percent(random["market_return"]))]
    for whose, scores in result["calibration"].items():
        if scores:
            named = (("Brier", "brier"), ("log loss", "log_loss"), ("error", "calibration_error"))
            text = ", ".join(f"{title} {scores[name]:.4f}" for title, name in named)
            facts.append((f"calibration, {whose}", text))
    return facts


def _stake(told: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if told is None:
        return []
    days = f"{told['days']:,} of {count(told['history_days'], 'day')}"
    when = f", {moment(told['from_ts'])} to {moment(told['to_ts'])} UTC" if told["days"] else ""
    return [("days with something at stake", f"{days}{when}")]


def _stops(stops: Mapping[str, Any]) -> str:
    if not stops["stops"]:
        return "none"
    return f"{stops['stops']}, filled {figure(stops['mean_cents'])} c past their mark on average"


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


def _usd(value: float | None) -> str:
    return usd(None if value is None else value * 1e6)
