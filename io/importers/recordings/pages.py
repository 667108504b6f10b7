"""Answers of the exchange's REST interface: pages of trades, markets or own records, one a line or one a file."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from ...ground.errors import InputError
from ..base import BadRow, Chunk, Options, Sample
from ..tables.flat import reach, renamed
from ..tables.layout import Layout
from ..tables.markets import MARKETS
from ..tables.own import OWN, SETTLED
from ..tables.quotes import QUOTES
from ..tables.trades import TRADES
from ..values.convert import SourceRows
from ..values.lines import blocks, open_bytes, read_into
from ..values.scan import decode, text_of

_LAYOUTS = {
    "trades": TRADES,
    "markets": MARKETS,
    "fills": OWN,
    "orders": OWN,
    "settlements": SETTLED,
    "candlesticks": QUOTES,
}
#: Lists that say more about markets; they are read with the lists of markets beside them.
_ABOUT = {"events": "event_ticker", "series": "ticker"}
_NOTHING: Mapping[str, Mapping[str, Any]] = {key: {} for key in _ABOUT}
_LARGEST = 1 << 30


class Pages:
    """Lists of trades, markets, own fills, orders or settlements inside JSON objects."""

    name = "pages"
    title = "REST answers with lists of trades, markets, own fills, orders or settlements (JSON)"

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        for record in sample.records:
            key = _list_in(record)
            if key is not None:
                return f"a list of {key}"
        return None

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have."""
        return set() if self.recognises(sample) else {"trades or markets"}

    def beside(self, path: Path) -> list[Path]:
        """Lists of events and series, which say what a list of markets leaves out."""
        return [one for one in _lists(path.parent, path.parent.stat().st_mtime_ns) if one != path]

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read page after page; a file that is one document is one page."""
        renames = {column: name for name, column in options.columns.items()}
        about = {key: _about(self.beside(path), key) for key in _ABOUT}
        for index, (documents, bad) in enumerate(_documents(path)):
            if index >= skip:
                yield _chunk(path, options, renames, about, documents, bad)


@lru_cache(maxsize=16)
def _lists(folder: Path, changed: int) -> tuple[Path, ...]:
    """Lists of events and series in a folder, as it was when it last changed."""
    return tuple(sorted(one for key in _ABOUT for one in folder.glob(f"{key}*.json")))


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


def _list_in(record: Mapping[str, Any]) -> str | None:
    listed = next((key for key in (*_LAYOUTS, *_ABOUT) if isinstance(record.get(key), list)), None)
    if _candles_in(record):
        return "candlesticks"
    if listed is None and isinstance(record.get("market"), dict) and "ticker" in record["market"]:
        return "markets"
    return "events" if listed is None and _events_in(record) else listed


def fields_in(documents: Iterable[Mapping[str, Any]], names: Iterable[str]) -> set[str]:
    """Return the fields of the records that answers list; of ``names`` with dots, those that reach into one."""
    listed = [item for document in documents for key in _LAYOUTS for item in _items(key, document, _NOTHING)]
    records = [dict(item) for item in listed if isinstance(item, dict)]
    reach(records, names)
    return {key for record in records for key in record}


def _events_in(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the events of an answer: of a list, or the one it is about."""
    listed, single = document.get("events"), document.get("event")
    events = [*(listed if isinstance(listed, list) else ()), single]
    return [event for event in events if isinstance(event, dict) and "event_ticker" in event]


def _items(key: str, document: Mapping[str, Any], about: Mapping[str, Mapping[str, Any]]) -> list[Any]:
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
    for event in _events_in(document):
        nested = event.get("markets")
        items += [{"event_ticker": event["event_ticker"]} | one if isinstance(one, dict) else one
                  for one in (nested if isinstance(nested, list) else ())]  # fmt: skip
    events = {**about["events"], **{str(event["event_ticker"]): event for event in _events_in(document)}}
    return [_completed(one, events, about["series"]) if isinstance(one, dict) else one for one in items]


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


def _documents(path: Path) -> Iterator[tuple[list[tuple[int, dict[str, Any]]], list[BadRow]]]:
    """Cut the file into parts: objects with their lines, and what is none."""
    found = False
    for block in blocks(path, quoted=False):
        documents: list[tuple[int, dict[str, Any]]] = []
        bad: list[BadRow] = []
        for at, line in enumerate(block.text.split(b"\n")):
            if line.strip():
                record, reason = decode(line)
                if reason is None:
                    documents.append((block.line + at, record))
                else:
                    bad.append(BadRow(block.line + at, reason, line.decode("utf-8", errors="replace").rstrip("\r")))
        if not documents and not found:
            break
        found = True
        if block.damage:
            bad.append(BadRow(block.line + block.count, block.damage, ""))
        yield documents, bad
    if not found:
        document = whole_document(path)
        if document is None:
            raise InputError(f"{path}: neither lines of JSON objects nor one object")
        yield [(1, document)], []


