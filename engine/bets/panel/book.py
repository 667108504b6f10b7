"""The best bid and ask of a recorded book with their sizes, from a market's tape: by bar, and at every change."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.book.columns import fill_nb, set_nb
from ....io.ground.jit import kept
from ...simulator.state import Grid
from ...simulator.tape.events import BOOK, GAP, KIND
from ...simulator.tape.tape import Tape
from ..types import NO_PRICE, NO_SIZE

STANDING = -2  #: in a bar: nothing happened, what stood before still stands


def best_at(tape: Tape, times: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    """Bid and ask in ticks, their sizes in lots, at each time: ``STANDING`` in bars without a change of the book.

    A gap leaves no price: what stood before it is not known to stand still.
    """
    c = tape.columns
    made = np.full((4, len(times)), STANDING, np.int64)
    best_nb((c.ts, c.kind, c.side, c.level, c.size), tape.grid.ticks, times, *empty_book(tape.grid), made)
    return tuple(made)


def empty_book(grid: Grid) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lots at each level of both sides, each on its own scale, and the best levels: of nothing yet."""
    return np.zeros((2, int(grid.top) + 1), np.int64), np.zeros(2, np.int64)


def book_quotes(tape: Tape) -> pl.DataFrame:
    """Best quotes as the store's table has them, a row a moment at which the book changed; null where there is none.

    What features of quotes need (``order_flow_imbalance``, ``fit_microprice``), of a market whose book was recorded.
    """
    times = np.unique(tape.columns.ts)
    found = dict(zip(("bid", "ask", "bid_size", "ask_size"), best_at(tape, times), strict=True))
    rows = pl.DataFrame({"ts": times, **found}).filter(pl.col("bid") != STANDING)
    known = (pl.when(pl.col(name) >= 0).then(pl.col(name)).alias(name) for name in found)
    return rows.select(pl.lit(tape.market.ticker).alias("ticker"), "ts", *known)


@kept()
def best_nb(c: Any, ticks: Any, times: Any, book: Any, best: Any, made: Any) -> None:
    """Walk events on from a book that is changed on the way, and write what is best in it at each time."""
    ts, kind, side, level, size = c
    top = len(ticks) - 1
    i = 0
    for t in range(len(times)):
        changed = False
        while i < len(ts) and ts[i] <= times[t]:
            what = kind[i] & KIND
            if what == BOOK:
                set_nb(book, best, side[i], level[i], size[i])
                changed = True
            elif what == GAP:
                fill_nb(book, 0)
                best[0] = best[1] = 0
                changed = True
            i += 1
        if changed:
            bid, ask = best[0], best[1]
            made[0, t] = ticks[bid] if bid > 0 else NO_PRICE
            made[1, t] = ticks[top - ask] if ask > 0 else NO_PRICE
            made[2, t] = book[0, bid] if bid > 0 else NO_SIZE
            made[3, t] = book[1, ask] if ask > 0 else NO_SIZE
