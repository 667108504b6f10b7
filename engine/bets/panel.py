"""The panel: what was known and what could be had, time by market.

A bar k closes at ``times[k]`` and holds what happened in ``(times[k - 1], times[k]]``. Matrices are bars x markets in
whole numbers (``portfolio_types`` says which), in memory or, when large, in files that are mapped into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl

from ...features.windows import WINDOWS, parse_window, source_of, window
from ...io.errors import InputError
from .scratch import Scratch

if TYPE_CHECKING:
    from .panel_maker import Resting

HOUR_NS = 3_600_000_000_000
#: Cells that a block may have; a block's frames and temporaries take some hundred bytes a cell.
BLOCK_CELLS = 400_000
NARROWEST = 16
#: Panels with more cells than this are kept in files.
MAPPED_CELLS = 40_000_000

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


@dataclass(frozen=True)
class Panel:
    """Time by market. ``markets`` has one row a column of the matrices, in their order.

    ``quoted`` says of which markets a book was recorded; of the others only trades are known. ``resting`` says what
    orders at the touch would have got; it is not for frames, for it lies in the future of its bar.
    """

    times: npt.NDArray[np.int64]
    markets: pl.DataFrame
    matrices: dict[str, npt.NDArray[Any]]
    quoted: npt.NDArray[np.bool_]
    folder: Scratch | None = field(default=None, repr=False)
    extras: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    resting: Resting | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Bars and markets."""
        return len(self.times), self.markets.height

    def blocks(self) -> Iterator[slice]:
        """The columns, some at a time."""
        return market_blocks(*self.shape)

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
            series = pl.Series(name, values, nan_to_null=True)
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
        from ...features.outcomes import previous_outcomes

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
            if self.has(name):
                raise InputError(f"the panel has a column {name!r} already; give the new one another name or a prefix")
            if np.shape(values) not in ((markets,), (bars, markets)):
                raise InputError(f"column {name!r} is {np.shape(values)}; expected {(markets,)} or {(bars, markets)}")
        return replace(self, extras={**self.extras, **{name: np.asanyarray(values) for name, values in extras.items()}})

    def evaluated(self, expressions: Mapping[str, pl.Expr]) -> Iterator[tuple[slice, dict[str, npt.NDArray[Any]]]]:
        """Expressions over the panel's columns, block by block: which markets, and markets x bars by name."""
        roots = sorted({root for expression in expressions.values() for root in expression.meta.root_names()})
        unknown = [root for root in roots if not self.has(root)]
        if unknown:
            raise InputError(f"a panel has no column {unknown[0]!r}; it has {', '.join(self.known())}")
        wanted = [expression.alias(f"__{name}") for name, expression in expressions.items()]
        for block in self.blocks():
            lazy = self.frame(block, roots or ("bar",)).lazy()
            try:
                found = lazy.with_columns(wanted).select(f"__{name}" for name in expressions).collect()
            except pl.exceptions.PolarsError as error:
                reason = str(error).strip().splitlines()[0]
                raise InputError(
                    f"the scores and filters cannot be computed: {type(error).__name__}: {reason}"
                ) from None
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
        return new_matrix(self.folder, f"{name}-{uuid4().hex}", self.shape, kind)

    def until(self, bars: int) -> Panel:
        """The panel as it was after its first bars: nothing later is in it."""
        cut = {name: values[:bars] for name, values in self.matrices.items()}
        extras = {name: values[:bars] if values.ndim == 2 else values for name, values in self.extras.items()}
        resting = None if self.resting is None else self.resting.until(bars)
        return replace(self, times=self.times[:bars], matrices=cut, extras=extras, resting=resting)


def market_blocks(bars: int, markets: int) -> Iterator[slice]:
    """Columns of a matrix, some at a time: few enough for the memory, and whole cache lines of a row where possible."""
    width = max(NARROWEST, BLOCK_CELLS // max(bars, 1))
    return (slice(first, min(first + width, markets)) for first in range(0, markets, width))


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
        with_market_columns(markets),
        {"mark": marks, **made},
        np.full(marks.shape[1], "bid" in made),
    )


_MARKET_COLUMNS: dict[str, pl.DataType] = {
    **dict.fromkeys(("event", "series", "category", "result", "fee_type"), pl.String()),
    **dict.fromkeys(("open_ts", "close_ts", "settled_ts", "expiration_ts"), pl.Int64()),
    "settlement": pl.Int32(),
    "fee_multiplier": pl.Float64(),
    "fee_history": pl.List(pl.Struct({"valid_from": pl.Int64, "fee_type": pl.String, "fee_multiplier": pl.Float64})),
}


def with_market_columns(markets: pl.DataFrame) -> pl.DataFrame:
    """Every column of a market that the engine reads, null where nobody said it."""
    missing = [pl.lit(None, kind).alias(n) for n, kind in _MARKET_COLUMNS.items() if n not in markets.columns]
    return markets.with_columns(missing)


def new_matrix(folder: Scratch | None, name: str, shape: tuple[int, int], kind: Any) -> npt.NDArray[Any]:
    """An empty matrix, in a file of the folder if there is one."""
    if folder is None:
        return np.empty(shape, kind)
    return np.lib.format.open_memmap(folder.path / f"{name}.npy", mode="w+", dtype=kind, shape=shape)
