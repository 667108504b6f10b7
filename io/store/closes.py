"""When each market was to close, as it was known at every moment: an early close is not known before it is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from .store import Store

#: A market, from when on, and the close that was known then.
STEPS = ("ticker", "since", "close")
_NEEDED = ("ticker", "valid_from", "close_ts", "expiration_ts")

#: From when on, the close that was known then, and the expiration that was told with it.
ToldClose = tuple[int, int, int | None]


def closes_told(
    rows: Iterable[Mapping[str, Any]], open_ts: int | None, close_ts: int | None
) -> tuple[list[ToldClose], bool]:
    """Return what was known of one market's close and since when, and whether only its end is recorded.

    A row of table ``markets`` with a time tells what was known from then on. One without was written afterwards, when
    the close may have been moved: the later of its close and its expiration stands for what was known before. The
    first step of a market of which only rows with a time are stored comes with the expiration that was told with it.
    """
    told: list[ToldClose] = []
    before: Mapping[str, Any] = {}
    for row in rows:
        if row["close_ts"] is not None and row["valid_from"]:
            told.append((row["valid_from"], row["close_ts"], row["expiration_ts"]))
        elif row["close_ts"] is not None:
            before = row
    told.sort(key=lambda one: one[0])
    own, expiration = before.get("close_ts") if told else close_ts, before.get("expiration_ts")
    late = False
    if own is not None:
        close = max(own, own if expiration is None else expiration)
        late = not told or (told[0][1] != close and told[0][0] > (open_ts or 0))
        told.insert(0, (0, close, expiration))
    return [next(same) for _, same in groupby(told, key=lambda one: one[1])], late


def told_closes(store: Store, markets: pl.DataFrame, assumed: str | None = None) -> tuple[pl.DataFrame, list[str]]:
    """Return what ``closes_told`` says of many markets: a frame of all steps, and the markets that are late.

    ``markets`` has ``ticker``, ``open_ts`` and ``close_ts``; ``assumed`` names its column of markets whose close
    nobody said.
    """
    stored = store.markets(history=True, ticker=markets["ticker"].to_list()).select(_NEEDED).collect()
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in stored.iter_rows(named=True):
        rows.setdefault(row["ticker"], []).append(row)
    found: list[tuple[str, int, int, int | None]] = []
    late: list[str] = []
    guessed = [False] * len(markets) if assumed is None else markets[assumed].fill_null(value=False).to_list()
    named = markets.select("ticker", "open_ts", "close_ts").iter_rows()
    for (ticker, open_ts, close_ts), is_guessed in zip(named, guessed, strict=True):
        steps, is_late = closes_told(rows.get(ticker, ()), open_ts, close_ts)
        found += [(ticker, *step) for step in steps]
        late += [ticker] if is_late and not is_guessed else []
    types = {"ticker": pl.String, "since": pl.Int64, "close": pl.Int64, "expiration": pl.Int64}
    return pl.DataFrame(found, types, orient="row").sort("ticker", "since"), late
