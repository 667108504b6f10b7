"""The life of a market: when it opens, pauses and closes, and from when to when a tape of it runs.

A market lives from its open to its close, where its row says them; else from its first own event to its last one, which
are changes of its book, trades or quotes. A tape holds what happens in the life and in the window asked for, and begins
no earlier than the first own event: before it nothing can be decided. What stood when it begins (the book, the
underlying's last price, a pause) is its first moment. Whatever else the store holds changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from ....io.ground.errors import InputError
from ....io.ground.times import Moment, iso, window
from ....io.ground.units import NS_PER_SECOND
from ....io.store.closes import closes_told
from ....io.store.store import Store
from .tape import TapeMarket

#: How far back what stood at a moment is looked for, in turn; then everywhere.
_LOOK_BACK_NS = tuple(seconds * NS_PER_SECOND for seconds in (3_600, 86_400, 30 * 86_400))
#: What a status says: 1 that the market trades, 0 that it does not.
_TRADES = {"active": 1, **dict.fromkeys(("inactive", "closed", "determined", "finalized", "settled"), 0)}

Turn = tuple[int, int]  #: time, and 1 for trading or 0 for not
Close = tuple[int, int]  #: a close, after the time from when on it was known


@dataclass(frozen=True)
class Window:
    """What was asked for, in ns, within what is known of a market's life: ``low`` <= ts < ``high``, where given."""

    low: int | None
    high: int | None

    def inside(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of these times."""
        kept = [pl.col("ts") >= self.low] if self.low is not None else []
        kept += [pl.col("ts") < self.high] if self.high is not None else []
        return rows.filter(*kept) if kept else rows

    def before(self, rows: pl.DataFrame) -> int:
        """How many rows come too early."""
        return 0 if self.low is None else int((rows["ts"] < self.low).sum())

    def after(self, rows: pl.DataFrame) -> int:
        """How many rows come too late."""
        return 0 if self.high is None else int((rows["ts"] >= self.high).sum())


def window_of(market: TapeMarket, start: Moment | None, end: Moment | None) -> Window:
    """The part of a market's life between two moments, as far as its row says when it opens and closes."""
    if market.open_ts is not None and market.close_ts is not None and market.open_ts >= market.close_ts:
        told = f"opens at {iso(market.open_ts)} and closes at {iso(market.close_ts)}"
        raise InputError(f"{market.ticker} {told}, which is no life; import its row of table markets anew")
    asked = window(start, end)
    lows = [ts for ts in (asked[0], market.open_ts) if ts is not None]
    highs = [ts for ts in (asked[1], market.close_ts) if ts is not None]
    return Window(max(lows, default=None), min(highs, default=None))


def is_alive(opens: int | None, closes: int | None, start: int | None, end: int | None) -> bool:
    """Whether a market that opens and closes then may live at some moment of start <= ts < end."""
    closed = start is not None and closes is not None and closes <= start
    return not closed and (end is None or opens is None or opens < end)


def begin_of(store: Store, market: TapeMarket, window: Window, first: int) -> tuple[int, int | None]:
    """When a tape begins whose first own row is at ``first``, and when the life did if that is known from nothing else.

    Books and quotes from before the open stand when it comes; trades from before it do not.
    """
    low = window.low
    if low is None:
        return first, None
    earlier = [
        store.table(name, market.ticker, since, low).select(pl.col("ts").min()).collect().item()
        for name, since in (("book", None), ("quotes", None), ("trades", market.open_ts))
    ]
    earliest = min([first, *(ts for ts in earlier if ts is not None)])
    begin = max(low, earliest)
    return begin, earliest if market.open_ts is None and earliest < begin else None


def standing(rows: Callable[[int | None, int], pl.LazyFrame], ts: int) -> pl.DataFrame:
    """The last row before a moment, as of that moment; ``rows`` gives those between two."""
    found = rows(ts - _LOOK_BACK_NS[0], ts).tail(1).collect()
    for back in (*_LOOK_BACK_NS[1:], None):
        if not len(found):
            found = rows(None if back is None else ts - back, ts).tail(1).collect()
    return found.with_columns(ts=pl.lit(ts, pl.Int64))


def turns_of(rows: Iterable[Mapping[str, Any]], market: TapeMarket) -> tuple[Turn, ...]:
    """When the market begins and stops to trade, each turn once; ``rows`` are its own in table ``markets``."""
    known = ((row["valid_from"], row["status"]) for row in rows)
    told = [(int(at), _TRADES[status]) for at, status in known if at and status in _TRADES]
    told += [(market.open_ts, 1)] if market.open_ts is not None else []
    told += [(market.close_ts, 0)] if market.close_ts is not None else []
    told.sort()
    return tuple(next(same) for _, same in groupby(told, key=lambda turn: turn[1]))


def turns_within(turns: tuple[Turn, ...], first: int, last: int) -> list[Turn]:
    """The turns from a tape's first moment to its last one; a pause that stands at the first is the first turn.

    That the market trades then needs no turn: the next one tells, see ``tape.open_at_start``.
    """
    kept = [(ts, trades) for ts, trades in turns if first <= ts <= last]
    before = [trades for ts, trades in turns if ts < first]
    return kept if kept or not before or before[-1] else [(first, 0)]


def closes_of(rows: Sequence[Mapping[str, Any]], market: TapeMarket) -> tuple[tuple[Close, ...], bool]:
    """What was known of a market's close and since when, and whether a guess stands for what was known first.

    Where only rows with a time tell of it, the later of close and expiration as told first stands for the time before.
    """
    if market.close_ts is None:
        return (), False
    told, late = closes_told(rows, market.open_ts, market.close_ts)
    (since, close, expiration), *_ = told
    steps: list[Close] = [(at, known) for at, known, _ in told]
    if since == 0 or expiration is None or expiration <= close:
        return ((0, close), *steps[1:]), late
    return ((0, expiration), *steps), True


def closes_within(closes: Iterable[Close], first: int, last: int) -> tuple[Close, ...]:
    """The closes that were known from a tape's first moment to its last one; the first stands for all before, too."""
    kept: tuple[Close, ...] = ()
    for since, close in closes:
        if since <= first or not kept:
            kept = ((0, close),)
        elif since <= last and close != kept[-1][1]:
            kept = (*kept, (since, close))
    return kept
