"""The panel: what was known and what could be had, time by market, while each market lived.

A bar k closes at ``times[k]`` and holds what happened in ``(times[k - 1], times[k]]``. ``lives`` says in which bars a
market has a row; columns are rows of whole numbers (``types.py`` says which), in memory or, when many, in files
that are mapped into it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl

from ....features.calendar import hours_to_close, life_left
from ....features.quotes import spread
from ....features.windows import WINDOWS, parse_window, source_of, window
from ....io.ground.errors import InputError
from .closes import known_closes
from .lives import Lives, whole_lives
from .scratch import Scratch

if TYPE_CHECKING:
    from .resting import Resting

HOUR_NS = 3_600_000_000_000
#: Rows that a block may have; a block's frames and temporaries take some hundred bytes a row.
BLOCK_ROWS = 400_000
#: Panels with more rows than this are kept in files.
MAPPED_ROWS = 40_000_000

#: Column -> its type. ``age`` counts bars since the market was last heard of; ``buys`` is what YES buyers took.
COLUMNS: dict[str, Any] = {
    "mark": np.int16,
    "bid": np.int16,
    "ask": np.int16,
    "bid_lots": np.int32,
    "ask_lots": np.int32,
    "volume": np.int32,
    "buys": np.int32,
    "age": np.int32,
}
#: Columns of what happened in a bar: nothing, outside a market's life. The others stand after it, and are -1 before.
FLOWS = ("volume", "buys")
#: Names that are derived when a frame asks for them.
DERIVED = ("market", "bar", "ts", "spread", "hours_left", "life_left", "previous_rate")


@dataclass(frozen=True)
class Panel:
    """Time by market. ``markets`` has one row a market, in the order of ``lives``; ``rows`` are the columns.

    ``quoted`` says of which markets a book was recorded; of the others only trades are known. ``resting`` says what
    orders at the touch would have got; it is not for frames, for it lies in the future of its bar. ``late`` names the
    markets of which nothing was recorded before they closed.
    """

    times: npt.NDArray[np.int64]
    markets: pl.DataFrame
    lives: Lives
    rows: dict[str, npt.NDArray[Any]]
    quoted: npt.NDArray[np.bool_]
    folder: Scratch | None = field(default=None, repr=False)
    extras: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    resting: Resting | None = field(default=None, repr=False)
    late: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Bars and markets."""
        return len(self.times), self.markets.height

    @property
    def matrices(self) -> Matrices:
        """The columns as bars x markets, each made when it is asked for: large where markets live short."""
        return Matrices(self)

    def blocks(self) -> Iterator[slice]:
        """The markets, some at a time."""
        return self.lives.blocks(BLOCK_ROWS)

    def known(self) -> list[str]:
        """Every column that a frame can have."""
        texts = [name for name in ("ticker", "event", "series", "category") if name in self.markets.columns]
        return [*COLUMNS, *DERIVED, *texts, *WINDOWS, *self.extras]

    def has(self, name: str) -> bool:
        """Whether a frame can have this column."""
        return name in self.known() or parse_window(name) is not None

    def frame(self, block: slice, names: Sequence[str]) -> pl.DataFrame:
        """One market after the other with every bar of its life, the columns ``names``; what is not there is null."""
        return pl.DataFrame([self._column(name, block) for name in dict.fromkeys(names)])

    def _column(self, name: str, block: slice) -> pl.Series:
        lives = self.lives
        rows, counts = lives.rows(block), lives.counts[block]
        held = self.extras.get(name, self.rows.get(name))
        if held is not None:
            if len(held) != lives.total:
                return pl.Series(name, np.repeat(held[block], counts))
            values = lives.take(held, block)
            series = pl.Series(name, values, nan_to_null=True)
            if values.dtype.kind == "i" and len(values) and values.min() < 0:
                return series.set(series < 0, None)
            return series
        windowed = parse_window(name)
        if name in COLUMNS or (windowed is not None and source_of(windowed[0]) not in self.rows):
            return pl.repeat(None, rows.stop - rows.start, dtype=pl.Int32, eager=True).alias(name)  # nobody recorded it
        if windowed is not None:
            values = lives.take(self.rows[source_of(windowed[0])], block)
            start = lives.start[block.start : block.stop + 1] - rows.start
            return pl.Series(name, window(*windowed, values, lives.first[block], start), nan_to_null=True)
        if name == "market":
            return pl.Series(name, lives.market(block))
        if name == "bar":
            return pl.Series(name, lives.places(block).astype(np.int32))
        if name == "ts":
            return pl.Series(name, self.times[lives.bar(block)])
        if name == "spread":
            if "bid" not in self.rows:
                return pl.Series(name, np.zeros(rows.stop - rows.start, np.int16))
            return self.frame(block, ("bid", "ask")).select(spread().alias(name))[name]
        if name in ("hours_left", "life_left"):
            return self._clock(name, block)
        if name == "previous_rate":
            return self._previous_rate(block)
        if name in ("ticker", "event", "series", "category") and name in self.markets.columns:
            return self.markets.get_column(name).gather(lives.market(block)).alias(name)
        raise InputError(f"a panel has no column {name!r}; it has {', '.join(self.known())}")

    def _clock(self, name: str, block: slice) -> pl.Series:
        """What is left until the close, as the close was known at each bar."""
        market, now = self.lives.market(block), self.times[self.lives.bar(block)]
        clock = pl.DataFrame({"ts": now, "open_ts": self.markets["open_ts"].gather(market)}).with_columns(
            known_closes(self.markets, market, now).alias("close_ts")
        )
        left = hours_to_close() if name == "hours_left" else life_left()
        return clock.select(left.cast(pl.Float32).alias(name))[name]

    def _previous_rate(self, block: slice) -> pl.Series:
        """What YES paid in the last 20 settled markets of the series, as known at each bar; null before the first."""
        from ....features.outcomes import previous_outcomes

        known = self.markets.lazy().select("ticker", "series", "settled_ts", "settlement")
        rows = self.frame(block, ("series", "ts")).lazy()
        return previous_outcomes(rows, known).collect()["previous_rate"].cast(pl.Float32)

    def with_extras(self, extras: Mapping[str, npt.NDArray[Any]]) -> Panel:
        """The same panel with more columns: an array per market, rows, or bars x markets."""
        bars, markets = self.shape
        made: dict[str, npt.NDArray[Any]] = {}
        for name, values in extras.items():
            if self.has(name):
                raise InputError(f"the panel has a column {name!r} already; give the new one another name or a prefix")
            if np.shape(values) not in ((markets,), (bars, markets), (self.lives.total,)):
                raise InputError(f"column {name!r} is {np.shape(values)}; expected {(markets,)} or {(bars, markets)}")
            one = np.asanyarray(values)
            made[name] = self.lives.flat(one) if one.ndim == 2 else one
        return replace(self, extras={**self.extras, **made})

    def evaluated(self, expressions: Mapping[str, pl.Expr]) -> Iterator[tuple[slice, dict[str, npt.NDArray[Any]]]]:
        """Expressions over the panel's columns, block by block: which markets, and their values by name."""
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
            yield block, {name: found[f"__{name}"].to_numpy() for name in expressions}

    def computed(self, expressions: Mapping[str, pl.Expr]) -> dict[str, npt.NDArray[Any]]:
        """Expressions over the panel's columns as columns, in the types that the expressions have."""
        made: dict[str, npt.NDArray[Any]] = {}
        for block, found in self.evaluated(expressions):
            for name, values in found.items():
                if name not in made:
                    made[name] = self.column(name, values.dtype)
                self.lives.put(made[name], block, values)
        return made

    def evaluate(self, expressions: Mapping[str, pl.Expr]) -> dict[str, npt.NDArray[Any]]:
        """The same as bars x markets; outside a market's life NaN, or 0 where that is no number of the type."""
        return {name: self.matrix_of(rows) for name, rows in self.computed(expressions).items()}

    def matrix_of(self, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A column as bars x markets; outside a market's life NaN, or 0 where the type has none."""
        outside = np.nan if rows.dtype.kind == "f" else 0
        return self.lives.matrix(rows, outside, outside)

    def column(self, name: str, kind: Any) -> npt.NDArray[Any]:
        """An empty column of this panel, in a file when the panel is."""
        if self.folder is None:
            return np.empty(self.lives.total, kind)
        return self.folder.column(f"{name}-{uuid4().hex}", kind, self.lives.total)

    def last(self, name: str) -> npt.NDArray[Any]:
        """A column's last value of every market; -1 for one that never lived."""
        lives, rows = self.lives, self.rows[name]
        made = np.full(self.markets.height, -1, rows.dtype)
        lived = lives.counts > 0
        made[lived] = rows[(lives.base + (lives.first + lives.counts - 1) * lives.stride)[lived]]
        return made

    def until(self, bars: int) -> Panel:
        """The panel as it was after its first bars: nothing later is in it."""
        lives, kept = self.lives.until(bars)
        total = self.lives.total
        extras = {name: values[kept] if len(values) == total else values for name, values in self.extras.items()}
        rows = {name: values[kept] for name, values in self.rows.items()}
        resting = None if self.resting is None else self.resting.only(kept)
        return replace(self, times=self.times[:bars], lives=lives, rows=rows, extras=extras, resting=resting)


class Matrices(Mapping[str, npt.NDArray[Any]]):
    """A panel's columns as bars x markets, each made when it is asked for."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def __iter__(self) -> Iterator[str]:
        return iter(self._panel.rows)

    def __len__(self) -> int:
        return len(self._panel.rows)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        panel, rows = self._panel, self._panel.rows[name]
        if name in FLOWS:
            return panel.lives.matrix(rows)
        made = panel.lives.matrix(rows, -1, None)
        if name == "age":  # it goes on counting after the last row
            last = panel.lives.first + panel.lives.counts - 1
            since = np.arange(len(panel.times))[:, None] - last
            made += np.where((since > 0) & (made >= 0), since, 0).astype(made.dtype)
        return made


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
    marks = np.asarray(mark)
    if marks.ndim != 2:
        raise InputError(f"marks are a matrix of bars x markets, not {marks.shape}")
    unknown = set(matrices) - set(COLUMNS)
    if unknown:
        raise InputError(f"a panel has no matrix {sorted(unknown)[0]!r}; it has {', '.join(COLUMNS)}")
    if markets is None:
        markets = pl.DataFrame({"ticker": [f"M{i:04d}" for i in range(marks.shape[1])]})
    for name, values in matrices.items():
        if np.shape(values) != marks.shape:
            raise InputError(f"{name} is {np.shape(values)}, the marks are {marks.shape}")
    made = {name: np.ascontiguousarray(values, COLUMNS[name]).ravel() for name, values in matrices.items()}
    return Panel(
        np.asarray(times, np.int64),
        with_market_columns(markets),
        whole_lives(*marks.shape),
        {"mark": np.ascontiguousarray(marks, np.int16).ravel(), **made},
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
