"""What a stored row says in small numbers: the side of a level, and what a row does to its book. Without Polars."""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """Which side of the YES book: of a level, or of the taker of a trade (BID: the taker bought YES)."""

    BID = 1
    ASK = -1
    UNKNOWN = 0


class BookKind(IntEnum):
    """What a row of ``book`` does to the book of its ticker."""

    DELTA = 0  #: add ``size`` (signed) to the level
    LEVEL = 1  #: a level of a snapshot; ``size`` is what stands there
    CLEAR = 2  #: a snapshot begins: the book is empty before its levels; price, side and size are 0
    GAP = 3  #: something was missed: the book is unknown until the next CLEAR; price, side and size are 0
