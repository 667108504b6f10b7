"""Polled order books, one answer of the exchange a line, in its old cents and its present strings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ...ground.units import TICKS_PER_DOLLAR
from ...store.chunk import BadRow, Chunk
from ...store.schema import Side
from ..base import Options, Sample
from ..books.levels import LevelLists, level_lists
from ..books.rows import BookRows, SourceBooks
from ..values.convert import PRICE_PLACES, SIZE_PLACES, SourceRows
from ..values.flat import HEAD_BYTES
from ..values.lines import blocks
from ..values.price_unit import Says, UnitOpenError, says
from ..values.scan import JsonScanner, Spans, decode
from ..values.text import NULL, OK

_TIME = ("ts", "timestamp", "poll_ts", "polled_at", "poll_time", "fetched_at", "recv_ts", "ts_ms", "time")
_TICKER = ("ticker", "market_ticker", "market")
_BOOKS = ("orderbook_fp", "orderbook", "book", "response", "data")
#: Keys of a side, the present ones first, and the decimal places from their prices to ticks.
_SIDES = (
    (Side.BID, (("yes_dollars_fp", 4), ("yes_dollars", 4), ("yes", 2))),
    (Side.ASK, (("no_dollars_fp", 4), ("no_dollars", 4), ("no", 2))),
)
_KEYS = tuple(key for _, keys in _SIDES for key, _ in keys)


class PolledBooks:
    """Whole books at the times they were asked for."""

    name = "polled-books"
    title = "polled order books, one a line (JSON)"

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        for record in sample.records:
            found = _book_in(record)
            time = next((name for name in _TIME if name in record or name in sample.columns), None)
            if found is not None and time is not None:
                return f"books at {'.'.join(found) or 'the top'} with {time}"
        return None

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have."""
        if self.recognises(sample):
            return set()
        needs = {"orderbook": _BOOKS, "ts": _TIME}
        return {name for name, any_of in needs.items() if not set(any_of) & set(sample.columns)} or {"orderbook"}

    def beside(self, path: Path) -> list[Path]:
        """Files that are read together with this one."""
        return []

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read the polls block by block."""
        scanner, books, places, said = None, SourceBooks(), None, set[str]()
        for index, block in enumerate(blocks(path, quoted=False)):
            if scanner is None:
                scanner = _scanner(block.text, options.columns)
            spans = scanner.scan(block)
            places = places or _price_places(spans, options, path)
            rows = SourceRows(spans.frame().select(pl.exclude(f"^({'|'.join(_KEYS)})$")), options, [], path)
            added = _books(spans, rows, books, places)
            frame, notes = books.frame(added, np.full(spans.height, NULL))
            refused = [BadRow(int(spans.lines[row]), reason, spans.raw(row)) for row, reason in rows.reasons.items()]
            facts = [fact for fact in rows.facts if fact not in said]
            said.update(facts)
            if index >= skip:
                bad = sorted([*spans.bad, *refused], key=lambda one: one.line)
                yield Chunk({"book": frame} if frame.height else {}, bad, dict(+Counter(notes)), facts)

    def guessed(self, path: Path, options: Options) -> tuple[str | None, dict[str, pl.DataFrame]]:
        """Return the unit of a file's first books and their rows, if nothing but the values tells the unit."""
        for block in blocks(path, HEAD_BYTES, quoted=False):
            spans = _scanner(block.text, options.columns).scan(block)
            if not any((spans.at(key)[0] >= 0).any() for key in ("yes", "no")):
                return None, {}
            places, books = _price_places(spans, options, path), SourceBooks()
            rows = SourceRows(spans.frame().select(pl.exclude(f"^({'|'.join(_KEYS)})$")), options, [], path)
            frame, _ = books.frame(_books(spans, rows, books, places), np.full(spans.height, NULL))
            return ("dollars" if places["yes"] == PRICE_PLACES["dollars"] else "cents"), {"book": frame}
        return None, {}


def _book_in(record: object) -> tuple[str, ...] | None:
    """Find where the sides of a book stand in a record."""
    if not isinstance(record, dict):
        return None
    for key in _BOOKS:
        if isinstance(record.get(key), dict):
            inner = _book_in(record[key])
            return (key, *inner) if inner is not None else (key,)
    return () if any(isinstance(record.get(key), list) for key in _KEYS) else None


