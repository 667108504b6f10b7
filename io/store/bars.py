"""Bars of trades: open, high, low, close and volume, made file by file from rows that are in order already."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from .files.manifest import StoredFile
from .files.place import Place
from .reading import pieces, read
from .schema import TRADES

#: Files in work at a time: one is decoded while another is added up.
_AT_ONCE = 2
_I64 = NDArray[np.int64]


@dataclass
class _Part:
    """The bars of one piece: a run of bars for each ticker, in order of time."""

    tickers: pl.Series
    counts: _I64  #: bars of each ticker
    ts: _I64
    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    volume: _I64
    trades: NDArray[np.uint32]


def bars(
    place: Place,
    files: Sequence[StoredFile],
    tickers: Sequence[str] | None,
    start: int | None,
    end: int | None,
    ns: int,
) -> pl.DataFrame:
    """Bars of ``ns`` each, in order of ticker and time; see ``Store.bars``."""

    def of_piece(piece: tuple[Sequence[StoredFile], bool]) -> _Part:
        rows = read(place, TRADES, *piece, tickers, start, end).select("ticker", "ts", "price", "size").collect()
        return _bars_of(rows, ns)

    found = [(group, sort) for group, sort in pieces(files) for group in ([group] if sort else [[f] for f in group])]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return _joined([part for part in pool.map(of_piece, found) if len(part.ts)])


def _bars_of(rows: pl.DataFrame, ns: int) -> _Part:
    """Add up rows that are in order of ticker and time."""
    runs = rows["ticker"].rle().struct
    ends = runs.field("len").to_numpy().cumsum(dtype=np.int64)
    begins = (rows["ts"] // ns * ns).to_numpy()
    changed = np.ones(rows.height, np.bool_)
    np.not_equal(begins[1:], begins[:-1], out=changed[1:])
    changed[ends[:-1]] = True
    first = np.flatnonzero(changed)
    last = np.append(first[1:], rows.height)
    price, size = rows["price"].to_numpy(), rows["size"].to_numpy()
    if not len(first):
        return _Part(runs.field("value"), ends, begins, price, price, price, price, size, np.zeros(0, np.uint32))
    return _Part(
        runs.field("value"),
        np.diff(np.searchsorted(first, ends), prepend=0),
        begins[first],
        price[first],
        np.maximum.reduceat(price, first),
        np.minimum.reduceat(price, first),
        price[last - 1],
        np.add.reduceat(size, first),
        (last - first).astype(np.uint32),
    )


def _joined(parts: list[_Part]) -> pl.DataFrame:
    """Put parts together that follow one another in time within each ticker; a bar may go on in the next part."""
    names = pl.concat([pl.Series(dtype=pl.String), *(part.tickers for part in parts)]).unique().sort()
    kind = np.uint16 if len(names) < 2**16 else np.uint32  # short codes are sorted by counting
    numbers = [part.tickers.cast(pl.Enum(names)).to_physical().to_numpy().astype(kind) for part in parts]

    def column(name: str, empty: type) -> NDArray[np.generic]:
        return np.concatenate([np.zeros(0, empty), *(getattr(part, name) for part in parts)])

    code = np.concatenate([np.zeros(0, kind), *map(np.repeat, numbers, (part.counts for part in parts))])
    ts, volume, trades = column("ts", np.int64), column("volume", np.int64), column("trades", np.uint32)
    open_, high, low, close = (column(name, np.int32) for name in ("open", "high", "low", "close"))
    order = np.argsort(code, kind="stable").astype(np.uint32)
    code, ts = code[order], ts[order]
    begins = np.ones(len(ts), np.bool_)
    begins[1:] = (code[1:] != code[:-1]) | (ts[1:] != ts[:-1])
    heads, more = np.flatnonzero(begins), np.flatnonzero(~begins)
    into, rest = order[heads[np.searchsorted(heads, more) - 1]], order[more]
    np.maximum.at(high, into, high[rest])
    np.minimum.at(low, into, low[rest])
    np.add.at(volume, into, volume[rest])
    np.add.at(trades, into, trades[rest])
    close[into] = close[rest]  # of several the last one stays
    columns = {"open": open_, "high": high, "low": low, "close": close, "volume": volume, "trades": trades}
    kept = pl.Series(order[begins])
    made = pl.DataFrame(columns).select(pl.all().gather(kept))  # column beside column on all cores
    return pl.DataFrame([names.gather(code[begins]).alias("ticker"), pl.Series("ts", ts[begins]), *made])
