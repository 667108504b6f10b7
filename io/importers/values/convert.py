"""From the columns of a source to the columns of a table: exact, vectorised, and saying which rows cannot be taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from ...ground.errors import InputError
from ...ground.grids import grid_levels
from ...ground.units import TICKS_PER_DOLLAR
from ...store.schema import TABLES, Side
from ..base import Options
from .text import EARLIEST, EMPTY, FAULTS, LATEST, MALFORMED, NULL, OK, OUT_OF_RANGE, TOO_FINE, decimals, times

#: Decimal places from what people write to the store's integers.
PRICE_PLACES = {"dollars": 4, "cents": 2}
SIZE_PLACES = {"contracts": 2, "lots": 0}
_NOISE = 1e-3

TAKER = {
    **{word: int(Side.BID) for word in ("yes", "buy", "bid", "b", "up", "buy_yes")},
    **{word: int(Side.ASK) for word in ("no", "sell", "ask", "s", "a", "down", "buy_no")},
    **{word: int(Side.UNKNOWN) for word in ("", "unknown", "none", "null")},
}


#: Columns that tell markets apart, if a file has none of the usual names for its market.
_NAMES = (
    "ticker", "market_ticker", "market", "symbol", "contract", "contract_id", "instrument", "asset_id", "asset",
    "token_id", "tokenId", "token", "condition_id", "conditionId", "market_id",
)  # fmt: skip


class SourceRows:
    """A batch of source rows being turned into table rows; remembers for each row the first reason not to take it."""

    def __init__(
        self, frame: pl.DataFrame, options: Options, facts: list[str] | None = None, path: Path | None = None
    ) -> None:
        self.frame = frame
        self.path = path
        self.options = options
        self.facts = facts if facts is not None else []
        self.used: set[str] = set()  # columns that were asked for and are there
        self.bad = np.zeros(frame.height, dtype=np.bool_)
        self.reasons: dict[int, str] = {}
        self._emitted: list[tuple[str, Mapping[str, object], np.ndarray | None]] = []

    def has(self, name: str) -> bool:
        """Whether the source has the column."""
        if name not in self.frame.columns:
            return False
        self.used.add(name)
        return True

    def _column(self, name: str) -> pl.Series:
        self.used.add(name)
        return self.frame[name]

    def first(self, names: Iterable[str]) -> str | None:
        """Return the first of some columns that the source has."""
        return next((name for name in names if self.has(name)), None)

    def fail(self, where: np.ndarray, reason: Callable[[int], str]) -> None:
        """Leave out the rows of ``where`` that are not out already, for a reason."""
        for row in np.flatnonzero(where & ~self.bad):
            self.reasons[int(row)] = reason(int(row))
        self.bad |= where

    def say(self, fact: str) -> None:
        """Tell the user once what was decided about the file."""
        if fact not in self.facts:
            self.facts.append(fact)

    def numbers(self, name: str, places: int, *, what: str = "", null: bool = False) -> np.ndarray:
        """Return a column times ``10**places`` as int64; with ``null`` an empty value is :data:`NULL`, else a fault."""
        series = self._column(name)
        values, faults = scaled(series, places)
        if null:
            values = np.where(faults == EMPTY, NULL, values)
            faults = np.where(faults == EMPTY, OK, faults)
        self._fault(faults, series, what or name)
        return values

    def _fault(self, faults: np.ndarray, series: pl.Series, what: str) -> None:
        if faults.any():
            self.fail(faults != OK, lambda row: _say_fault(what, series[row], int(faults[row])))

    def price(self, name: str, unit: str, *, null: bool = False, grid: bool = True) -> np.ndarray:
        """Return a column of prices as ticks between 0 and 1 dollar, on the grid asked for."""
        values = self.numbers(name, PRICE_PLACES[unit], null=null)
        present = values != NULL
        self.fail(
            present & ((values < 0) | (values > TICKS_PER_DOLLAR)),
            lambda row: f"{name} {self.frame[name][row]} {unit} is not between 0 and 1 dollar",
        )
        if grid:
            self.on_grid(values, present, name)
        return values

    def on_grid(self, ticks: np.ndarray, present: np.ndarray, name: str) -> None:
        """Leave out prices that do not stand on the grid the user named."""
        if self.options.grid is not None:
            off = present & ~on_grid(ticks, self.options.grid)
            self.fail(off, lambda row: f"{name} {self.frame[name][row]} is not on the {self.options.grid} grid")

    def size(self, name: str, *, null: bool = False, positive: bool = False) -> np.ndarray:
        """Return a column of sizes as lots."""
        values = self.numbers(name, SIZE_PLACES[self.options.size_unit], null=null)
        least = 1 if positive else 0
        self.fail((values < least) & (values != NULL), lambda row: f"{name} {self.frame[name][row]} is not positive")
        return values

    def time(self, name: str, *, tz: str | None = None, null: bool = False) -> np.ndarray:
        """Return a column of times as ns UTC; times without a zone are in the user's zone, else ``tz``, else UTC."""
        series = self._column(name)
        values, faults, naive = instants(series)
        if null:
            values = np.where(faults == EMPTY, NULL, values)
            faults = np.where(faults == EMPTY, OK, faults)
        self._fault(faults, series, name)
        if naive.any():
            zone = self.options.tz or tz or "UTC"
            self.say(
                f"{name} carries no zone and is read as {zone}" + ("" if self.options.tz else "; tz= says otherwise")
            )
            if zone != "UTC":
                values = self._localise(values, naive & (faults == OK) & (values != NULL), zone, name)
        return values

    def _localise(self, values: np.ndarray, naive: np.ndarray, zone: str, name: str) -> np.ndarray:
        wall = pl.Series(values).cast(pl.Datetime("ns"))
        local = wall.dt.replace_time_zone(zone, ambiguous="null", non_existent="null").dt.timestamp("ns")
        self.fail(
            naive & local.is_null().to_numpy(),
            lambda row: f"{name} {self.frame[name][row]} is not one moment in {zone}",
        )
        return np.where(naive, local.fill_null(0).to_numpy(), values)

    def ticker(self, *names: str) -> pl.Series:
        """Return the market's name: the first of the columns that is there, or the user's ``--ticker``."""
        name = self.first(names)
        if name is not None:
            return self.label(name)
        several = self.names_in(*_NAMES)
        if self.options.ticker is not None and several is not None:
            raise InputError(
                f"{several} holds several names, of which ticker= would make one market; "
                f"map={{'ticker': {several!r}}} keeps them apart"
            )
        ticker = self.options.ticker or ticker_in(self.path)
        if ticker is None or several is not None:
            what = (
                "pass ticker=" if several is None else f"pass map={{'ticker': {several!r}}}, which holds several names"
            )
            raise InputError(f"the file does not name its market; {what}")
        self.say(f"the market is {ticker}")
        return pl.Series("ticker", [ticker]).new_from_index(0, self.frame.height)

    def names_in(self, *names: str) -> str | None:
        """Return the first of some columns that holds more than one name; None if none does."""
        columns = (name for name in names if name in self.frame.columns)
        return next((name for name in columns if self.frame[name].drop_nulls().n_unique() > 1), None)

    def label(self, name: str) -> pl.Series:
        """Return a column of names: present, and without spaces or control characters."""
        series = self._column(name).cast(pl.String)
        distinct = series.unique()
        wrong = distinct.filter(~distinct.fill_null("").str.contains(r"^[!-~\p{L}\p{N}]{1,200}$"))
        if wrong.len():
            mask = series.is_in(wrong.implode(), nulls_equal=True).to_numpy()
            self.fail(mask, lambda row: _say_fault(name, series[row], MALFORMED if series[row] else EMPTY))
        return series

    def text(self, name: str) -> pl.Series:
        """Return a column of free text; empty is null."""
        series = self._column(name).cast(pl.String)
        return series.set(series == "", None) if (series == "").any() else series

    def real(self, name: str) -> pl.Series:
        """Return a column of real numbers, null where empty; a number that is not finite is a fault."""
        series = self._column(name)
        if series.dtype == pl.Float32:  # widened, 4108.66 would be 4108.66015625
            series = series.cast(pl.String)
        given = self.text(name).str.strip_chars() if self.frame[name].dtype == pl.String else series
        values = given.cast(pl.Float64, strict=False)
        wrong = (given.is_not_null() & (values.is_null() | ~values.is_finite().fill_null(False))).to_numpy()
        self.fail(wrong, lambda row: _say_fault(name, series[row], MALFORMED))
        return values

    def words(self, name: str, meaning: Mapping[str, int], *, what: str) -> np.ndarray:
        """Return a column of words as the small numbers they stand for; a null counts as the empty word."""
        series = self._column(name).cast(pl.String).fill_null("")
        values, known = np.zeros(series.len(), np.int8), np.zeros(series.len(), np.bool_)
        for given in series.unique().to_list():
            code = meaning.get(given.strip().lower())
            if code is not None:
                here = (series == given).to_numpy()
                values[here] = code
                known |= here
        self.fail(~known, lambda row: f"{name} {series[row]!r} is not {what}")
        return values

    def emit(self, table: str, columns: Mapping[str, object], where: np.ndarray | None = None) -> None:
        """Give rows to a table, one a source row; ``where`` leaves out those with nothing to say to this table."""
        self._emitted.append((table, columns, where))

    def tables(self) -> dict[str, pl.DataFrame]:
        """Return what was given to each table, without the rows that were left out."""
        built: dict[str, list[pl.DataFrame]] = {}
        for table, columns, where in self._emitted:
            taken = ~self.bad if where is None else where & ~self.bad
            kept = columns if taken.all() else {name: _filtered(value, taken) for name, value in columns.items()}
            built.setdefault(table, []).append(conform(table, kept, int(taken.sum())))
        return {table: pl.concat(frames) for table, frames in built.items() if any(f.height for f in frames)}