def _scanner(text: bytes, named: Mapping[str, str]) -> JsonScanner:
    for line in text.split(b"\n", 200)[:200]:
        record, _ = decode(line)
        where = _book_in(record)
        if where is not None:
            times, tickers = (next((n for n in names if n in record), None) for names in (_TIME, _TICKER))
            paths = {key: (*where, key) for key in _KEYS}
            paths |= {name: (name,) for name in (times, tickers) if name is not None}
            paths |= {ours: tuple(theirs.split(".")) for ours, theirs in named.items() if ours in (*_TIME, *_TICKER)}
            return JsonScanner(paths)
    raise InputError("no order book was found in the first lines")


def _price_places(spans: Spans, options: Options, path: Path) -> dict[str, int]:
    """Decide for the bare keys whether prices are cents, as the exchange wrote them, or dollars."""
    places = {key: given for _, keys in _SIDES for key, given in keys}
    unit = options.price_unit
    if unit is None:
        found = [level_lists(spans.data, *spans.at(key), 4, 2).prices for key in ("yes", "no")]
        values = np.concatenate(found)
        said = says(values / 10_000)
        if said is Says.OPEN and bool((values % 10_000 != 0).any()):
            raise UnitOpenError(
                f"{path}: the levels hold nothing but tenths: cents or dollars? "
                "Pass price_unit='cents' or price_unit='dollars'"
            )
        unit = "dollars" if said in (Says.DOLLARS, Says.LIKELY_DOLLARS) else "cents"
    for key in ("yes", "no"):
        places[key] = 4 if unit == "dollars" else 2
    return places


def _books(spans: Spans, rows: SourceRows, books: SourceBooks, places: dict[str, int]) -> BookRows:
    time = rows.first(_TIME)
    if time is None:
        raise InputError("the polls carry no time; name it with map={'ts': '…'}")
    ts = rows.time(time)
    market = books.code_of(rows.ticker(*_TICKER).fill_null(""))
    sides: list[tuple[Side, LevelLists]] = []
    present = np.zeros(spans.height, np.bool_)
    for side, keys in _SIDES:
        begins, stops = np.full(spans.height, -1), np.full(spans.height, -1)
        which = np.full(spans.height, -1)
        for at, (key, _) in enumerate(keys):
            starts, ends = spans.at(key)
            here = (begins < 0) & (starts >= 0)
            begins, stops = np.where(here, starts, begins), np.where(here, ends, stops)
            which[here] = at
        present |= begins >= 0
        for at, (key, _) in enumerate(keys):
            if (which == at).any():
                own = np.where(which == at, begins, -1), np.where(which == at, stops, -1)
                lists = level_lists(spans.data, *own, places[key], SIZE_PLACES[rows.options.size_unit])
                rows.fail(lists.faults != OK, lambda row, key=key: f"the levels of {key} cannot be read")
                owner = np.repeat(np.arange(spans.height), lists.counts)
                wrong = np.zeros(spans.height, np.bool_)
                wrong[owner[(lists.prices < 0) | (lists.prices > TICKS_PER_DOLLAR) | (lists.sizes < 0)]] = True
                rows.fail(wrong, lambda row, key=key: f"a level of {key} is out of range")
                sides.append((side, lists))
    absent = np.array(
        [row for row in np.flatnonzero(~present) if _book_in(decode(spans.raw(int(row)).encode())[0]) is None]
    )
    if absent.size:
        mask = np.zeros(spans.height, np.bool_)
        mask[absent] = True
        rows.fail(mask, lambda row: "the line holds no order book")
    taken = np.flatnonzero(~rows.bad)
    place = np.full(spans.height, -1)
    place[taken] = np.arange(taken.size)
    kept = []
    for side, lists in sides:
        owner = place[np.repeat(np.arange(spans.height), lists.counts)]
        wanted = (owner >= 0) & (lists.sizes > 0)
        price = lists.prices[wanted]
        flipped = side == Side.ASK and not rows.options.use_yes_price
        kept.append((side, owner[wanted], TICKS_PER_DOLLAR - price if flipped else price, lists.sizes[wanted]))
    added = BookRows()
    added.snapshot(kept, frame=taken, market=market[taken], sid=0, ts=ts[taken], seq=np.full(taken.size, NULL))
    return added
