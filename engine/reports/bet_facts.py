"""The figures of a betting backtest in words, for the command and the report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def bet_facts(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each figure, in the order of interest."""
    figures, interval, random = result["figures"], result["event_interval"], result["random"]
    facts = [
        ("period", f"{_day(result['from_ts'])} to {_day(result['to_ts'])}, {result['markets']:,} markets"),
        ("capital", f"{_usd(result['capital'])} became {_usd(result['final_equity'])}"),
        ("return", f"{_usd(figures['pnl'])}, {_percent(figures['total_return'])}"),
        ("Sharpe, Sortino, Calmar", ", ".join(_plain(figures[n]) for n in ("sharpe", "sortino", "calmar"))),
        ("", figures["assumptions"]),
        (
            "maximum drawdown",
            f"{_usd(figures['max_drawdown'])}, {_percent(figures['max_drawdown_share'])}, "
            f"{_day(figures['drawdown_from_ts'])} to {_day(figures['drawdown_to_ts'])}",
        ),
        ("trades", f"{figures['trades']:,}, {_plain(result['trades_a_day'])} a day, {result['open_at_end']} open"),
        ("win rate", _percent(figures["win_rate"])),
        ("average trade", f"{_usd(figures['expectancy'])}, profit factor {_plain(figures['profit_factor'])}"),
        ("hold time", f"{_plain((figures['mean_hold_seconds'] or 0) / 3600)} hours on average"),
        (
            "exposure",
            f"{_percent(result['exposure'])} of capital on average, at most {_percent(result['max_exposure'])}",
        ),
        ("fees", f"{_usd(result['fees'])} on {_usd(result['turnover'])} bought"),
        (
            "stops",
            f"{result['stops']['stops']}, filled {_plain(result['stops']['mean_cents'])} c past their mark on average",
        ),
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
            f"better than {_percent(random['beaten'])} of {random['portfolios']}, whose mean is {_usd(random['mean'])}"
        )
        facts += [("random portfolios", text), ("buying everything", _percent(random["market_return"]))]
    for whose, scores in result["calibration"].items():
        if scores:
            named = (("Brier", "brier"), ("log loss", "log_loss"), ("error", "calibration_error"))
            text = ", ".join(f"{title} {scores[name]:.4f}" for title, name in named)
            facts.append((f"calibration, {whose}", text))
    return facts


def _day(ts: int | None) -> str:
    return "-" if ts is None else datetime.fromtimestamp(ts // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"


def _usd(value: float | None) -> str:
    return "-" if value is None else f"{'-' if value < 0 else ''}${abs(value):,.2f}"
