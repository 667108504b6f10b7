"""The doctor: what is wrong with stored history, and what it costs in tradable minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ..ground.errors import InputError
from ..ground.grids import is_on_grid
from ..ground.progress import Progress, silent
from ..ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR, cents
from ..store.schema import BookKind
from ..store.store import Store
from . import book as doctor_book
from . import doubles as doctor_doubles
from . import markets as doctor_markets
from . import programs as doctor_programs
from . import settlement as doctor_settlement

MINUTE = 60 * NS_PER_SECOND
#: A stretch without rows is stale from so many minutes, if it is also so many times the ticker's usual wait.
STALE_MINUTES, STALE_TIMES = 5, 100
#: Cancels may come so long after the close: the exchange clears the book.
CLEARING = 5 * MINUTE
#: Tickers are read together up to so many rows.
ROWS_AT_ONCE = 4_000_000

FAULT, NOTE = "fault", "note"
#: Check -> (severity, what a finding says). A note costs minutes; a fault is wrong.
CHECKS: dict[str, tuple[str, str]] = {
    "sequence gap": (FAULT, "messages were missed; the book is unknown until the next snapshot"),
    "level below zero": (
        FAULT,
        "a level was reduced by more than it held; the book is unknown until the next snapshot",
    ),
    "crossed book": (FAULT, "the best bid was above the best ask"),
    "locked book": (FAULT, "the best bid equalled the best ask"),
    "duplicate rows": (FAULT, "the same rows are stored more than once; engine data forget takes an import back"),
    "out-of-order rows": (FAULT, "times run against the source's own sequence numbers"),
    "outside the market's life": (FAULT, "trades or new orders before the open or after the close"),
    "off-grid price": (FAULT, "prices at which no order can stand"),
    "close before open": (FAULT, "a market closes or settles before it opens"),
    "contradictory result": (FAULT, "the result and what the market paid are not the same"),
    "one-sided settlement": (FAULT, "the results are less likely than one in a thousand at the prices traded"),
    "unlisted market": (NOTE, "rows of tickers that no row of markets names: no close, no result and no grid is known"),
    "no closing time": (NOTE, "a result without a closing time: bets let the market close and pay at its last event"),
    "unknown grid": (NOTE, "the market's price grid has no known name, so its prices were not checked"),
    "stale stretch": (NOTE, f"no row for over {STALE_MINUTES} minutes and {STALE_TIMES} times the usual wait"),
    "one-sided book": (NOTE, "a side of the book was empty"),
    "unknown in a program": (NOTE, "the book was unknown while an incentive program counted: nothing is scored then"),
}
_OF_BOOK = {
    doctor_book.CROSSED: "crossed book",
    doctor_book.LOCKED: "locked book",
    doctor_book.NEGATIVE: "level below zero",
    doctor_book.GAP: "sequence gap",
    doctor_book.ONE_SIDED: "one-sided book",
}


@dataclass(frozen=True)
class Finding:
    """One thing found in one ticker (or series): how often, when, and the tradable minutes it costs."""

    check: str
    ticker: str
    count: int
    minutes: float
    first_ts: int | None = None
    last_ts: int | None = None
    detail: str = ""

    @property
    def severity(self) -> str:
        """``fault``: something is wrong. ``note``: true to life, but nothing can be traded meanwhile."""
        return CHECKS[self.check][0]

    @property
    def meaning(self) -> str:
        """What the check looks for, in a line."""
        return CHECKS[self.check][1]


def check(store: Store, tickers: Sequence[str] | None = None, step: Progress = silent) -> list[Finding]:
    """Check stored tickers (all by default) and return what was found, faults first; ``step`` hears of progress."""
    history = store.markets(history=True).collect()
    sizes = _sizes(store)
    if tickers is not None:
        unknown = sorted(set(tickers) - set(sizes) - set(history["ticker"].to_list()))
        if unknown:
            raise InputError(f"the store at {store.path} has no ticker {', '.join(unknown)}")
        sizes = {ticker: sizes[ticker] for ticker in sorted(set(tickers)) if ticker in sizes}
        history = history.filter(pl.col("ticker").is_in(list(tickers)))
    markets, programs = _Markets(history), store.programs(tickers).collect()
    found: list[Finding] = []
    total, done, prices = sum(sizes.values()), 0, list[pl.DataFrame]()
    for batch in _batches(sizes):
        frames = {table: _ordered(store, table, batch) for table in ("book", "trades", "quotes")}
        found += _book_findings(frames["book"], markets)
        found += _quote_findings(frames["quotes"])
        found += [
            Finding(
                "unknown in a program", one.ticker, one.count, one.nanoseconds / MINUTE, one.first, one.last, one.detail
            )
            for one in doctor_programs.of_programs(programs, frames["book"], markets.lives)
        ]
        for table, frame in frames.items():
            if frame.height:
                doubles = doctor_doubles.doubled(table, frame)
                found += [
                    *_told("duplicate rows", doubles, detail=pl.col("detail").first()),
                    *_disorder(table, frame),
                    *_stale(table, frame, markets),
                ]
                found += [*_outside(table, frame, markets), *_off_grid(table, frame, markets)]
        prices.append(doctor_settlement.prices(frames["trades"]))
        done += sum(sizes[ticker] for ticker in batch)
        step(done, total)
    symbols = _symbols(store, history, tickers)
    doubles = doctor_doubles.doubled_underlying(store, symbols)
    found += _told("duplicate rows", doubles, detail=pl.col("detail").first())
    for one in doctor_settlement.one_sided(history, pl.concat(prices) if prices else None):
        found.append(Finding("one-sided settlement", one.series, one.settled, one.minutes, detail=one.detail))
    found += [
        Finding(one.check, one.name, one.count, 0.0, detail=one.detail)
        for one in doctor_markets.of_markets(history, sorted(sizes))
    ]
    order = list(CHECKS)
    return sorted(found, key=lambda one: (one.severity, order.index(one.check), -one.minutes, one.ticker))


class _Markets:
    """What is known of the markets: when they live, and the grids they have had."""

    def __init__(self, history: pl.DataFrame) -> None:
        last = history.group_by("ticker", maintain_order=True).agg(
            pl.col("open_ts", "close_ts").drop_nulls().last(), pl.col("grid").drop_nulls().unique()
        )
        self.life = last.select("ticker", "open_ts", "close_ts")
        self.grids: dict[str, list[str]] = dict(zip(last["ticker"].to_list(), last["grid"].to_list(), strict=True))
        self.lives: dict[str, tuple[int | None, int | None]] = {
            name: (opens, closes) for name, opens, closes in self.life.iter_rows()
        }
        self.close: dict[str, int | None] = dict(zip(last["ticker"].to_list(), last["close_ts"].to_list(), strict=True))


def _sizes(store: Store) -> dict[str, int]:
    """Rows of each ticker."""
    parts = [
        store.table(table).group_by("ticker").agg(pl.len().cast(pl.Int64).alias("rows"))
        for table in ("book", "trades", "quotes")
    ]
    frame = pl.concat(parts).group_by("ticker").agg(pl.col("rows").sum()).sort("ticker").collect()
    return dict(frame.iter_rows())


def _symbols(store: Store, history: pl.DataFrame, tickers: Sequence[str] | None) -> list[str]:
    """The underlyings to check: all, or those of the markets asked for."""
    stored = store.tickers("underlying")
    return stored if tickers is None else [name for name in stored if name in set(history["underlying"])]


def _batches(sizes: dict[str, int]) -> Iterator[list[str]]:
    batch, rows = list[str](), 0
    for ticker, count in sizes.items():
        if batch and rows + count > ROWS_AT_ONCE:
            yield batch
            batch, rows = [], 0
        batch.append(ticker)
        rows += count
    if batch:
        yield batch


def _ordered(store: Store, table: str, tickers: list[str]) -> pl.DataFrame:
    """Rows of some tickers, each ticker's together and in order of time."""
    names = pl.col("source", "ticker", "import_id").cast(pl.Categorical)
    frame = store.table(table, tickers).with_columns(names)
    return frame.collect().sort(pl.col("ticker").cast(pl.String), maintain_order=True)


