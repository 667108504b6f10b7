"""What the REST endpoints about incentive programs answer."""

from __future__ import annotations

from typing import Any

from .wire import Lots, Nanos, Wire, names


class IncentiveProgram(Wire, rename=names(fp="target_size")):
    """What a program pays in a period. Money is in 1/10,000 dollar."""

    id: str
    market_ticker: str
    market_id: str | None = None
    incentive_type: str | None = None
    incentive_description: str | None = None
    start_date: Nanos | None = None
    end_date: Nanos | None = None
    period_reward: int | None = None
    paid_out: bool | None = None
    discount_factor_bps: int | None = None
    target_size: Lots | None = None
    max_reward_per_account: int | None = None


#: What windows of a series can expect; fields are as the exchange writes them, for nothing here depends on them.
IncentiveSchedule = dict[str, Any]
