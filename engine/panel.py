"""The panel: what was known and what could be had, time by market, built from a store block by block.

A bar k closes at ``times[k]`` and holds what happened in ``(times[k - 1], times[k]]``. Matrices are bars x markets in
whole numbers (``portfolio_types`` says which), in memory or, when large, in files that are mapped into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol
from uuid import uuid4

import numba
import numpy as np
import numpy.typing as npt
import polars as pl

from ..features.windows import WINDOWS, parse_window, source_of, window
from ..io.errors import InputError
from ..io.times import Moment, nanoseconds
from ..io.units import TICKS_PER_DOLLAR
from .portfolio_types import NO_PRICE, NO_SIZE
from .scratch import Scratch

HOUR_NS = 3_600_000_000_000
#: Cells that a block may have; a block's frames and temporaries take some hundred bytes a cell.
BLOCK_CELLS = 400_000
#: Panels with more cells than this are kept in files.
MAPPED_CELLS = 40_000_000
_KEPT = -2  # nothing happened in this bar: what stood before still stands

Progress = Callable[[int, int], None]
#: Matrix -> its type. ``age`` counts bars since the market was last heard of; ``buys`` is what YES buyers took.
MATRICES: dict[str, Any] = {
    "mark": np.int16,
    "bid": np.int16,
    "ask": np.int16,
    "bid_lots": np.int32,
    "ask_lots": np.int32,
    "volume": np.int32,
    "buys": np.int32,
    "age": np.int32,
}
#: Names that are derived when a frame asks for them.
DERIVED = ("market", "bar", "ts", "spread", "hours_left", "life_left", "previous_rate")


class History(Protocol):
    """What a panel is built from; a ``Store`` is one."""

    def markets(self) -> pl.LazyFrame: ...  # noqa: D102 - see Store
    def trades(self, ticker: list[str], start: int | None, end: int | None) -> pl.LazyFrame: ...  # noqa: D102
    def quotes(self, ticker: list[str], start: int | None, end: int | None) -> pl.LazyFrame: ...  # noqa: D102


@dataclass(frozen=True)
class Panel:
    """Time by market. ``markets`` has one row a column of the matrices, in their order.

    ``quoted`` says of which markets a book was recorded; of the others only trades are known.
    """

    times: npt.NDArray[np.int64]
    markets: pl.DataFrame
    matrices: dict[str, npt.NDArray[Any]]
    quoted: npt.NDArray[np.bool_]
    folder: Scratch | None = field(default=None, repr=False)
    extras: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Bars and markets."""
        return len(self.times), self.markets.height

    def blocks(self) -> Iterator[slice]:
        """The columns, some at a time."""
        bars, markets = self.shape
        width = max(1, BLOCK_CELLS // max(bars, 1))
        return (slice(first, min(first + width, markets)) for first in range(0, markets, width))

    def known(self) -> list[str]:
        """Every column that a frame can have."""
        texts = [name for name in ("ticker", "event", "series", "category") if name in self.markets.columns]
        return [*MATRICES, *DERIVED, *texts, *WINDOWS, *self.extras]

    def has(self, name: str) -> bool:
        """Whether a frame can have this column."""
        return name in self.known() or parse_window(name) is not None

    def frame(self, block: slice, names: Sequence[str]) -> pl.DataFrame:
        """One market after the other with every bar, the columns ``names``; what is not there is null."""
        return pl.DataFrame([self._column(name, block) for name in dict.fromkeys(names)])

    def _column(self, name: str, block: slice) -> pl.Series:
        bars, wide = len(self.times), block.stop - block.start
        if name in self.extras or name in self.matrices:
            held = self.extras.get(name, self.matrices.get(name))
            assert held is not None
            if held.ndim == 1:
                return pl.Series(name, np.repeat(held[block], bars))
            values = np.ascontiguousarray(held[:, block].T).ravel()
            series = pl.Series(name, values)
            if values.dtype.kind == "i" and len(values) and values.min() < 0:
                return series.set(series < 0, None)
            return series
        windowed = parse_window(name)
        if name in MATRICES or (windowed is not None and source_of(windowed[0]) not in self.matrices):
            return pl.repeat(None, bars * wide, dtype=pl.Int32, eager=True).alias(name)  # nobody recorded it
        if windowed is not None:
            values = np.ascontiguousarray(self.matrices[source_of(windowed[0])][:, block].T)
            return pl.Series(name, window(*windowed, values).ravel(), nan_to_null=True)
        if name == "market":
            return pl.Series(name, np.repeat(np.arange(block.start, block.stop, dtype=np.int32), bars))
        if name == "bar":
            return pl.Series(name, np.tile(np.arange(bars, dtype=np.int32), wide))
        if name == "ts":
            return pl.Series(name, np.tile(self.times, wide))
        if name == "spread":
            if "bid" not in self.matrices:
                return pl.Series(name, np.zeros(bars * wide, np.int16))
            return self.frame(block, ("bid", "ask")).select((pl.col("ask") - pl.col("bid")).alias(name))[name]
        if name in ("hours_left", "life_left"):
            return self._clock(name, block)
        if name == "previous_rate":
            return pl.Series(name, np.ascontiguousarray(self.previous_rate[:, block].T).ravel()).fill_nan(None)
        if name in ("ticker", "event", "series", "category") and name in self.markets.columns:
            texts = self.markets.get_column(name)[block.start : block.stop]
            return texts.gather(np.repeat(np.arange(wide, dtype=np.uint32), bars)).alias(name)
        raise InputError(f"a panel has no column {name!r}; it has {', '.join(self.known())}")

    def _clock(self, name: str, block: slice) -> pl.Series:
        closes = self.markets["close_ts"].to_numpy()[block].astype(np.float64)
        left = np.maximum(closes[:, None] - self.times[None, :], 0.0)
        if name == "hours_left":
            return pl.Series(name, (left / HOUR_NS).astype(np.float32).ravel()).fill_nan(None)
        opens = self.markets["open_ts"].to_numpy()[block].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.clip(left / (closes - opens)[:, None], 0.0, 1.0)
        return pl.Series(name, share.astype(np.float32).ravel()).fill_nan(None)

    @cached_property
    def previous_rate(self) -> npt.NDArray[np.float32]:
        """What YES paid in the last 20 settled markets of the series, as known at each bar; NaN before the first."""
        from ..features.outcomes import previous_outcomes

        known = self.markets.lazy().select("ticker", "series", "settled_ts", "settlement")
        series = self.markets["series"].unique(maintain_order=True)
        every = series.gather(np.repeat(np.arange(len(series)), len(self.times)))
        grid = pl.LazyFrame({"series": every, "ts": np.tile(self.times, len(series))})
        rates = previous_outcomes(grid, known).collect()["previous_rate"].cast(pl.Float32).fill_null(float("nan"))
        by_series = rates.to_numpy().reshape(len(series), len(self.times))
        place = {name: index for index, name in enumerate(series)}
        return by_series[[place[name] for name in self.markets["series"]]].T

    def with_extras(self, extras: Mapping[str, npt.NDArray[Any]]) -> Panel:
        """The same panel with more columns: an array per market, or bars x markets."""
        bars, markets = self.shape
        for name, values in extras.items():
            if values.shape not in ((markets,), (bars, markets)):
                raise InputError(f"column {name!r} is {values.shape}; expected {(markets,)} or {(bars, markets)}")
        return Panel(self.times, self.markets, self.matrices, self.quoted, self.folder, {**self.extras, **extras})

    def evaluated(self, expressions: Mapping[str, pl.Expr]) -> Iterator[tuple[slice, dict[str, npt.NDArray[Any]]]]:
        """Expressions over the panel's columns, block by block: which markets, and markets x bars by name."""
        roots = sorted({root for expression in expressions.values() for root in expression.meta.root_names()})
        unknown = [root for root in roots if not self.has(root)]
        if unknown:
            raise InputError(f"a panel has no column {unknown[0]!r}; it has {', '.join(self.known())}")
        wanted = [expression.alias(f"__{name}") for name, expression in expressions.items()]
        for block in self.blocks():
            lazy = self.frame(block, roots or ("bar",)).lazy()
            found = lazy.with_columns(wanted).select(f"__{name}" for name in expressions).collect()
            shape = (block.stop - block.start, len(self.times))
            yield block, {name: found[f"__{name}"].to_numpy().reshape(shape) for name in expressions}

    def evaluate(self, expressions: Mapping[str, pl.Expr]) -> dict[str, npt.NDArray[Any]]:
        """The same as whole matrices (bars x markets) in the types that the expressions have."""
        made: dict[str, npt.NDArray[Any]] = {}
        for block, found in self.evaluated(expressions):
            for name, values in found.items():
                if name not in made:
                    made[name] = self.matrix(name, values.dtype)
                made[name][:, block] = values.T
        return made

    def matrix(self, name: str, kind: Any) -> npt.NDArray[Any]:
        """An empty matrix of this panel's shape, in a file when the panel is."""
        return _matrix(self.folder, f"{name}-{uuid4().hex}", self.shape, kind)

    def until(self, bars: int) -> Panel:
        """The panel as it was after its first bars: nothing later is in it."""
        cut = {name: values[:bars] for name, values in self.matrices.items()}
        extras = {name: values[:bars] if values.ndim == 2 else values for name, values in self.extras.items()}
        return Panel(self.times[:bars], self.markets, cut, self.quoted, self.folder, extras)


def build_panel(
    history: History,
    start: Moment | None = None,
    end: Moment | None = None,
    step_ns: int = HOUR_NS,
    *,
    where: pl.Expr | None = None,
    progress: Progress | None = None,
) -> Panel:
    """Build the panel of all markets that ``where`` keeps, between two moments, a bar every ``step_ns``.

    Without ``start`` it begins with the first thing that happened, without ``end`` it ends with the last payout.
    """
    markets = history.markets()
    markets = (markets if where is None else markets.filter(where)).collect().sort("ticker")
    markets = _with_market_columns(markets).with_columns(
        pl.coalesce("event", pl.col("ticker").str.replace(r"-[^-]*$", "")).alias("event"),
        pl.coalesce("series", pl.col("ticker").str.split("-").list.first()).alias("series"),
    )
    tickers = markets["ticker"].to_list()
    if not tickers:
        raise InputError("no market is left to look at; check the series and category that the pipeline asks for")
    low = None if start is None else nanoseconds(start, "start")
    high = None if end is None else nanoseconds(end, "end")
    first, last = _extent(history, markets, low, high)
    begin = first // step_ns * step_ns if low is None else low
    bars = max(-(-((high if high is not None else last + step_ns) - begin) // step_ns), 1)
    times = begin + step_ns * np.arange(1, bars + 1, dtype=np.int64)
    shape = (len(times), len(tickers))
    folder = Scratch("panel-") if shape[0] * shape[1] > MAPPED_CELLS else None
    made = {name: _matrix(folder, name, shape, kind) for name, kind in MATRICES.items()}
    width = max(1, BLOCK_CELLS // len(times))
    seen: list[tuple[bool, bool]] = []
    quoted = np.zeros(len(tickers), np.bool_)
    for at in range(0, len(tickers), width):
        block = slice(at, min(at + width, len(tickers)))
        filled, quoted[block], has = _fill(history, tickers[block], times, step_ns)
        for name, values in filled.items():
            made[name][:, block] = values.T
        seen.append(has)
        if progress is not None:
            progress(block.stop, len(tickers))
    if not any(sized for sized, _ in seen):
        del made["bid_lots"], made["ask_lots"]
    if not any(traded for _, traded in seen):
        del made["volume"], made["buys"]
    return Panel(times, markets, made, quoted, folder)


def panel_of(
    mark: npt.ArrayLike,
    times: npt.ArrayLike,
    markets: pl.DataFrame | None = None,
    **matrices: npt.NDArray[Any],
) -> Panel:
    """A panel from arrays in ticks and lots (bars x markets). Without bid and ask the mark can be had.

    >>> panel_of([[4500], [4600]], [1, 2]).shape
    (2, 1)
    """
    marks = np.ascontiguousarray(mark, np.int16)
    if marks.ndim != 2:
        raise InputError(f"marks are a matrix of bars x markets, not {marks.shape}")
    unknown = set(matrices) - set(MATRICES)
    if unknown:
        raise InputError(f"a panel has no matrix {sorted(unknown)[0]!r}; it has {', '.join(MATRICES)}")
    if markets is None:
        markets = pl.DataFrame({"ticker": [f"M{i:04d}" for i in range(marks.shape[1])]})
    made = {name: np.ascontiguousarray(values, MATRICES[name]) for name, values in matrices.items()}
    return Panel(
        np.asarray(times, np.int64),
        _with_market_columns(markets),
        {"mark": marks, **made},
        np.full(marks.shape[1], "bid" in made),
    )


_MARKET_COLUMNS: dict[str, pl.DataType] = {
    **dict.fromkeys(("event", "series", "category", "result", "fee_type"), pl.String()),
    **dict.fromkeys(("open_ts", "close_ts", "settled_ts", "expiration_ts"), pl.Int64()),
    "settlement": pl.Int32(),
    "fee_multiplier": pl.Float64(),
}


def _with_market_columns(markets: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, kind).alias(n) for n, kind in _MARKET_COLUMNS.items() if n not in markets.columns]
    return markets.with_columns(missing)


def _matrix(folder: Scratch | None, name: str, shape: tuple[int, int], kind: Any) -> npt.NDArray[Any]:
    if folder is None:
        return np.empty(shape, kind)
    return np.lib.format.open_memmap(folder.path / f"{name}.npy", mode="w+", dtype=kind, shape=shape)


def _extent(history: History, markets: pl.DataFrame, low: int | None, high: int | None) -> tuple[int, int]:
    """First and last moment that matter: of quotes and trades, and of the payouts of the markets that have any."""
    if low is not None and high is not None:
        if high <= low:
            raise InputError("the end is not after the start")
        return low, high
    tickers = markets["ticker"].to_list()
    spans = [
        frame.select(pl.col("ts").min().alias("low"), pl.col("ts").max().alias("high")).collect().row(0)
        for frame in (history.quotes(tickers, low, high), history.trades(tickers, low, high))
    ]
    found = [span for span in spans if span[0] is not None]
    if not found:
        raise InputError("there are neither quotes nor trades of these markets in the chosen period")
    paid = markets.select(pl.max_horizontal("settled_ts", "close_ts").max()).item() if high is None else None
    return min(span[0] for span in found), max(*(span[1] for span in found), paid or 0)


def _bars(frame: pl.LazyFrame, tickers: list[str], times: npt.NDArray[np.int64], step: int) -> pl.LazyFrame:
    places = pl.LazyFrame({"ticker": tickers, "m": np.arange(len(tickers), dtype=np.int32)})
    bar = ((pl.col("ts") - (int(times[0]) - step) - 1) // step).clip(lower_bound=0).cast(pl.Int32).alias("bar")
    return frame.with_columns(bar).join(places, on="ticker", maintain_order="left")


def _fill(
    history: History, tickers: list[str], times: npt.NDArray[np.int64], step: int
) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_], tuple[bool, bool]]:
    """The matrices of some markets (markets x bars), which have quotes, and whether sizes and trades are known."""
    end, start = int(times[-1]) + 1, int(times[0]) - step
    shape = (len(tickers), len(times))
    last = [pl.col(c).last().fill_null(NO_PRICE) for c in ("bid", "ask", "bid_size", "ask_size")]
    quotes = _bars(history.quotes(tickers, None, end), tickers, times, step).group_by("m", "bar").agg(last).collect()
    traded = history.trades(tickers, None, end)
    if "is_block" in traded.collect_schema().names():
        traded = traded.filter(~pl.col("is_block").fill_null(value=False))
    inside = pl.col("ts") > start
    size = pl.col("size").filter(inside).sum()
    trades = (
        _bars(traded, tickers, times, step)
        .group_by("m", "bar")
        .agg(
            pl.col("price").last(),
            size.alias("volume"),
            pl.col("size").filter(inside & (pl.col("taker_side") == 1)).sum().alias("buys"),
        )
        .collect()
    )

    def spread_out(frame: pl.DataFrame, column: str, kind: Any, default: int) -> npt.NDArray[Any]:
        made = np.full(shape, default, kind)
        made[frame["m"].to_numpy(), frame["bar"].to_numpy()] = frame[column].to_numpy()
        return made

    price = {c: spread_out(quotes, c, np.int16, _KEPT) for c in ("bid", "ask")}
    sizes = {c: spread_out(quotes, c, np.int32, _KEPT) for c in ("bid_size", "ask_size")}
    trade = spread_out(trades, "price", np.int16, _KEPT)
    volume, buys = spread_out(trades, "volume", np.int32, 0), spread_out(trades, "buys", np.int32, 0)
    mark, age = np.empty(shape, np.int16), np.empty(shape, np.int32)
    _carry_nb(price["bid"], price["ask"], sizes["bid_size"], sizes["ask_size"], trade, mark, age)
    quoted = np.zeros(len(tickers), np.bool_)
    quoted[quotes["m"].unique().to_numpy()] = True
    for c in ("bid", "ask"):  # where only trades are known, the last one is what can be had
        price[c][~quoted] = mark[~quoted]
    filled = {"mark": mark, "age": age, **price, "volume": volume, "buys": buys}
    filled |= {"bid_lots": sizes["bid_size"], "ask_lots": sizes["ask_size"]}
    return filled, quoted, (bool((sizes["bid_size"] >= 0).any()), trades.height > 0)


@numba.njit(cache=True)
def _carry_nb(bid: Any, ask: Any, bid_size: Any, ask_size: Any, trade: Any, mark: Any, age: Any) -> None:
    """Carry what stands from bar to bar, and mark: mid of a book, a bound of half a book, else the last trade."""
    for m in range(bid.shape[0]):
        quoted = False
        last_bid = last_ask = last_mark = NO_PRICE
        last_bid_size = last_ask_size = NO_SIZE
        since = -1
        for t in range(bid.shape[1]):
            if bid[m, t] != _KEPT:
                quoted = True
                last_bid, last_ask = bid[m, t], ask[m, t]
                last_bid_size, last_ask_size = bid_size[m, t], ask_size[m, t]
                since = 0
            if trade[m, t] != _KEPT:
                since = 0
                if not quoted:
                    last_mark = trade[m, t]
            if quoted and (last_bid != NO_PRICE or last_ask != NO_PRICE):
                low = last_bid if last_bid != NO_PRICE else 0
                high = last_ask if last_ask != NO_PRICE else TICKS_PER_DOLLAR
                last_mark = (low + high) // 2
            bid[m, t], ask[m, t], mark[m, t] = last_bid, last_ask, last_mark
            bid_size[m, t], ask_size[m, t] = last_bid_size, last_ask_size
            age[m, t] = since
            if since >= 0:
                since += 1