def _filtered(value: object, taken: np.ndarray) -> object:
    if isinstance(value, pl.Series):
        return value.filter(pl.Series(taken))
    return value[taken] if isinstance(value, np.ndarray) else value


def ticker_in(path: Path | None) -> str | None:
    """Find an exchange ticker at the beginning of a file's name: SERIES-EVENT or SERIES-EVENT-STRIKE.

    >>> ticker_in(Path("KXINX-26SEP14H1600-B7187.5_orderbook.jsonl.gz"))
    'KXINX-26SEP14H1600-B7187.5'
    """
    found = (
        re.match(r"[A-Z0-9]+-\d{2}[A-Z]{3}[A-Z0-9]*(-[A-Z0-9]+(\.\d+)?)?(?![A-Za-z0-9])", path.name) if path else None
    )
    return found.group() if found else None


def conform(table: str, columns: Mapping[str, object], height: int) -> pl.DataFrame:
    """Build a frame in a table's schema: what is not given is null, and so is what is marked as missing."""
    built = []
    for name, dtype in TABLES[table].columns.items():
        value = columns.get(name)
        if isinstance(value, np.ndarray) and value.dtype == np.int64:
            series = pl.Series(name, value)
            if (value == NULL).any():
                series = series.replace(NULL, None)
            series = series.cast(dtype)
        elif isinstance(value, np.ndarray | pl.Series):
            series = pl.Series(name, value).cast(dtype)
        else:
            series = pl.Series(name, [value], dtype=dtype).new_from_index(0, height)
        built.append(series)
    return pl.DataFrame(built)


