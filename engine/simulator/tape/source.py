"""From a store to a tape: read one market's rows, merge the streams into one total order, compile, keep."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ....io.ground.cache import cache_dir
from ....io.ground.errors import InputError
from ....io.ground.made_of import made_of
from ....io.ground.times import Moment
from ....io.store.schema import BookKind, Side
from ....io.store.store import Store
from ..state import I64
from . import kept as tape_cache
from . import rebuild as kernel
from .life import (
    Turn,
    Window,
    begin_of,
    closes_of,
    closes_within,
    standing,
    turns_of,
    turns_within,
    window_of,
)
from .tape import Tape, TapeMarket, TapeOrigin, TapeRows, build

if TYPE_CHECKING:
    from ...rewards.programs import Program

#: Part of the key of a kept tape, beside the kernels: raise it when the same rows would come to other columns by other
#: code than theirs.
FORMAT = 5


def compile_tape(
    store: Store, ticker: str, start: Moment | None = None, end: Moment | None = None, *, grid: str | None = None,
    underlying: str | None = None, keep: bool = True,
) -> Tape:  # fmt: skip
    """Return the tape of one market between two moments; compiled once, then mapped from the cache folder."""
    rows = store.markets(history=True, ticker=ticker).collect().to_dicts()
    market = _market(rows, ticker, grid, underlying)
    closes, is_guessed = closes_of(rows, market)
    market = replace(market, closes=closes)
    window, turns = window_of(market, start, end), turns_of(rows, market)
    streams = ("book", "trades", "quotes")
    versions = [store.version(name, ticker, None, end) for name in streams]
    versions.append(store.version("underlying", market.underlying, None, window.high) if market.underlying else "")
    named = (FORMAT, _kernels(), market, turns, str(start), str(end), store.path, versions)
    folder = cache_dir() / "tapes" / hashlib.sha256(repr(named).encode()).hexdigest()[:24]
    tape = tape_cache.load(folder) if keep else None
    if tape is None:
        tape = _compile(store, market, turns, window, (start, end), is_guessed=is_guessed)
        tape = tape_cache.keep(tape, folder) if keep else tape
    return replace(tape, origin=TapeOrigin(str(store.path), start, end), programs=_programs(store, ticker))


def _programs(store: Store, ticker: str) -> tuple[Program, ...]:
    """The recorded incentive programs of a market; where there is none, nothing of them is loaded."""
    rows = store.programs(ticker).collect().to_dicts()
    if not rows:
        return ()
    from ...rewards.programs import recorded

    return tuple(recorded(rows))


@cache
def _kernels() -> str:
    """A hash of the kernels that make a tape, with the rule of what a row does to a book."""
    made = "\0".join(made_of(kernel.build_nb, kernel.falls_nb, kernel.match_nb))
    return hashlib.sha256(made.encode()).hexdigest()


def _market(rows: list[dict[str, Any]], ticker: str, grid: str | None, underlying: str | None) -> TapeMarket:
    """A market as last known from its rows through time: a missing value hides none."""
    row = {name: value for one in rows for name, value in one.items() if value is not None}
    series = row.get("series") or ticker.split("-", maxsplit=1)[0]
    return TapeMarket(
        ticker, series, row.get("event") or ticker.rpartition("-")[0] or ticker, row.get("title") or "",
        row.get("category") or "", row.get("open_ts"), row.get("close_ts"), row.get("settled_ts"), row.get("result"),
        settlement_of(row), row.get("floor"), row.get("cap"), underlying or row.get("underlying"),
        grid or row.get("grid") or "linear_cent",
        _fee_history(rows),
    )  # fmt: skip


def _fee_history(rows: list[dict[str, Any]]) -> tuple[tuple[int, str | None, float | None], ...]:
    """The market's fee types and multipliers, by the time from which each held."""
    known = ((row["valid_from"], row["fee_type"], row["fee_multiplier"]) for row in rows)
    return tuple((int(at or 0), kind, by) for at, kind, by in known if kind or by is not None)


def settlement_of(row: dict[str, Any]) -> int | None:
    """What one YES paid, in ticks; None while it is not settled."""
    if row.get("settlement") is not None:
        return int(row["settlement"])
    return {"yes": 10_000, "no": 0}.get(str(row.get("result")))