def _chunk(
    path: Path,
    options: Options,
    renames: Mapping[str, str],
    about: Mapping[str, Mapping[str, Any]],
    documents: list[tuple[int, dict[str, Any]]],
    bad: list[BadRow],
) -> Chunk:
    chunk = Chunk(bad=bad)
    for key, layout in _LAYOUTS.items():
        records: list[dict[str, Any]] = []
        lines: list[int] = []
        for line, document in documents:
            for item in _items(key, document, about):
                if isinstance(item, dict):
                    records.append(item)
                    lines.append(line)
                else:
                    chunk.bad.append(BadRow(line, f"an item of {key} is no object", json.dumps(item)[:1000]))
        if records:
            _convert(chunk, layout, path, options, renames, records, lines)
    _count_rest(chunk, path, documents)
    chunk.bad.sort(key=lambda one: one.line)
    return chunk


def _count_rest(chunk: Chunk, path: Path, documents: list[tuple[int, dict[str, Any]]]) -> None:
    """Count what an answer holds beside records: empty lists, events and series alone, and objects of another kind."""
    counts = Counter[str]()
    for line, document in documents:
        key = _list_in(document)
        if key is None:
            reason = f"the object holds no list of {', '.join((*_LAYOUTS, *_ABOUT))}"
            chunk.bad.append(BadRow(line, reason, json.dumps(document)[:1000]))
        elif key in _ABOUT:
            alone = _events_in(document) if key == "events" else document[key]
            counts[key] += sum(not (isinstance(one, dict) and one.get("markets")) for one in alone)
        elif document.get(key) == []:
            counts[f"empty lists of {key}"] += 1
    beside = any(not one.name.startswith(tuple(_ABOUT)) for one in path.parent.glob("*.json"))
    for key in _ABOUT:
        alone = counts.pop(key, 0)
        if alone and beside:
            counts[f"{key} without rows of their own: they complete the lists of markets beside them"] = alone
        elif alone:
            reason = f"{key} without markets have no rows of their own, and no list of markets is beside the file"
            chunk.bad.append(BadRow(1, f"{alone} {reason}; ask with with_nested_markets=true", ""))
    chunk.notes = dict(counts)


def _about(paths: list[Path], key: str) -> dict[str, Any]:
    """Read the lists of events or series beside a file, by ticker."""
    found: dict[str, Any] = {}
    for path in paths:
        document = whole_document(path) if path.name.startswith(key) else None
        listed = document.get(key) if document else None
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict) and isinstance(item.get(_ABOUT[key]), str):
                found[item[_ABOUT[key]]] = item
    return found


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


def _convert(
    chunk: Chunk,
    layout: Layout,
    path: Path,
    options: Options,
    renames: Mapping[str, str],
    records: list[dict[str, Any]],
    lines: list[int],
) -> None:
    reach(records, renames)
    keys = list(dict.fromkeys(key for record in records for key in record))
    columns = [pl.Series(name, [text_of(record.get(key)) for record in records], dtype=pl.String)
               for name, key in zip(renamed(keys, renames), keys, strict=True)]  # fmt: skip
    frame = pl.DataFrame(columns)
    missing = layout.missing(frame.columns)
    if missing:
        chunk.bad += [BadRow(line, f"lacks {', '.join(sorted(missing))}", json.dumps(record)[:1000])
                      for line, record in zip(lines, records, strict=True)]  # fmt: skip
        return
    rows = SourceRows(frame, options, chunk.facts, path)
    for fact in layout.facts:
        rows.say(fact)
    layout.convert(rows, layout.decide(rows))
    unused = [name for name in frame.columns if name not in rows.used]
    if unused:
        rows.say(f"columns not used: {', '.join(unused)}")
    chunk.bad += [BadRow(lines[row], reason, json.dumps(records[row])) for row, reason in rows.reasons.items()]
    for name, table in rows.tables().items():
        chunk.tables[name] = pl.concat([chunk.tables[name], table]) if name in chunk.tables else table