def scaled(series: pl.Series, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``value * 10**places`` as whole numbers and a fault code for each, whatever the column's type."""
    dtype = series.dtype
    if dtype == pl.String:
        return decimals(series, places)
    if dtype.is_integer():
        wide = series.cast(pl.Int64, strict=False)
        values, faults = wide.fill_null(0).to_numpy(), np.where(wide.is_null(), OUT_OF_RANGE, OK)
        far = np.abs(values) >= 10 ** (17 - places)
        faults = np.where(far, OUT_OF_RANGE, faults)
        values = np.where(far, 0, values) * 10**places
    elif (
        dtype == pl.Float32
    ):  # its shortest text is the number that was meant, however many digits stand before the point
        return decimals(series.cast(pl.String), places)
    elif dtype.is_float():
        given = series.fill_null(0.0).cast(pl.Float64).to_numpy() * 10.0**places
        far = ~(np.abs(given) < 2.0**50)
        nearest = np.rint(np.where(far, 0.0, given))
        fine = np.abs(np.where(far, 0.0, given) - nearest) > _NOISE
        values, faults = nearest.astype(np.int64), np.where(far, OUT_OF_RANGE, np.where(fine, TOO_FINE, OK))
    elif dtype.is_decimal():
        return decimals(series.cast(pl.String), places)
    elif dtype == pl.Null:
        values, faults = np.zeros(series.len(), np.int64), np.full(series.len(), EMPTY)
    else:
        raise InputError(f"column {series.name} holds {dtype}, a number was expected")
    if series.null_count():
        faults = np.where(series.is_null(), EMPTY, faults)
    return values, faults


def instants(series: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ns since 1970, a fault code, and whether the value carries no zone, whatever the column's type."""
    dtype = series.dtype
    if dtype == pl.String:
        return times(series)
    if dtype.is_integer():
        return times(series.cast(pl.String))
    if dtype.is_float():  # a float in seconds is too coarse for more than microseconds
        largest = series.abs().max()
        scale = 1e6 if isinstance(largest, float) and largest < LATEST else 1.0
        return times((series * scale).round().cast(pl.Int64, strict=False).cast(pl.String))
    if isinstance(dtype, pl.Datetime):
        wide = series.dt.timestamp("us") if dtype.time_unit != "ns" else series.dt.timestamp("ns")
        unit = 1 if dtype.time_unit == "ns" else 1000
        raw = wide.fill_null(0).to_numpy()
        second = 1_000_000_000 // unit
        inside = (raw >= EARLIEST * second) & (raw < LATEST * second)
        faults = np.where(series.is_null(), EMPTY, np.where(inside, OK, OUT_OF_RANGE))
        naive = np.full(series.len(), dtype.time_zone is None)
        return np.where(inside, raw, 0) * unit, faults, naive & (faults == OK)
    if dtype == pl.Date:
        return instants(series.cast(pl.Datetime("us")))
    if dtype == pl.Null:
        size = series.len()
        return np.zeros(size, np.int64), np.full(size, EMPTY), np.zeros(size, np.bool_)
    raise InputError(f"column {series.name} holds {dtype}, a time was expected")


def on_grid(ticks: np.ndarray, grid: str) -> np.ndarray:
    """Whether prices stand on a named grid; its ends 0 and 1 dollar belong to it."""
    mask = np.zeros(TICKS_PER_DOLLAR + 1, dtype=np.bool_)
    mask[grid_levels(grid)] = True
    return mask[np.clip(ticks, 0, TICKS_PER_DOLLAR)]


def _say_fault(what: str, value: object, fault: int) -> str:
    shown = str(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    if fault == EMPTY:
        return f"{what} {FAULTS[EMPTY]}"
    return f"{what} {shown!r} {FAULTS[fault]}"
