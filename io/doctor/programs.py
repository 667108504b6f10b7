"""Where a book was unknown while an incentive program counted: what rests then cannot be scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from ..store.schema import BookKind

Span = tuple[int, int]
_SHOWN = 3


@dataclass(frozen=True)
class ProgramFinding:
    """The programs of one market in whose periods its book was unknown for some time."""

    ticker: str
    count: int
    nanoseconds: int
    first: int
    last: int
    detail: str


def of_programs(
    programs: pl.DataFrame, book: pl.DataFrame, lives: Mapping[str, tuple[int | None, int | None]]
) -> Iterator[ProgramFinding]:
    """Look at the programs of the markets whose rows of book are given; ``lives`` are opens and closes by ticker."""
    turns = book.filter(pl.col("kind").is_in([int(BookKind.CLEAR), int(BookKind.GAP)]))
    names = pl.col("ticker").cast(pl.String)
    ends = book.group_by(names).agg(pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last"))
    for ticker, first, last in ends.sort("ticker").iter_rows():
        own = programs.filter(pl.col("ticker") == ticker)
        if not own.height:
            continue
        opens, closes = lives.get(ticker, (None, None))
        rows = turns.filter(names == ticker).select("ts", "kind").rows()
        unknown = _unknown(rows, (first, last), opens, closes)
        yield from _told(ticker, own, unknown)


def _unknown(rows: list[tuple[int, int]], recorded: Span, opens: int | None, closes: int | None) -> list[Span]:
    """The spans of a market's life in which its book is not known; without an open or close, of its recording."""
    begins, ends = recorded[0] if opens is None else opens, recorded[1] if closes is None else closes
    spans, since = list[Span](), begins
    is_known = False
    for ts, kind in rows:
        if kind == int(BookKind.CLEAR) and not is_known:
            spans.append((since, ts))
            is_known = True
        elif kind == int(BookKind.GAP) and is_known:
            since, is_known = ts, False
    spans.append((since, ends) if not is_known else (recorded[1], ends))
    return [(low, high) for low, high in spans if low < high]


def _told(ticker: str, programs: pl.DataFrame, unknown: list[Span]) -> Iterator[ProgramFinding]:
    inside: dict[str, list[Span]] = {}
    for name, start, end in programs.select("id", "start_ts", "end_ts").iter_rows():
        if start is None or end is None:
            continue
        cut = [(max(low, start), min(high, end)) for low, high in unknown]
        cut = [(low, high) for low, high in cut if low < high]
        if cut:
            inside[name] = cut
    if inside:
        spans = [span for each in inside.values() for span in each]
        shown = ", ".join(list(inside)[:_SHOWN]) + (", …" if len(inside) > _SHOWN else "")
        total = sum(high - low for low, high in spans)
        yield ProgramFinding(
            ticker, len(inside), total, min(low for low, _ in spans), max(high for _, high in spans), shown
        )
