"""The figures of a replay in words, for the command and the page: dollars, contracts, cents, per cent, spans of time.

The one place that says what of a run's record is shown, and in which unit. What an old record lacks is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...io.ground.units import contracts
from ..figures.words import UNKNOWN, count, figure, moment, percent, span, usd

Facts = list[tuple[str, str]]
MONEY = ("spread capture", "drift", "settlement", "rebates")


def run_facts(record: Mapping[str, Any]) -> Facts:
    """Name and text of each figure of one replay, in the order of interest."""
    made: Mapping[str, Any] = record.get("summary") or {}
    quoting: Mapping[str, Any] = made.get("quoting") or {}
    return [*_money(made), *_fills(made, quoting), *_standing(made, quoting), *_held(made, quoting)]


def _money(made: Mapping[str, Any]) -> Facts:
    names = [("P&L", "pnl"), *((name, name.replace(" ", "_")) for name in MONEY)]
    facts = [(name, usd(made[key])) for name, key in names if key in made]
    if "fees" in made:
        facts.append(("fees", usd(-made["fees"])))
    if "settled" in made:
        facts.append(("valued", "at settlement" if made["settled"] else "at the last mid: the market is not settled"))
    if "max_drawdown" in made:
        facts.append(("drawdown", usd(made["max_drawdown"])))
    return facts


def _fills(made: Mapping[str, Any], quoting: Mapping[str, Any]) -> Facts:
    facts: Facts = []
    if "fills" in made:
        volume = f", {contracts(made['volume'])} contracts" if "volume" in made else ""
        facts.append(("fills", f"{made['fills']:,}{volume}"))
    if quoting.get("fill_ratio") is not None:
        facts.append(("filled of what was posted", percent(quoting["fill_ratio"], 2)))
    if quoting.get("fills_a_quote_hour") is not None:
        facts.append(("fills an hour of quoting", figure(quoting["fills_a_quote_hour"])))
    if "requotes" in made:
        facts.append(("re-quotes", f"{made['requotes']:,}"))
    refused = [(made.get("refused"), "refused by limits"), (made.get("rejected"), "that would have crossed")]
    if any(number for number, _ in refused):
        facts.append(("orders turned away", ", ".join(f"{number:,} {why}" for number, why in refused if number)))
    markouts = [
        f"{value:+.2f} c {_after(name)}" for name, value in (made.get("markouts") or {}).items() if value is not None
    ]
    if markouts:
        facts.append(("the mid after a fill, in our favour", ", ".join(markouts)))
    if ahead := made.get("queue_ahead"):
        places = f"{figure(ahead['median'])}, mostly {figure(ahead['p25'])} to {figure(ahead['p75'])}"
        facts.append(("contracts ahead in the queue", places))
    return facts


def _after(name: str) -> str:
    horizon = name.removeprefix("markout_")
    return "at settlement" if horizon == "settlement" else f"after {horizon.removesuffix('s')} s"


def _standing(made: Mapping[str, Any], quoting: Mapping[str, Any]) -> Facts:
    facts: Facts = []
    if "uptime" in made:
        facts.append(("both quotes stood", percent(made["uptime"])))
    if "at_touch" in quoting:
        facts.append(("a quote stood at the best price", percent(quoting["at_touch"])))
    if quoting.get("sharpe") is not None:
        text = f"{quoting['sharpe']:.3f} for periods of {span(quoting['sharpe_period_s'])}, not annualised"
        facts.append(("Sharpe ratio", text))
    return facts


def _held(made: Mapping[str, Any], quoting: Mapping[str, Any]) -> Facts:
    facts: Facts = []
    if "position" in made:
        facts.append(("position at the end", _lots(made["position"])))
    if held := quoting.get("inventory"):
        facts += [
            ("position on average, without sign", _lots(held["mean_abs"])),
            ("largest position", _lots(held["max_abs"])),
            ("deviation of the position", _lots(held["deviation"])),
            ("half-life of the position", span(held["half_life_seconds"])),
            ("contracts times hours held", figure(held["lot_hours"] / 100)),
        ]
    return facts


def _lots(lots: float) -> str:
    text = figure(abs(lots) / 100).removesuffix(".00")
    return f"{'-' if lots < 0 else ''}{text} contract{'' if text == '1' else 's'}"


def queue_rows(by_queue: Mapping[str, int] | None) -> list[tuple[str, str]]:
    """Rows of a table of P&L by queue model; of those that were run the least and the most favourable are named."""
    if not by_queue:
        return []
    low, high = min(by_queue.values()), max(by_queue.values())
    marks = {low: ", the least favourable", high: ", the most favourable"} if low != high else {}
    return [(f"{name}{marks.get(pnl, '')}", usd(pnl)) for name, pnl in by_queue.items()]


def data_facts(record: Mapping[str, Any]) -> Facts:
    """What the recorded data of a replay can carry."""
    told: Mapping[str, Any] = record.get("coverage") or {}
    if not told:
        return []
    lasted = told["span_ns"]
    known = f"{percent(told['known_ns'] / lasted)} of {span(lasted / 1e9)}" if lasted else UNKNOWN
    traded = told["traded_lots"]
    facts = [
        ("events", f"{told['events']:,}"),
        ("time with a known book", known),
        ("whole books and gaps", f"{count(told['snapshots'], 'snapshot')}, {count(told['gaps'], 'gap')}"),
        ("traded", f"{contracts(traded)} contracts"),
    ]
    if traded:
        facts.append(("trades that were found in the book", percent(told["matched_lots"] / traded)))
    odd = [
        (told["negative_levels"], "level below zero", "levels below zero"),
        (told["unusable_rows"], "change of an unknown book", "changes of an unknown book"),
        (told["crossed_events"], "moment with crossed books", "moments with crossed books"),
        (told["guessed_sides"], "trade with a guessed side", "trades with a guessed side"),
        (told["block_trades"], "block trade left out", "block trades left out"),
    ]
    if any(number for number, _, _ in odd):
        facts.append(("faults", ", ".join(f"{n:,} {one if n == 1 else more}" for n, one, more in odd if n)))
    return facts


def asked_facts(record: Mapping[str, Any]) -> Facts:
    """What a run was asked for, under the names that a person types."""
    window = f"{record.get('start') or 'the beginning'} to {record.get('end') or 'the end'}"
    parameters = record.get("values") or record.get("parameters") or {}
    facts = [(name, str(record.get(name, ""))) for name in ("strategy", "store")] + [("window", window)]
    facts += [(name, _setting(value)) for name, value in parameters.items()]
    named = [(name, record.get(name)) for name in ("price_grid", "underlying")] + list(
        (record.get("venue") or {}).items()
    )
    facts += [(name, _setting(value)) for name, value in named if value is not None]
    hashes = (("data hash", "data_hash"), ("result hash", "result_hash"), ("engine", "engine_version"))
    return facts + [(name, str(record[key])) for name, key in hashes if record.get(key)]


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def market_rows(record: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    """Rows of the table of several replays, and their total: market, P&L, fees, fills, contracts, what is left."""
    for row in record["markets"]:
        made = row["summary"]
        left = contracts(made["position"]) if made["position"] else "none"
        end = f"{left}, settled" if made["settled"] else f"{left}, at the last mid"
        yield row["ticker"], usd(made["pnl"]), usd(-made["fees"]), f"{made['fills']:,}", contracts(made["volume"]), end
    total = record["total"]
    settled = f"{total['settled_markets']:,} of {len(record['markets']):,} settled"
    yield (
        "total", usd(total["pnl"]), usd(-total["fees"]), f"{total['fills']:,}", contracts(total["volume"]), settled,
    )  # fmt: skip


MARKET_COLUMNS = ("market", "P&L", "fees", "fills", "contracts", "position at the end")


def total_facts(record: Mapping[str, Any]) -> Facts:
    """The figures of several replays together, the best and the worst of their markets."""
    total = record["total"]
    made = {row["ticker"]: row["summary"]["pnl"] for row in record["markets"]}
    facts = _money({name: value for name, value in total.items() if name != "settled"})
    facts = [(f"{name}, all markets" if name in ("P&L", "drawdown") else name, text) for name, text in facts]
    facts += [
        (f"{word} market", f"{record[word]}, {usd(made[record[word]])}") for word in ("best", "worst") if len(made) > 1
    ]
    earned = sum(pnl > 0 for pnl in made.values())
    return [*facts, ("markets with a profit", f"{earned:,} of {len(made):,}")]


def period_of(first: int, last: int) -> str:
    """The first and the last moment of a run, UTC."""
    return f"{moment(first, seconds=True)} to {moment(last, seconds=True)} UTC"
