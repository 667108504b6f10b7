"""Answers of the exchange's REST interface: pages of trades, markets or own records, one a line or one a file."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import InputError
from .base import BadRow, Chunk, Options, Sample
from .convert import Rows
from .flat import renamed
from .layout import Layout
from .lines import blocks, open_bytes, read_into
from .markets import MARKETS
from .own import OWN, SETTLED
from .scan import decode, text_of
from .trades import TRADES

_LAYOUTS = {"trades": TRADES, "markets": MARKETS, "fills": OWN, "orders": OWN, "settlements": SETTLED}
#: Lists that say more about markets; they are read with the lists of markets beside them.
_ABOUT = {"events": "event_ticker", "series": "ticker"}
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
        return sorted(one for key in _ABOUT for one in path.parent.glob(f"{key}*.json") if one != path)

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read page after page; a file that is one document is one page."""
        renames = {column: name for name, column in options.columns.items()}
        about = {key: _about(self.beside(path), key) for key in _ABOUT}
        for index, (documents, bad) in enumerate(_documents(path)):
            if index >= skip:
                yield _chunk(path, options, renames, about, documents, bad)


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
    return next((key for key in (*_LAYOUTS, *_ABOUT) if isinstance(record.get(key), list)), None)


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
            items = document.get(key)
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict):
                    records.append(_completed(item, about) if key == "markets" else item)
                    lines.append(line)
                else:
                    chunk.bad.append(BadRow(line, f"an item of {key} is no object", json.dumps(item)[:1000]))
        if records:
            _convert(chunk, layout, path, options, renames, records, lines)
    if any(_list_in(document) in _ABOUT for _, document in documents):
        chunk.facts.append(
            "events and series have no rows of their own; they complete the lists of markets beside them"
        )
    for line, document in documents:
        if _list_in(document) is None:
            chunk.bad.append(BadRow(line, "the object holds no list of trades or markets", json.dumps(document)[:1000]))
    chunk.bad.sort(key=lambda one: one.line)
    return chunk


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


def _completed(market: dict[str, Any], about: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Add to a market what its event and its series say: series, category, fees; an event's own come first."""
    event = about["events"].get(str(market.get("event_ticker")), {})
    series = about["series"].get(str(event.get("series_ticker")), {})
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
    keys = list(dict.fromkeys(key for record in records for key in record))
    columns = [pl.Series(name, [text_of(record.get(key)) for record in records], dtype=pl.String)
               for name, key in zip(renamed(keys, renames), keys, strict=True)]  # fmt: skip
    frame = pl.DataFrame(columns)
    missing = layout.missing(frame.columns)
    if missing:
        chunk.bad += [BadRow(line, f"lacks {', '.join(sorted(missing))}", json.dumps(record)[:1000])
                      for line, record in zip(lines, records, strict=True)]  # fmt: skip
        return
    rows = Rows(frame, options, chunk.facts, path)
    for fact in layout.facts:
        rows.say(fact)
    layout.convert(rows, layout.decide(rows))
    unused = [name for name in frame.columns if name not in rows.used]
    if unused:
        rows.say(f"columns not used: {', '.join(unused)}")
    chunk.bad += [BadRow(lines[row], reason, json.dumps(records[row])) for row, reason in rows.reasons.items()]
    for name, table in rows.tables().items():
        chunk.tables[name] = pl.concat([chunk.tables[name], table]) if name in chunk.tables else table