def _book_findings(frame: pl.DataFrame, markets: _Markets) -> Iterator[Finding]:
    if not frame.height:
        return
    runs = frame.select(pl.col("ticker").rle().alias("run")).unnest("run")
    names = runs["value"].cast(pl.String).to_list()
    lengths = runs["len"].to_numpy()
    ts = frame["ts"].to_numpy()
    last = ts[lengths.cumsum() - 1]
    until = np.array([_until(markets.close.get(name), int(end)) for name, end in zip(names, last, strict=True)])
    kind, side, price, size = (frame[name].to_numpy() for name in ("kind", "side", "price", "size"))
    found = doctor_book.replay(np.repeat(np.arange(len(names)), lengths), ts, kind, side, price, size, until)
    for who, what in zip(*np.nonzero(found.times), strict=True):
        count, nanoseconds, first, end = (int(column[who, what]) for column in found)
        yield Finding(_OF_BOOK[int(what)], names[who], count, nanoseconds / MINUTE, first, end)


def _until(close: int | None, last: int) -> int:
    """A book's last state holds to the close if that is near, else nothing is known after the last row."""
    return close if close is not None and last < close < last + 60 * MINUTE else last


def _quote_findings(frame: pl.DataFrame) -> Iterator[Finding]:
    """The same questions for a top-of-book recording."""
    if not frame.height:
        return
    held = (pl.col("ts").shift(-1).over("ticker") - pl.col("ts")).fill_null(0)
    states = {
        "crossed book": pl.col("bid") > pl.col("ask"),
        "locked book": pl.col("bid") == pl.col("ask"),
        "one-sided book": pl.col("bid").is_null() | pl.col("ask").is_null(),
    }
    timed = frame.with_columns(held=held)
    for name, wrong in states.items():
        yield from _told(name, timed.filter(wrong.fill_null(False)), pl.col("held").sum())