def _compile(
    store: Store,
    market: TapeMarket,
    turns: tuple[Turn, ...],
    window: Window,
    asked: tuple[Moment | None, Moment | None],
    *,
    is_guessed: bool,
) -> Tape:  # fmt: skip
    book = store.book(market.ticker, *asked).select("ts", "kind", "side", "price", "size").collect()
    trades = store.trades(market.ticker, *asked).select("ts", "taker_side", "price", "size", "is_block").collect()
    quotes = pl.DataFrame() if len(book) else store.quotes(market.ticker, *asked).collect()
    is_block = pl.col("is_block").fill_null(False)
    blocks, trades = window.inside(trades.filter(is_block)), trades.filter(~is_block)
    own = [rows for rows in (book, trades, quotes) if len(rows)]
    if not own:
        raise InputError(_nothing(store, market.ticker, *asked))
    within = [window.inside(rows) for rows in own]
    if not any(len(rows) for rows in within):
        raise InputError(
            f"{market.ticker}: its {sum(map(len, own)):,} events lie before it opens or after it closes; look at its "
            f"row with engine data sql \"select * from markets where ticker = '{market.ticker}'\""
        )
    told = [rows for rows in (book, quotes, window.inside(trades)) if len(rows)]
    begin, begun = begin_of(store, market, window, min(int(rows["ts"][0]) for rows in told))
    last = max(int(rows["ts"][-1]) for rows in within if len(rows))
    closes = None if market.close_ts is None else window.high
    outside = sum(window.after(rows) for rows in own) + window.before(trades)
    trades = window.inside(trades)
    notes: list[str] = ["outside-life"] if outside else []
    if market.close_ts is None and market.settlement is not None:
        notes.append("assumed-close")
    depth = True
    if len(book):
        levels = _joined(_standing_book(store, market.ticker, begin), _book_rows(window.inside(book)))
    elif len(quotes):
        quotes = _quotes(store, market.ticker, begin, window.inside(quotes))
        levels, depth = _quote_rows(quotes)
        notes.append("book-from-quotes")
    else:
        levels, depth = _trade_rows(trades, market), False
        notes.append("book-from-trades")
    values = np.zeros(0)
    streams = [levels, _print_rows(trades)]
    if market.underlying:
        stood, ticks = _ticks(store, market.underlying, begin, last + 1 if closes is None else closes)
        values = np.concatenate([stood["value"].to_numpy(), ticks["value"].to_numpy()])
        streams.append(_plain(ticks["ts"].to_numpy(), kernel.TICK))
        streams.insert(
            0, _plain(stood["ts"].to_numpy(), kernel.TICK)
        )  # first of its moment, so that it decides nothing
    first = min(int(rows.ts[0]) for rows in streams if len(rows.ts))
    end = last if closes is None else closes
    streams.append(_status_rows(turns_within(turns, first, end)))
    known = closes_within(market.closes, first, end)
    if is_guessed and all(since > first for since, _ in market.closes[1:]):
        notes.append("close-told-late")
    market = replace(market, closes=() if known == ((0, market.close_ts),) else known)
    return build(
        market, merge(streams), values, block_trades=len(blocks), depth=depth, book=bool(len(book) or len(quotes)),
        notes=tuple(notes), begun=begun, outside_life=outside,
    )  # fmt: skip


