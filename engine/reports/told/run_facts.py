"""The figures of a replay in words: dollars, contracts, cents, per cent, spans of time.

The one place that says what of a run's record is shown, and in which unit. What an old record lacks is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...figures.words import UNKNOWN, count, figure, moment, percent, span, usd
from .named import (
    CENTS,
    CONTRACTS,
    COST,
    COUNT,
    DOLLARS,
    FINE_SHARE,
    PLAIN,
    RATIO,
    SECONDS,
    SHARE,
    SOME,
    Facts,
    Figure,
    FigureGroup,
    FigureUnit,
    ToldGroup,
    contracts_of,
    facts,
    told,
)


def _ahead(places: Mapping[str, float]) -> str:
    middle, low, high = (figure(places[name]).removesuffix(".00") for name in ("median", "p25", "p75"))
    return f"{middle}, mostly {low} to {high}"


_VALUED = FigureUnit(
    "words", lambda settled: "at settlement" if settled else "at the last mid: the market is not settled"
)
_AHEAD = FigureUnit("contracts", _ahead)
_SHARPE = FigureUnit("ratio", lambda ratio, seconds: f"{ratio:.3f} for periods of {span(seconds)}, not annualised")
_LOT_HOURS = FigureUnit("contract-hours", lambda lots: figure(lots / 100))
_KNOWN = FigureUnit(
    "per cent", lambda known, lasted: f"{percent(known / lasted)} of {span(lasted / 1e9)}" if lasted else UNKNOWN
)
_BOOKS = FigureUnit("count", lambda whole, gaps: f"{count(whole, 'snapshot')}, {count(gaps, 'gap')}")
_MATCHED = FigureUnit("per cent", lambda matched, traded: percent(matched / traded) if traded else "")

PER_DOLLAR = FigureUnit("per cent", lambda rate: percent(rate, 2))
_RATE = FigureUnit("per cent", lambda rewards, locked: percent(rewards / locked, 2) if locked > 0 else "")

#: Moments after a fill at which the mid is looked at.
_WHEN = {
    "1s": "1 s after a fill",
    "10s": "10 s after a fill",
    "60s": "a minute after a fill",
    "600s": "ten minutes after a fill",
    "settlement": "at settlement after a fill",
}

RUN: tuple[FigureGroup, ...] = (
    FigureGroup(
        "P&L",
        (
            Figure("pnl", "P&L", DOLLARS, "what was made in all; the five parts below it add up to it"),
            Figure("spread_capture", "spread capture", DOLLARS, "by how much fills were better than the mid of then"),
            Figure("drift", "drift", DOLLARS, "what moves of the mid made of the position held"),
            Figure("settlement", "settlement", DOLLARS, "from the last mid to what the market paid"),
            Figure("rebates", "rebates", DOLLARS, "what the exchange gave back for fills"),
            Figure("fees", "fees", COST, "what the exchange charged for fills"),
            Figure("settled", "valued", _VALUED, "what a position that was left over counts as"),
            Figure("max_drawdown", "drawdown", DOLLARS, "deepest fall of equity at mid below its highest before"),
        ),
    ),
    FigureGroup(
        "Rewards",
        (
            Figure("pnl_without_rewards", "P&L without rewards", DOLLARS, "what quoting alone made"),
            Figure("rewards", "rewards", DOLLARS, "what incentive programs paid; part of the P&L"),
            Figure(
                "rewards_earned", "rewards before the rules", DOLLARS, "without the least of a dollar, cents and caps"
            ),
            Figure("locked", "locked up", DOLLARS, "by position and orders, on average"),
            Figure("rewards locked", "rewards a dollar locked up", _RATE, "over the whole time"),
            Figure("rewards_dollar_day", "rewards a dollar and day", PER_DOLLAR, "of each dollar locked up"),
            Figure("pnl_dollar_day", "P&L a dollar and day", PER_DOLLAR, "of each dollar locked up, rewards too"),
            Figure("rewards_unanswered", "rewards if nobody answers", DOLLARS, "where rivals are let answer"),
        ),
    ),
    FigureGroup(
        "Fills",
        (
            Figure("fills", "fills", COUNT, "orders filled, whole or in part"),
            Figure("volume", "traded", CONTRACTS, "contracts filled"),
            Figure("quoting.fill_ratio", "filled of what was posted", FINE_SHARE, "contracts filled of those offered"),
            Figure("quoting.fills_a_quote_hour", "fills an hour of quoting", RATIO, "while any quote stood"),
            *(
                Figure(f"markouts.markout_{key}", f"the mid {when}", CENTS, "its move in our favour, by volume")
                for key, when in _WHEN.items()
            ),
            Figure("queue_ahead", "contracts ahead in the queue", _AHEAD, "when an order came to rest"),
        ),
    ),
    FigureGroup(
        "Quoting",
        (
            Figure("requotes", "re-quotes", COUNT, "decisions of the model"),
            Figure("refused", "orders refused by limits", SOME, "they would have passed a limit on position or money"),
            Figure("rejected", "orders that would have crossed", SOME, "post-only orders that the exchange refused"),
            Figure("uptime", "both quotes stood", SHARE, "of the time"),
            Figure("quoting.at_touch", "a quote stood at the best price", SHARE, "of the time, or better than it"),
            Figure(
                "quoting.sharpe quoting.sharpe_period_s",
                "Sharpe ratio",
                _SHARPE,
                "mean P&L of a period by its deviation",
            ),
        ),
    ),
    FigureGroup(
        "Position",
        (
            Figure("position", "position at the end", CONTRACTS, "YES contracts; below zero: sold"),
            Figure("quoting.inventory.mean_abs", "position on average, without sign", CONTRACTS, "over the time"),
            Figure("quoting.inventory.max_abs", "largest position", CONTRACTS, "long or short"),
            Figure(
                "quoting.inventory.deviation", "deviation of the position", CONTRACTS, "around its mean, over the time"
            ),
            Figure(
                "quoting.inventory.half_life_seconds",
                "half-life of the position",
                SECONDS,
                "in which half of it is gone",
            ),
            Figure(
                "quoting.inventory.lot_hours", "contracts times hours held", _LOT_HOURS, "how much was held how long"
            ),
        ),
    ),
)
DATA: tuple[FigureGroup, ...] = (
    FigureGroup(
        "What was recorded",
        (
            Figure("events", "events", COUNT, "changes of the book, trades, prices of the underlying, statuses"),
            Figure("known_ns span_ns", "time with a known book", _KNOWN, "nothing fills in the rest"),
            Figure(
                "snapshots gaps", "whole books and gaps", _BOOKS, "times at which the book was told whole, or missed"
            ),
            Figure("traded_lots", "traded", CONTRACTS, "by everybody"),
            Figure(
                "matched_lots traded_lots", "trades that were found in the book", _MATCHED, "share of their contracts"
            ),
            Figure("negative_levels", "levels below zero", SOME, "sizes that changes of the book took below zero"),
            Figure("unusable_rows", "changes of an unknown book", SOME, "left out"),
            Figure("crossed_events", "moments with crossed books", SOME, "the best bid at the best ask or above it"),
            Figure("guessed_sides", "trades with a guessed side", SOME, "by the mid, as nobody told who took"),
            Figure("block_trades", "block trades left out", SOME, "agreed outside of the book"),
        ),
    ),
)


#: Of several replays, the figures that add up over markets.
_OF: dict[str, tuple[Figure, ...]] = {group.title: group.figures for group in RUN}
TOTAL: tuple[FigureGroup, ...] = (
    FigureGroup(
        "P&L",
        tuple(
            replace(one, name=f"{one.name}, all markets") if one.name in ("P&L", "drawdown") else one
            for one in _OF["P&L"]
            if one.keys != "settled"
        ),
    ),
    FigureGroup(
        "Markets",
        (
            Figure("best", "best market", PLAIN, "the one with the highest P&L"),
            Figure("worst", "worst market", PLAIN, "the one with the lowest P&L"),
            Figure("earned", "markets with a profit", PLAIN, "P&L above zero"),
        ),
    ),
    FigureGroup("Rewards", tuple(one for one in _OF["Rewards"] if "locked" not in one.keys)),
    FigureGroup("Fills", tuple(one for one in _OF["Fills"] if one.keys in ("fills", "volume"))),
    FigureGroup("Quoting", tuple(one for one in _OF["Quoting"] if one.keys in ("requotes", "refused", "rejected"))),
)


def run_groups(record: Mapping[str, Any]) -> list[ToldGroup]:
    """Write the figures of one replay, group by group, in the order of interest."""
    return told(RUN, record.get("summary") or {})


def run_facts(record: Mapping[str, Any]) -> Facts:
    """Name and text of each figure of one replay."""
    return facts(run_groups(record))


def queue_rows(by_queue: Mapping[str, int] | None) -> list[tuple[str, str]]:
    """Rows of a table of P&L by queue model; of those that were run the least and the most favourable are named."""
    if not by_queue:
        return []
    low, high = min(by_queue.values()), max(by_queue.values())
    marks = {low: ", the least favourable", high: ", the most favourable"} if low != high else {}
    return [(f"{name}{marks.get(pnl, '')}", usd(pnl)) for name, pnl in by_queue.items()]


def queue_span(by_queue: Mapping[str, int] | None) -> str:
    """What the P&L is under all queue models that were run, in one line; nothing for fewer than two."""
    made = list((by_queue or {}).values())
    if len(made) < 2:
        return ""
    low, high = usd(min(made)), usd(max(made))
    return f"under each of {len(made)} queue models" if low == high else f"{low} to {high} by queue model"


def data_groups(record: Mapping[str, Any]) -> list[ToldGroup]:
    """Write what the recorded data of a replay can carry."""
    return told(DATA, record.get("coverage") or {})


def data_facts(record: Mapping[str, Any]) -> Facts:
    """Name and text of what the recorded data of a replay can carry."""
    return facts(data_groups(record))


def market_rows(record: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    """Rows of the table of several replays, and their total: market, P&L, fees, fills, contracts, what is left."""
    for row in record["markets"]:
        made = row["summary"]
        left = _amount(made["position"]) if made["position"] else "none"
        end = f"{left}, settled" if made["settled"] else f"{left}, at the last mid"
        yield row["ticker"], usd(made["pnl"]), usd(-made["fees"]), f"{made['fills']:,}", _amount(made["volume"]), end
    total = record["total"]
    settled = f"{total['settled_markets']:,} of {len(record['markets']):,} settled"
    yield (
        "total", usd(total["pnl"]), usd(-total["fees"]), f"{total['fills']:,}", _amount(total["volume"]), settled,
    )  # fmt: skip


def _amount(lots: int) -> str:
    return contracts_of(lots).split()[0]


MARKET_COLUMNS = ("market", "P&L", "fees", "fills", "contracts", "position at the end")


def total_groups(record: Mapping[str, Any]) -> list[ToldGroup]:
    """Write the figures of several replays together, and the best and the worst of their markets."""
    made = {row["ticker"]: row["summary"]["pnl"] for row in record["markets"]}
    earned = sum(pnl > 0 for pnl in made.values())
    ends = {word: f"{record[word]}, {usd(made[record[word]])}" for word in ("best", "worst") if len(made) > 1}
    return told(TOTAL, {**record["total"], **ends, "earned": f"{earned:,} of {len(made):,}"})


def total_facts(record: Mapping[str, Any]) -> Facts:
    """Name and text of each figure of several replays together."""
    return facts(total_groups(record))


def period_of(first: int, last: int) -> str:
    """The first and the last moment of a run, UTC."""
    return f"{moment(first, seconds=True)} to {moment(last, seconds=True)} UTC"
