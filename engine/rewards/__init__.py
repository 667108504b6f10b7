"""What the exchange's incentive programs pay a maker: rules by date, scores of a snapshot, payouts of a period."""

from __future__ import annotations

#: The rules that hold on the day at which a period begins.
BY_DAY = "by-day"
#: A share of a side above which others would answer.
LARGE_SHARE = 0.3
