"""How good a market is to make, from one hour of it: one score for the exchange's markets and for those of a store."""

from __future__ import annotations

import math

_LEAST_VOLATILITY = 50.0  # ticks: half a cent; a price that never moved is not riskless


def score_of(bid: int | None, ask: int | None, volume: int, volatility: float | None, fee: float) -> float:
    """Half the spread net of the maker fee, per unit of hourly volatility, times ln(1 + contracts traded in the hour).

    It looks back one hour only. A market that shows no volatility counts as half a cent: dead books must not win.

    >>> score_of(4700, 4900, 0, 100.0, 0.0), round(score_of(4700, 4900, 1000_00, 100.0, 0.0), 3)
    (0.0, 6.909)
    """
    if bid is None or ask is None:
        return 0.0
    edge = max((ask - bid) / 2 - fee, 0.0)
    return edge / max(volatility or 0.0, _LEAST_VOLATILITY) * math.log1p(volume / 100)
