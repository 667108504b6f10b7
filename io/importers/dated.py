"""Tables of one's own with a time of publication: economic releases, sentiment scores, forecasts."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..ground.errors import InputError
from ..store.chunk import BadRow
from .base import Options
from .values.beginning import sample_of
from .values.convert import SourceRows
from .values.flat import Batch, batches

_DATE = r"^\s*\d{4}-\d{2}-\d{2}\s*$"


def read_dated(
    path: Path, published: str, columns: Sequence[str] = (), key: str | None = None, tz: str | None = None
) -> pl.DataFrame:
    """Read a CSV, JSON lines or Parquet table: ``ts`` of publication (ns UTC), ``key`` as text, the columns as numbers.

    Without ``columns`` all others are taken. A date without a time of day counts from the end of that day, as nobody
    says when on it. Times without a zone are in ``tz``, else UTC. A row that cannot be read is an error.
    """
    if not path.is_file():
        raise InputError(f"there is no table {path}")
    if tz is not None and tz not in zoneinfo.available_timezones():
        raise InputError(f"{tz!r} is no time zone; write one like UTC or America/New_York")
    parts: list[pl.DataFrame] = []
    for read in batches(sample_of(path, Options()), {}):
        batch = read()
        given = batch.frame.columns
        wanted = list(columns) or [name for name in given if name not in (published, key)]
        missing = [name for name in (published, key, *wanted) if name and name not in given]
        if missing:
            raise InputError(f"{path} has no column {missing[0]!r}; it has {', '.join(given)}")
        if "ts" in wanted:
            raise InputError(f"{path}: ts is the name of a bar's time; name the columns that are numbers with columns")
        if not wanted:
            raise InputError(f"{path} has no column beside {published!r}; a table gives at least one number")
        made, refused = _converted(batch, published, wanted, key, Options(tz=tz))
        if refused and batch.careful is not None:  # which knows the lines
            made, refused = _converted(batch.careful(), published, wanted, key, Options(tz=tz))
        if refused:
            first = min(refused, key=lambda bad: bad.line)
            hint = _hint(first.reason, published, [] if columns else wanted)
            raise InputError(f"{path}, line {first.line}: {first.reason}{hint}")
        parts.append(made)
    if not parts:
        raise InputError(f"{path} has no rows")
    return pl.concat(parts).sort("ts", maintain_order=True)


def _converted(
    batch: Batch, published: str, wanted: Sequence[str], key: str | None, options: Options
) -> tuple[pl.DataFrame, list[BadRow]]:
    """The rows of a batch as they are read, and what of them cannot be."""
    rows, ends = (
        SourceRows(batch.frame, options),
        SourceRows(batch.frame.select(_day_end(batch.frame[published])), options),
    )
    rows.time(published)
    made = {"ts": pl.Series(ends.time(published)), **({key: rows.label(key)} if key else {})}
    made |= {name: rows.real(name) for name in wanted}
    reasons = {**ends.reasons, **rows.reasons}
    lines = batch.lines or range(batch.frame.height)
    return pl.DataFrame(made), [*batch.bad, *(BadRow(lines[row], why, "") for row, why in reasons.items())]


def _day_end(given: pl.Series) -> pl.Series:
    """Dates alone as the day after, which begins when they end; times as they are."""
    if given.dtype == pl.Date:
        return given.dt.offset_by("1d")
    if given.dtype != pl.String:
        return given
    after = given.str.strip_chars().str.to_date("%Y-%m-%d", strict=False).dt.offset_by("1d").dt.to_string()
    dates = given.str.contains(_DATE) & after.is_not_null()
    return given.zip_with(~dates.fill_null(value=False), after)


def _hint(reason: str, published: str, guessed: Sequence[str]) -> str:
    """What to do about a row that cannot be read, where that is not plain; ``guessed`` are columns nobody named."""
    if reason.startswith(f"{published} '"):
        return "; a time is like 2025-06-15T15:06:40Z, a date like 2025-06-15, from 2000 to 2099"
    told = any(reason.startswith(f"{name} ") for name in guessed)
    return "; name the columns that are numbers with columns" if told else ""
