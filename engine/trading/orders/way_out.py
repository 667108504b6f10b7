"""The order that sells what is held at once, no worse than the collar."""

from __future__ import annotations

from ....io.ground.units import TICKS_PER_CENT
from ...simulator.tape.tape import kernel_grid
from ..market import TradedMarket
from ..settings import TradeSettings

_REACH_CENTS = 10.0  #: where there is no collar


def way_out(market: TradedMarket, held: int, settings: TradeSettings) -> tuple[int, int]:
    """Side and worst price in ticks of an order that ends a position."""
    side = -1 if held > 0 else 1
    reach = round((settings.collar or _REACH_CENTS) * TICKS_PER_CENT)
    grid = kernel_grid(market.listed.market.grid)
    level = int(grid.below[min(max(market.live.mid + side * reach, int(grid.ticks[1])), int(grid.ticks[-2]))])
    return side, int(grid.ticks[max(level, 1)])
