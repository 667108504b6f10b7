"""Answers of the exchange's REST interface: pages of trades, markets or own records, one a line or one a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from ...ground.errors import InputError
from ...store.chunk import BadRow, Chunk
from ..base import Options, Sample
from ..tables.layout import Layout
from ..tables.markets import MARKETS
from ..tables.own import OWN, SETTLED
from ..tables.programs import PROGRAMS
from ..tables.quotes import QUOTES
from ..tables.trades import TRADES
from ..values.answers import ABOUT, events_in, items_in, list_in, whole_document
from ..values.convert import SourceRows
from ..values.flat import reach, renamed
from ..values.lines import blocks
from ..values.scan import decode, text_of

_LAYOUTS = {
    "trades": TRADES,
    "markets": MARKETS,
    "fills": OWN,
    "orders": OWN,
    "settlements": SETTLED,
    "candlesticks": QUOTES,
    "incentive_programs": PROGRAMS,
}


class Pages:
    """Lists of trades, markets, incentive programs, own fills, orders or settlements inside JSON objects."""

    name = "pages"
    title = "REST answers with lists of trades, markets, incentive programs, own fills, orders or settlements (JSON)"

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        for record in sample.records:
            key = list_in(record)
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
        about = {key: _about(self.beside(path), key) for key in ABOUT}
        for index, (documents, bad) in enumerate(_documents(path)):
            if index >= skip:
                yield _chunk(path, options, renames, about, documents, bad)


@lru_cache(maxsize=16)
def _lists(folder: Path, changed: int) -> tuple[Path, ...]:
    """Lists of events and series in a folder, as it was when it last changed."""
    return tuple(sorted(one for key in ABOUT for one in folder.glob(f"{key}*.json")))


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
            for item in items_in(key, document, about):
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
        key = list_in(document)
        if key is None:
            reason = f"the object holds no list of {', '.join((*_LAYOUTS, *ABOUT))}"
            chunk.bad.append(BadRow(line, reason, json.dumps(document)[:1000]))
        elif key in ABOUT:
            alone = events_in(document) if key == "events" else document[key]
            counts[key] += sum(not (isinstance(one, dict) and one.get("markets")) for one in alone)
        elif document.get(key) == []:
            counts[f"empty lists of {key}"] += 1
    beside = any(not one.name.startswith(tuple(ABOUT)) for one in path.parent.glob("*.json"))
    for key in ABOUT:
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
            if isinstance(item, dict) and isinstance(item.get(ABOUT[key]), str):
                found[item[ABOUT[key]]] = item
    return found


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
