"""Order-book archives in Parquet and CSV: whole books and changes of levels, each in its publisher's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.units import TICKS_PER_DOLLAR
from ...store.chunk import BadRow, Chunk
from ...store.schema import BookKind, Side
from ..base import Options, Sample
from ..books.rows import BookRows, SourceBooks
from ..books.state import SET
from ..values import price_unit
from ..values.beginning import sample_of
from ..values.convert import NULL, PRICE_PLACES, SIZE_PLACES, SourceRows, scaled
from ..values.flat import Batch, batches
from ..values.text import OK

Decided = Mapping[str, str]
SIDES = {"yes": int(Side.BID), "no": int(Side.ASK), "bid": int(Side.BID), "ask": int(Side.ASK), "": 0}


@dataclass
class LevelPart:
    """A batch being read into books."""

    rows: SourceRows
    added: BookRows
    books: SourceBooks
    decided: Decided
    received: NDArray[np.int64]
    notes: Counter[str]
    last: tuple[int, ...] = ()  # the message that the next batch may go on with

    def markets(self, *names: str) -> NDArray[np.int64]:
        """Return each row's market as a small number."""
        return self.books.code_of(self.rows.ticker(*names).fill_null(""))

    def yes_ticks(self, price: NDArray[np.int64], side: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn prices of the NO side into YES ticks, unless they are."""
        if self.rows.options.use_yes_price:
            return price
        self.rows.say("NO levels are taken to be in NO prices; use_yes_price=True says otherwise")
        return np.where(side == Side.ASK, TICKS_PER_DOLLAR - price, price)

    def levels(self, side: str, prices: pl.Series, sizes: pl.Series, unit: str) -> tuple[Any, Any, Any]:
        """Read lists of prices and sizes: the row of each level, its price in ticks and its size in lots."""
        counts, others = (lists.list.len().fill_null(0).to_numpy().astype(np.int64) for lists in (prices, sizes))
        self.rows.fail(counts != others, lambda row: f"{side} has {counts[row]} prices and {others[row]} sizes")
        same = counts == others
        flat = [lists.filter(pl.Series(same & (counts > 0))).explode() for lists in (prices, sizes)]
        owner = np.repeat(np.flatnonzero(same), counts[same])
        price, price_faults = scaled(
            flat[0].cast(pl.Float64) if flat[0].dtype == pl.Null else flat[0], PRICE_PLACES[unit]
        )
        places = SIZE_PLACES[self.rows.options.size_unit]
        size, size_faults = scaled(flat[1].cast(pl.Float64) if flat[1].dtype == pl.Null else flat[1], places)
        wrong = (price_faults != OK) | (size_faults != OK) | (price < 0) | (price > TICKS_PER_DOLLAR) | (size < 0)
        faulty = np.zeros(counts.size, np.bool_)
        faulty[owner[wrong]] = True
        self.rows.fail(faulty, lambda row: f"a level of {side} is off tick, off lot or out of range")
        return owner, price, size

    def snapshot(self, where: NDArray[np.bool_], sides: list[tuple[Side, Any, Any, Any]], **columns: Any) -> None:
        """Add the whole books of the rows of ``where`` that can be taken."""
        taken = np.flatnonzero(where & ~self.rows.bad)
        place = np.full(where.size, -1)
        place[taken] = np.arange(taken.size)
        kept = []
        for side, owner, price, size in sides:
            wanted = (place[owner] >= 0) & (size > 0)
            kept.append((side, place[owner[wanted]], price[wanted], size[wanted]))
        self.added.snapshot(kept, frame=taken, sid=0, **{name: value[taken] for name, value in columns.items()})


@dataclass(frozen=True)
class LevelFile:
    """A format of whole books and changes, one record a row."""

    name: str
    title: str
    needs: tuple[str, ...]
    convert: Callable[[LevelPart], None]
    prices: tuple[str, ...] = ()  #: columns that decide the price unit; none: dollars
    companions: tuple[str, ...] = ()  #: names of files beside that are read too

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        return None if self.lacks(sample) else f"columns {', '.join(self.needs)}"

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have."""
        return {name for name in self.needs if name not in sample.columns}

    def beside(self, path: Path) -> list[Path]:
        """Files that are read together with this one."""
        return [found for name in self.companions if (found := path.parent / name).exists()]

    def decide(self, rows: SourceRows) -> Decided:
        """Decide the price unit from the first rows."""
        return price_unit.decide(rows, self.prices) if self.prices else {"unit": "dollars"}

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read the file; every batch is read, as the books before a chunk decide what is in it."""
        renames = {column: name for name, column in options.columns.items()}
        books, decided, said = SourceBooks(), None, set[str]()
        for index, read in enumerate(batches(sample_of(path, options), renames)):
            batch = read()
            facts: list[str] = []
            if decided is None:
                first = SourceRows(batch.frame, options, facts, path)
                decided = self.decide(first)
            rows = SourceRows(batch.frame, options, facts, path)
            part = self._part(rows, books, decided)
            if rows.bad.any() and batch.careful is not None:
                batch = batch.careful()
                rows = SourceRows(batch.frame, options, facts, path)
                part = self._part(rows, books, decided)
            books.last = part.last or books.last
            frame, notes = books.frame(part.added, part.received)
            notes += part.notes
            refused = [BadRow(batch.lines[row], reason, batch.raw(row)) for row, reason in rows.reasons.items()]
            new = [fact for fact in facts if fact not in said]
            said.update(new)
            if index >= skip:
                bad = sorted([*batch.bad, *refused], key=lambda one: one.line)
                yield Chunk(({"book": frame} if frame.height else {}) | rows.tables(), bad, dict(+notes), new)

    def head(self, batch: Batch, options: Options, decided: Decided) -> dict[str, pl.DataFrame]:
        """Turn the beginning of a file into rows; what cannot be read is left out."""
        books = SourceBooks()
        part = self._part(SourceRows(batch.frame, options), books, decided)
        return {"book": books.frame(part.added, part.received)[0]}

    def _part(self, rows: SourceRows, books: SourceBooks, decided: Decided) -> LevelPart:
        received = np.full(rows.frame.height, NULL)
        part = LevelPart(rows, BookRows(), books, decided, received, Counter())
        self.convert(part)
        return part


def _polymarket(part: LevelPart) -> None:
    """Whole books, best first; the DOWN side mirrors UP, and rows after the market's end are no market."""
    rows = part.rows
    ts, market = rows.time("ts"), part.markets("market_id")
    up = rows.words("side", {"up": 1, "down": 0, "yes": 1, "no": 0}, what="UP or DOWN") == 1
    part.notes["books of the DOWN side, which mirror UP, left out"] += int((~up).sum())
    ended = _ended(part, ts)
    part.notes["books after their market's end left out"] += int((up & ended).sum())
    sides = []
    for side, name in ((Side.BID, "bid"), (Side.ASK, "ask")):
        owner, price, size = part.levels(name, rows.frame[f"{name}_px"], rows.frame[f"{name}_sz"], part.decided["unit"])
        sides.append((side, owner, price, size))
    part.snapshot(up & ~ended, sides, market=market, ts=ts, seq=np.full(ts.size, NULL))
    rows.used |= {"bid_px", "bid_sz", "ask_px", "ask_sz"}


def _ended(part: LevelPart, ts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a row is later than its market's end, as the file of markets beside says."""
    rows = part.rows
    beside = rows.path.parent / "markets.parquet" if rows.path else None
    if beside is None or not beside.exists():
        rows.say("no markets.parquet beside the books: books after a market's end are kept")
        return np.zeros(ts.size, np.bool_)
    known = pl.read_parquet(beside, columns=["market_id", "end_ts"])
    ends = rows.frame["market_id"].replace_strict(known["market_id"], known["end_ts"], default=None)
    end = SourceRows(pl.DataFrame({"end_ts": ends}), rows.options).time("end_ts", null=True)
    return (end != NULL) & (ts > end)


def _pmxt(part: LevelPart) -> None:
    """Hourly archive: whole books as lists of (price, size), and signed changes; snapshots have only a receive time."""
    rows = part.rows
    kind = rows.words("event_type", {"orderbook_snapshot": 1, "orderbook_delta": 2}, what="a snapshot or a delta")
    part.received = rows.time("timestamp_received", null=True) if rows.has("timestamp_received") else part.received
    ts = rows.time("timestamp", null=True)
    ts = np.where(ts == NULL, part.received, ts)
    rows.fail(ts == NULL, lambda row: "carries no time")
    market, unit = part.markets("market_ticker"), part.decided["unit"]
    unit = _told_or_dollars(rows, unit)
    sides = []
    for side, name in ((Side.BID, "yes_bids"), (Side.ASK, "no_bids")):
        prices, sizes = _pairs(rows.frame[name])
        owner, price, size = part.levels(name, prices, sizes, unit)
        sides.append((side, owner, part.yes_ticks(price, np.full(price.size, int(side))), size))
    none = np.full(ts.size, NULL)
    delta = kind == 2
    side = rows.words("side", SIDES, what="yes or no").astype(np.int64)
    rows.fail(delta & (side == 0), lambda row: "side is missing")
    price = rows.price("price", unit, null=True)
    change = rows.numbers("delta", SIZE_PLACES[rows.options.size_unit], null=True)
    rows.fail(delta & ((price == NULL) | (change == NULL)), lambda row: "price or delta is missing")
    part.snapshot(kind == 1, sides, market=market, ts=ts, seq=none)
    _changes(part, delta, int(BookKind.DELTA), market, side, price, change, ts, none)
    rows.used |= {"yes_bids", "no_bids"}


def _told_or_dollars(rows: SourceRows, unit: str) -> str:
    """Take books whose first changes do not say the unit as dollars, which these archives write, and say so."""
    if unit != price_unit.UNDECIDED:
        return unit
    rows.say(
        "no change in the first rows says the price unit: prices are taken to be in dollars; "
        "price_unit='cents' says otherwise"
    )
    return "dollars"


def _pairs(lists: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Split a column of lists of (price, size) into two columns of lists."""
    inner = lists.dtype.inner if isinstance(lists.dtype, pl.List) else None
    if isinstance(inner, pl.Struct):
        names = [field.name for field in inner.fields][:2]
        return tuple(lists.list.eval(pl.element().struct.field(name)) for name in names)  # pyright: ignore[reportReturnType] - of two
    if isinstance(inner, pl.List):  # a map, or a pair as a list
        first, second = (lists.list.eval(pl.element().list.get(at, null_on_oob=True)) for at in (0, 1))
        deeper = inner.inner
        if isinstance(deeper, pl.Struct):
            value = deeper.fields[-1].name
            first, second = (side.list.eval(pl.element().struct.field(value)) for side in (first, second))
        return first, second
    empty = pl.Series([[]] * lists.len(), dtype=pl.List(pl.Float64))
    return empty, empty


def _kalshieye(part: LevelPart) -> None:
    """Rows of levels: absolute in snapshots, signed changes otherwise; the rows of one message share its time."""
    rows = part.rows
    ts = rows.time("ts_recv")
    part.received = ts
    market = part.markets("ticker")
    seq = rows.numbers("seq", 0, null=True) if rows.has("seq") else np.full(ts.size, NULL)
    whole = rows.words("is_snapshot", {"true": 1, "1": 1, "false": 0, "0": 0}, what="true or false") == 1
    side = rows.words("side", SIDES, what="yes or no").astype(np.int64)
    price = rows.price("price", price_unit.unit_of(rows, "price", part.decided), null=True)
    size = rows.numbers("size", SIZE_PLACES[rows.options.size_unit], null=True)
    level = (side != 0) & (price != NULL) & (size != NULL)
    rows.fail(~whole & ~level, lambda row: "a change needs side, price and size")
    rows.fail(whole & (side != 0) & ~level, lambda row: "a level needs price and size")
    rows.fail(whole & level & (size < 0), lambda row: f"size {rows.frame['size'][row]} of a level is negative")
    told = [
        np.concatenate([[last], column]) for last, column in zip(part.books.last, (market, ts, seq, whole), strict=True)
    ]
    same = np.logical_and.reduce([column[1:] == column[:-1] for column in told])
    part.last = tuple(int(column[-1]) for column in told)
    begins = whole & ~same
    at = np.flatnonzero(begins)
    part.added.add(
        frame=at, kind=int(BookKind.CLEAR), market=market[at], side=0, price=0, size=0, sid=0, ts=ts[at], seq=seq[at]
    )
    _changes(part, whole & level & (size > 0), int(BookKind.LEVEL), market, side, price, size, ts, seq)
    _changes(part, ~whole, int(BookKind.DELTA), market, side, price, size, ts, seq)


def _changes(
    part: LevelPart,
    where: NDArray[np.bool_],
    kind: int,
    market: NDArray[np.int64],
    side: NDArray[np.int64],
    price: NDArray[np.int64],
    size: NDArray[np.int64],
    ts: NDArray[np.int64],
    seq: NDArray[np.int64],
    *,
    yes_prices: bool = False,
) -> None:
    """Add the rows of ``where`` that can be taken as changes of one level each."""
    at = np.flatnonzero(where & ~part.rows.bad)
    if at.size:
        ticks = price[at] if yes_prices else part.yes_ticks(price[at], side[at])
        part.added.add(
            frame=at, kind=kind, market=market[at], side=side[at], price=ticks, size=size[at], sid=0, ts=ts[at],
            seq=seq[at],
        )  # fmt: skip


def _predictiondata(part: LevelPart) -> None:
    """Full depth: what stands at a level after each update, and whole books as lists joined by commas."""
    rows = part.rows
    ts = rows.time("exchange_timestamp")
    part.received = rows.time("local_timestamp", null=True) if rows.has("local_timestamp") else part.received
    market, unit = part.markets("ticker"), part.decided["unit"]
    unit = _told_or_dollars(rows, unit)
    kind = rows.words("message_type", {"snapshot": 1, "price_level_update": 2}, what="snapshot or price_level_update")
    sides = []
    for side, name in ((Side.BID, "bid"), (Side.ASK, "ask")):
        prices = rows.text(f"snapshot_{name}_prices").str.split(",")
        sizes_name = rows.first((f"snapshot_{name}_quantities", f"snapshot_{name}_sizes"))
        sizes = (
            rows.text(sizes_name).str.split(",")
            if sizes_name
            else pl.Series([None] * prices.len(), dtype=pl.List(pl.String))
        )
        sides.append((side, *part.levels(name, prices, sizes, unit)))
    update = kind == 2
    side = rows.words("price_level_update_side", SIDES, what="bid or ask").astype(np.int64)
    price = rows.price("price_level_update_price", unit, null=True)
    size = rows.size("price_level_update_quantity", null=True)
    rows.fail(
        update & ((side == 0) | (price == NULL) | (size == NULL)), lambda row: "an update needs side, price, quantity"
    )
    none = np.full(ts.size, NULL)
    part.snapshot(kind == 1, sides, market=market, ts=ts, seq=none)
    _changes(part, update, SET, market, side, price, size, ts, none, yes_prices=True)
    rows.used |= {f"snapshot_{name}_prices" for name in ("bid", "ask")}


POLYMARKET = LevelFile(
    "polymarket-books",
    "Polymarket books as lists of prices and sizes",
    ("market_id", "ts", "side", "bid_px", "bid_sz", "ask_px", "ask_sz"),
    _polymarket,
    companions=("markets.parquet",),
)
PMXT = LevelFile(
    "pmxt",
    "PMXT hourly order-book archive",
    ("timestamp", "market_ticker", "event_type", "yes_bids", "no_bids", "price", "delta", "side"),
    _pmxt,
    ("price",),
)
KALSHIEYE = LevelFile(
    "kalshieye",
    "kalshieye book_l2",
    ("ts_recv", "ticker", "side", "price", "size", "is_snapshot"),
    _kalshieye,
    ("price",),
)
PREDICTIONDATA = LevelFile(
    "predictiondata",
    "predictiondata.dev full depth",
    (
        "ticker", "exchange_timestamp", "message_type", "price_level_update_price", "price_level_update_quantity",
        "price_level_update_side", "snapshot_bid_prices", "snapshot_ask_prices",
    ),
    _predictiondata,
    ("price_level_update_price",),
)  # fmt: skip
