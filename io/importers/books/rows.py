"""Rows of the table ``book`` from any source: snapshots, changes and settings of levels, run through the books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...store.schema import BookKind, Side
from ..values.convert import conform
from ..values.text import NULL
from .state import BROKEN, KEEP, SET, STALE, BookState


@dataclass
class BookRows:
    """Rows for the books, in the order of the records that bring them."""

    frame: list[NDArray[np.int64]] = field(default_factory=list)
    kind: list[NDArray[np.int64]] = field(default_factory=list)
    market: list[NDArray[np.int64]] = field(default_factory=list)
    side: list[NDArray[np.int64]] = field(default_factory=list)
    price: list[NDArray[np.int64]] = field(default_factory=list)
    size: list[NDArray[np.int64]] = field(default_factory=list)
    sid: list[NDArray[np.int64]] = field(default_factory=list)
    ts: list[NDArray[np.int64]] = field(default_factory=list)
    seq: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, **columns: Any) -> None:
        """Add rows; a single number stands for all of them."""
        height = len(columns["frame"])
        for name, value in columns.items():
            getattr(self, name).append(np.broadcast_to(np.asarray(value, dtype=np.int64), (height,)))

    def snapshot(self, sides: list[tuple[Side, Any, Any, Any]], **columns: Any) -> None:
        """Add whole books: one CLEAR for each record, then its levels as (side, which record, price, size)."""
        self.add(kind=int(BookKind.CLEAR), side=0, price=0, size=0, **columns)
        for side, owner, price, size in sides:
            own = {name: value[owner] if isinstance(value, np.ndarray) else value for name, value in columns.items()}
            self.add(kind=int(BookKind.LEVEL), side=int(side), price=price, size=size, **own)

    def ordered(self) -> dict[str, NDArray[np.int64]]:
        """Return the columns in order of records; a gap comes before what its record brings."""
        joined = {name: np.concatenate(parts) if parts else np.zeros(0, np.int64) for name, parts in vars(self).items()}
        order = np.lexsort([np.where(joined["kind"] == BookKind.GAP, 0, 1), joined["frame"]])
        return {name: column[order] for name, column in joined.items()}


class SourceBooks:
    """The books of a source by name."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self.state = BookState()
        self.last: tuple[int, ...] = (-1, NULL, NULL, 0)  # market, time, seq and kind of the last message of a part

    def code(self, ticker: str) -> int:
        """Return the small number that stands for a market."""
        return self.codes.setdefault(ticker, len(self.codes))

    def code_of(self, tickers: pl.Series) -> NDArray[np.int64]:
        """Return the small numbers of a column of markets."""
        distinct = tickers.unique(maintain_order=True)
        codes = [self.code(name) for name in distinct.to_list()]
        return tickers.replace_strict(distinct, codes, return_dtype=pl.Int64).to_numpy()

    def owner(self, market: int) -> int:
        """Return the subscription that gave a market its book."""
        return int(self.state.owner[market]) if market < self.state.owner.size else NULL

    def frame(self, added: BookRows, received: NDArray[np.int64]) -> tuple[pl.DataFrame, Counter[str]]:
        """Let rows run through the books; return those that mean something, and what was left out or mended."""
        rows = added.ordered()
        self.state.grow(len(self.codes))
        kind, side = rows["kind"].astype(np.int8), rows["side"].astype(np.int8)
        ts, seq, size = rows["ts"].copy(), rows["seq"].copy(), rows["size"].copy()
        verdict, moved = self.state.apply(kind, rows["market"], rows["sid"], side, rows["price"], size, ts, seq)
        broken = verdict == BROKEN
        keep = (verdict == KEEP) | broken
        kind = np.where(broken, int(BookKind.GAP), np.where(kind == SET, int(BookKind.DELTA), kind))
        zero = broken[keep]
        columns = {
            "ts": ts[keep],
            "ticker": pl.Series(list(self.codes), dtype=pl.String)[rows["market"][keep]],
            "kind": kind[keep].astype(np.int8),
            "side": np.where(zero, 0, side[keep]).astype(np.int8),
            "price": np.where(zero, 0, rows["price"][keep]),
            "size": np.where(zero, 0, size[keep]),
            "seq": seq[keep],
            "recv_ts": received[rows["frame"][keep]],
        }
        notes = {
            "changes left out while their book was unknown": int((verdict == STALE).sum()),
            "books lost at a level below zero": int(broken.sum()),
            "book rows whose time was moved forward to keep their order": moved,
        }
        return conform("book", columns, int(keep.sum())), +Counter(notes)
