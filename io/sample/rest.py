"""What the exchange's REST interface would say of the sample's markets, before the day and after settlement."""

from __future__ import annotations

import json
from pathlib import Path

from ..ground import atomic
from ..ground.grids import price_ranges
from ..ground.times import iso
from ..ground.units import NS_PER_SECOND
from .capture import Played, price_text, size_text
from .plan import CLOSE, START, SampleEvent, SampleSeries


def write_json(path: Path, document: object) -> Path:
    """Write a JSON document."""
    return atomic.write(path, json.dumps(document, indent=1) + "\n")


def markets(played: list[Played], after: bool) -> dict[str, object]:
    """The answer of GET /markets for all markets of the day."""
    return {"cursor": "", "markets": [_market(item, after) for item in played]}


def events(played: list[Played]) -> dict[str, object]:
    """The answer of GET /events."""
    unique = {item.contract.event.ticker: item.contract.event for item in played}
    return {"cursor": "", "events": [_event(event) for event in unique.values()]}


def series(played: list[Played]) -> dict[str, object]:
    """The answer of GET /series."""
    unique = {item.contract.event.series.ticker: item.contract.event.series for item in played}
    return {"series": [_series(one) for one in unique.values()]}


def _market(item: Played, after: bool) -> dict[str, object]:
    contract = item.contract
    settled = bool(after and contract.result)
    status = "finalized" if settled else "active" if after or contract.start == START else "initialized"
    close = contract.close if after and contract.settles else contract.planned_close or contract.close
    trades = item.rows.kind == 1
    volume = int(item.rows.size[trades].sum()) if after else 0
    last = int(item.rows.price[trades][-1]) if after and trades.any() else 0
    bid, bid_size, ask, ask_size = (0, 0, 10_000, 0) if settled or status == "initialized" else _touch(item, after)
    document: dict[str, object] = {
        "ticker": contract.ticker,
        "event_ticker": contract.event.ticker,
        "market_type": "binary",
        "title": contract.event.title,
        "yes_sub_title": contract.label,
        "no_sub_title": contract.label,
        "created_time": _time(contract.listed - 3600),
        "updated_time": _time(close + 5 + contract.timer if settled else CLOSE if after else START - 60),
        "open_time": _time(contract.listed),
        "close_time": _time(close),
        "expected_expiration_time": _time(close),
        "latest_expiration_time": _time(close + 7 * 86_400),
        "settlement_timer_seconds": contract.timer,
        "status": status,
        "yes_bid_dollars": price_text(bid),
        "yes_ask_dollars": price_text(ask),
        "no_bid_dollars": price_text(10_000 - ask),
        "no_ask_dollars": price_text(10_000 - bid),
        "yes_bid_size_fp": size_text(bid_size),
        "yes_ask_size_fp": size_text(ask_size),
        "last_price_dollars": price_text(last),
        "volume_fp": size_text(volume),
        "volume_24h_fp": size_text(volume),
        "open_interest_fp": size_text(volume // 2),
        "notional_value_dollars": "1.0000",
        "result": contract.result if after else "",
        "expiration_value": contract.value if settled else "",
        "can_close_early": True,
        "rules_primary": "A synthetic market of the sample day; it was never traded.",
        "rules_secondary": "",
        "price_level_structure": contract.grid,
        "price_ranges": price_ranges(contract.grid),
        **contract.strike,
    }
    if settled:
        document["settlement_ts"] = _time(close + 5 + contract.timer)
        document["settlement_value_dollars"] = "1.0000" if contract.result == "yes" else "0.0000"
    return document


def _touch(item: Played, after: bool) -> tuple[int, int, int, int]:
    """Best bid and ask with their sizes, of the opening book or of the last one; 0 and 1 dollar mean none."""
    level: dict[tuple[int, int], int] = {}
    for rows in (item.opening, item.rows) if after else (item.opening,):
        book = rows.kind == 0
        for side, price, size in zip(
            rows.side[book].tolist(), rows.price[book].tolist(), rows.size[book].tolist(), strict=True
        ):
            level[side, price] = level.get((side, price), 0) + size
    bid = max((price for (side, price), size in level.items() if side > 0 and size), default=0)
    ask = min((price for (side, price), size in level.items() if side < 0 and size), default=10_000)
    return bid, level.get((1, bid), 0), ask, level.get((-1, ask), 0)


def _event(event: SampleEvent) -> dict[str, object]:
    return {
        "event_ticker": event.ticker,
        "series_ticker": event.series.ticker,
        "title": event.title,
        "sub_title": "synthetic",
        "collateral_return_type": "MECNET" if event.exclusive else "",
        "mutually_exclusive": event.exclusive,
        "category": event.series.category,
    }


def _series(one: SampleSeries) -> dict[str, object]:
    return {
        "ticker": one.ticker,
        "frequency": one.frequency,
        "title": one.title,
        "category": one.category,
        "tags": ["synthetic"],
        "settlement_sources": [],
        "fee_type": one.fee_type,
        "fee_multiplier": 1.0,
    }


def _time(seconds: int) -> str:
    return iso(seconds * NS_PER_SECOND, 6)
