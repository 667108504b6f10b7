"""Rows bar after bar for a grid: where most markets live at once, each cell then finds a bar's rows side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..types import PanelColumns

#: From so many cells on it is worth the copy, and up to so many rows, of which a copy is made.
FEWEST_CELLS, MOST_ROWS = 8, 20_000_000
#: Columns that have a row a bar and market.
_ROWS = (
    "mark", "bid", "ask", "bid_lots", "ask_lots", "volume", "score", "bid_after", "ask_after", "bid_got", "ask_got",
)  # fmt: skip


def is_crowded(columns: PanelColumns, cells: int) -> bool:
    """Whether rows stand market after market, most markets live in most bars, and many cells go through them."""
    rows, room = len(columns.mark), len(columns.times) * len(columns.market)
    stands = bool((columns.market["stride"] == 1).all())
    return stands and cells >= FEWEST_CELLS and rows <= MOST_ROWS and 4 * rows >= 3 * room


def bar_after_bar(
    columns: PanelColumns, passed: npt.NDArray[np.int8] | None
) -> tuple[PanelColumns, npt.NDArray[np.int8] | None]:
    """Return the same columns, and what passed, with a row for each bar and market; outside of a life it holds 0."""
    bars, markets = len(columns.times), len(columns.market)
    market = columns.market.copy()
    counts = (market["last"] - market["first"] + 1).astype(np.int64)
    bar = np.arange(len(columns.mark)) - np.repeat(market["base"], counts)
    place = bar * markets + np.repeat(np.arange(markets), counts)

    def spread(rows: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        if not len(rows):
            return rows
        made = np.zeros(bars * markets, rows.dtype)
        made[place] = rows
        return made

    market["base"], market["stride"] = np.arange(markets), markets
    laid = {name: spread(getattr(columns, name)) for name in _ROWS}
    return columns._replace(market=market, **laid), None if passed is None else spread(passed)