def _told(
    check: str, rows: pl.DataFrame, cost: pl.Expr | None = None, detail: pl.Expr | None = None
) -> Iterator[Finding]:
    """A finding for each ticker of these rows."""
    grouped = rows.group_by("ticker").agg(
        pl.len().alias("count"),
        (pl.lit(0) if cost is None else cost).alias("ns"),
        pl.col("ts").min().alias("first"),
        pl.col("ts").max().alias("last"),
        (pl.lit("") if detail is None else detail).alias("detail"),
    )
    for row in grouped.iter_rows(named=True):
        yield Finding(check, row["ticker"], row["count"], row["ns"] / MINUTE, row["first"], row["last"], row["detail"])


def _disorder(table: str, frame: pl.DataFrame) -> Iterator[Finding]:
    """Sequence numbers that fall while time goes on; a snapshot or a gap may begin them anew."""
    rows = frame.filter(pl.col("seq").is_not_null())
    if not rows.height:
        return
    by: list[Any] = ["ticker", "source"]
    if table == "book":
        anew = pl.col("kind").is_in([int(BookKind.CLEAR), int(BookKind.GAP)])
        rows = rows.with_columns(part=anew.cast(pl.Int64).cum_sum().over(by))
        rows, by = rows.filter(~anew), [*by, "part"]
    yield from _told(
        "out-of-order rows", rows.filter(pl.col("seq") < pl.col("seq").cum_max().over(by)), detail=pl.lit(table)
    )


def _stale(table: str, frame: pl.DataFrame, markets: _Markets) -> Iterator[Finding]:
    """Waits that are long, and long for this ticker. Trades alone may be rare: only books and quotes go stale."""
    if table == "trades":
        return
    wait = pl.col("ts").diff().over("ticker")
    waits = frame.select("ticker", "ts", wait=wait).filter(pl.col("wait") > 0)
    usual = pl.col("wait").median().over("ticker")
    long = (pl.col("wait") >= STALE_MINUTES * MINUTE) & (pl.col("wait") >= STALE_TIMES * usual)
    longest = (pl.col("wait").max() // MINUTE).cast(pl.String) + " minutes at most"
    yield from _told("stale stretch", waits.filter(long), pl.col("wait").sum(), longest)


def _outside(table: str, frame: pl.DataFrame, markets: _Markets) -> Iterator[Finding]:
    """Rows before the open or after the close; cancels may follow the close."""
    rows = frame.with_columns(pl.col("ticker").cast(pl.String)).join(markets.life, on="ticker", how="left")
    late = pl.col("ts") > pl.col("close_ts")
    if table == "book":
        rows = rows.filter(pl.col("kind") == int(BookKind.DELTA))
        late = late & ((pl.col("size") > 0) | (pl.col("ts") > pl.col("close_ts") + CLEARING))
    early = pl.col("ts") < pl.col("open_ts")
    wrong = rows.filter(early.fill_null(False) | late.fill_null(False))
    when = pl.concat_str(
        pl.lit(f"{table}: "), early.sum().cast(pl.String), pl.lit(" before the open, rest after the close")
    )
    yield from _told("outside the market's life", wrong, detail=when)


def _off_grid(table: str, frame: pl.DataFrame, markets: _Markets) -> Iterator[Finding]:
    """Prices that are on no grid the market has had; without a known grid only 0 and 1 dollar are refused."""
    if table == "quotes":
        sides = [frame.select("ticker", "ts", price=side) for side in ("bid", "ask")]
        rows = pl.concat(sides).drop_nulls()
    elif table == "book":
        rows = frame.filter(pl.col("kind").is_in([int(BookKind.DELTA), int(BookKind.LEVEL)]))
    else:
        rows = frame
    for keys, part in rows.select("ticker", "ts", "price").group_by("ticker", maintain_order=True):
        ticker = str(keys[0])
        prices, grids, strange = part["price"].to_numpy(), markets.grids.get(ticker, []), list[str]()
        valid = np.zeros(prices.size, np.bool_)
        for grid in grids:
            try:
                valid |= is_on_grid(prices, grid)
            except InputError:
                strange.append(grid)
        if strange or not grids:
            valid |= (prices > 0) & (prices < TICKS_PER_DOLLAR)
        if strange and table == "book":
            yield Finding("unknown grid", ticker, part.height, 0.0, detail=", ".join(strange))
        if not valid.all():
            worst = part.filter(~valid)
            shown = ", ".join(f"{cents(price)}c" for price in worst["price"].unique().sort().head(3).to_list())
            detail = f"{table}: {shown} on {', '.join(grids) or 'no known grid'}"
            yield from _told("off-grid price", worst, detail=pl.lit(detail))
