"""What answers of the exchange's REST interface list: trades, markets, candles, own records, and where they stand."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from .flat import reach
from .lines import open_bytes, read_into
from .scan import decode, text_of

#: Lists whose items are rows.
LISTS = ("trades", "markets", "fills", "orders", "settlements", "candlesticks", "incentive_programs")
#: Lists that say more about markets, and the key of an item; they are read with the lists of markets beside them.
ABOUT = {"events": "event_ticker", "series": "ticker"}
_NOTHING: Mapping[str, Mapping[str, Any]] = {key: {} for key in ABOUT}
_LARGEST = 1 << 30


def whole_document(path: Path) -> dict[str, Any] | None:
    """Read a file that is one JSON object over many lines; None if it is not."""
    parts: list[bytes] = []
    with open_bytes(path) as file:
        try:
            read_into(parts, file, _LARGEST + 1)
        except (OSError, EOFError, zlib.error):
            return None
    text = b"".join(parts)
    if len(text) > _LARGEST:
        return None
    record, reason = decode(text)
    return record if reason is None else None


def list_in(record: Mapping[str, Any]) -> str | None:
    """Return the key of the list that an answer holds, or None."""
    listed = next((key for key in (*LISTS, *ABOUT) if isinstance(record.get(key), list)), None)
    if _candles_in(record):
        return "candlesticks"
    if listed is None and isinstance(record.get("market"), dict) and "ticker" in record["market"]:
        return "markets"
    return "events" if listed is None and events_in(record) else listed


def fields_in(documents: Iterable[Mapping[str, Any]], names: Iterable[str]) -> set[str]:
    """Return the fields of the records that answers list; of ``names`` with dots, those that reach into one."""
    listed = [item for document in documents for key in LISTS for item in items_in(key, document, _NOTHING)]
    records = [dict(item) for item in listed if isinstance(item, dict)]
    reach(records, names)
    return {key for record in records for key in record}


def items_in(key: str, document: Mapping[str, Any], about: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """Return the records that an answer lists under a key; markets nested in events are markets."""
    listed = document.get(key)
    items = list(listed) if isinstance(listed, list) else []
    if key == "candlesticks":
        return _candles_in(document)
    if key != "markets":
        return items
    if _candles_in(document):
        return []
    if isinstance(document.get("market"), dict):
        items.append(document["market"])
    for event in events_in(document):
        nested = event.get("markets")
        items += [{"event_ticker": event["event_ticker"]} | one if isinstance(one, dict) else one
                  for one in (nested if isinstance(nested, list) else ())]  # fmt: skip
    events = {**about["events"], **{str(event["event_ticker"]): event for event in events_in(document)}}
    return [_completed(one, events, about["series"]) if isinstance(one, dict) else one for one in items]


def events_in(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of an answer: of a list, or the one it is about."""
    listed, single = document.get("events"), document.get("event")
    events = [*(listed if isinstance(listed, list) else ()), single]
    return [event for event in events if isinstance(event, dict) and "event_ticker" in event]


def _candles_in(document: Mapping[str, Any]) -> list[Any]:
    """Return the closing quotes of an answer's candles, of one market or of several, at the end of their period."""
    several = document.get("markets")
    answers = [document, *(one for one in (several if isinstance(several, list) else ()) if isinstance(one, dict))]
    found: list[Any] = []
    for answer in answers:
        candles, ticker = answer.get("candlesticks"), answer.get("market_ticker") or answer.get("ticker")
        for candle in candles if isinstance(candles, list) else ():
            if not isinstance(candle, dict):
                found.append(candle)
                continue
            named = {"ticker": ticker} if isinstance(ticker, str) else {}
            sides = {f"{side}_dollars": _close(candle.get(side)) for side in ("yes_bid", "yes_ask")}
            found.append({"ts": candle.get("end_period_ts"), **named, **sides})
    return found


def _close(span: object) -> str | None:
    """Return a span's close in dollars: a string says dollars, a whole number cents."""
    if not isinstance(span, dict):
        return None
    close = span.get("close_dollars", span.get("close"))
    return str(Decimal(close) / 100) if isinstance(close, int) else text_of(close)


def _completed(market: dict[str, Any], events: Mapping[str, Any], listed: Mapping[str, Any]) -> dict[str, Any]:
    """Add to a market what its event and its series say: series, category, fees; an event's own come first."""
    event = events.get(str(market.get("event_ticker")), {})
    series = listed.get(str(event.get("series_ticker")), {})
    added = {
        "series_ticker": event.get("series_ticker"),
        "category": series.get("category") or event.get("category"),
        "fee_type": event.get("fee_type_override") or series.get("fee_type"),
        "fee_multiplier": event.get("fee_multiplier_override") or series.get("fee_multiplier"),
    }
    return {name: value for name, value in added.items() if value is not None} | market