def _ticks(store: Store, symbol: str, begin: int, end: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The underlying's price that stands at a moment, unless one comes just then, and those from then on."""
    ticks = store.underlying(symbol, begin, end).collect()
    stood = standing(lambda low, high: store.underlying(symbol, low, high), begin)
    return (stood.clear() if len(ticks) and int(ticks["ts"][0]) == begin else stood), ticks


def _quotes(store: Store, ticker: str, begin: int, quotes: pl.DataFrame) -> pl.DataFrame:
    """Quotes from a moment on, and first those that stand then, unless the first of them takes their place."""
    if len(quotes) and int(quotes["ts"][0]) == begin:
        return quotes
    return pl.concat([standing(lambda low, high: store.quotes(ticker, low, high), begin), quotes])


def _standing_book(store: Store, ticker: str, begin: int) -> TapeRows | None:
    """The book when a tape begins as a snapshot; None if it is not known then."""
    return standing_rows(store.book(ticker, None, begin).collect(), begin)


def standing_rows(before: pl.DataFrame, ts: int) -> TapeRows | None:
    """The book after rows of book as a snapshot of time ``ts``; None if it is not known after them."""
    snapshots = np.flatnonzero(before["kind"].to_numpy() == int(BookKind.CLEAR))
    if not len(snapshots):
        return None
    since = before[int(snapshots[-1]) + 1 :]
    levels = since.with_columns(stands=pl.col("size").cum_sum().over("side", "price"))
    if (levels["kind"] == int(BookKind.GAP)).any() or (levels["stands"] < 0).any():
        return None
    levels = levels.group_by("side", "price", maintain_order=True).agg(pl.col("stands").last())
    levels = levels.filter(pl.col("stands") > 0)
    what = np.full(len(levels) + 1, int(BookKind.LEVEL))
    what[0] = int(BookKind.CLEAR)
    side, price, size = (np.append(0, levels[name].to_numpy()) for name in ("side", "price", "stands"))
    return _rows(np.full(len(what), ts), what, side, price, size)


def _joined(first: TapeRows | None, then: TapeRows) -> TapeRows:
    if first is None:
        return then
    return TapeRows(*(np.concatenate(pair) for pair in zip(astuple(first), astuple(then), strict=True)))


def _nothing(store: Store, ticker: str, start: Moment | None, end: Moment | None) -> str:
    from ....strategies.parameters import nearest

    known = sorted({name for table in ("book", "trades", "quotes") for name in store.tickers(table)})
    if ticker not in known:
        return f"market {ticker!r} is not in the store; {nearest(ticker, known[:2000])}"
    return f"{ticker} has no events between {start or 'its first'} and {end or 'its last'}; try a wider window"


def merge(streams: list[TapeRows]) -> TapeRows:
    """Merge streams that are each in order: by time, and at equal times in the order of the list."""
    total = sum(len(rows.ts) for rows in streams)
    place = []
    for index, rows in enumerate(streams):
        at = np.arange(len(rows.ts))
        for other_index, other in enumerate(streams):
            if other_index != index:
                at = at + np.searchsorted(other.ts, rows.ts, side="right" if other_index < index else "left")
        place.append(at)
    out = TapeRows(
        np.empty(total, np.int64), np.empty(total, np.uint8), np.empty(total, np.int8), np.empty(total, np.int32),
        np.empty(total, np.int64),
    )  # fmt: skip
    for at, rows in zip(place, streams, strict=True):
        for name in ("ts", "what", "side", "price", "size"):
            getattr(out, name)[at] = getattr(rows, name)
    return out


def _rows(ts: I64, what: Any, side: Any, price: Any, size: Any) -> TapeRows:
    n = len(ts)

    def column(given: Any, dtype: Any) -> Any:
        return np.full(n, given, dtype) if np.isscalar(given) else np.asarray(given).astype(dtype)

    return TapeRows(
        np.asarray(ts).astype(np.int64), column(what, np.uint8), column(side, np.int8), column(price, np.int32),
        column(size, np.int64),
    )  # fmt: skip


def _plain(ts: I64, what: int) -> TapeRows:
    return _rows(ts, what, 0, 0, 0)


def _book_rows(book: pl.DataFrame) -> TapeRows:
    return _rows(*(book[name].to_numpy() for name in ("ts", "kind", "side", "price", "size")))


def _print_rows(trades: pl.DataFrame) -> TapeRows:
    side = trades["taker_side"].fill_null(int(Side.UNKNOWN)).to_numpy()
    return _rows(trades["ts"].to_numpy(), kernel.PRINT, side, trades["price"].to_numpy(), trades["size"].to_numpy())


def _top_rows(ts: I64, bid: I64, ask: I64, bid_size: I64, ask_size: I64) -> TapeRows:
    """A snapshot of at most two levels a time; a price of 0 means no level."""
    n = len(ts)
    what = np.tile(np.array([BookKind.CLEAR, BookKind.LEVEL, BookKind.LEVEL]), n)
    side = np.tile(np.array([0, Side.BID, Side.ASK]), n)
    price = np.stack([np.zeros(n), bid, ask], axis=1).ravel()
    size = np.stack([np.zeros(n), bid_size, ask_size], axis=1).ravel()
    kept = (what == BookKind.CLEAR) | ((price > 0) & (price < 10_000))
    return _rows(np.repeat(ts, 3)[kept], what[kept], side[kept], price[kept], size[kept])


def _quote_rows(quotes: pl.DataFrame) -> tuple[TapeRows, bool]:
    """The book that best quotes tell of: one level a side. Sizes that are not known are taken as one contract."""
    filled = quotes.with_columns(pl.col("bid", "ask").fill_null(0))
    depth = quotes["bid_size"].null_count() + quotes["ask_size"].null_count() < 2 * len(quotes)
    sizes = [filled[name].fill_null(100).to_numpy() for name in ("bid_size", "ask_size")]
    return _top_rows(filled["ts"].to_numpy(), filled["bid"].to_numpy(), filled["ask"].to_numpy(), *sizes), depth


def _trade_rows(trades: pl.DataFrame, market: TapeMarket) -> TapeRows:
    """Without a book, a spread of two levels around the last trade stands in for it; a result says so."""
    from ....io.ground.grids import grid_levels

    levels = grid_levels(market.grid)
    at = np.searchsorted(levels, trades["price"].to_numpy())
    bid = levels[np.maximum(at - 1, 0)].astype(np.int64)
    ask = levels[np.minimum(at + 1, len(levels) - 1)].astype(np.int64)
    one = np.full(len(trades), 100)
    return _top_rows(trades["ts"].to_numpy(), bid, ask, one, one)


def _status_rows(turns: list[Turn]) -> TapeRows:
    """When the market begins and stops to trade."""
    ts, trades = (np.array([turn[place] for turn in turns], np.int64) for place in range(2))
    return _rows(ts, kernel.STATE, trades, 0, 0)
