"""What a fill costs in one market, and how much of that an open order holds back."""

from __future__ import annotations

from bisect import bisect_right

from ...simulator.assumptions.fees import NO_REBATE, FeeSchedule, fee_table, fill_fee_nb

_FOREVER = 1 << 62


class Charges:
    """The fees of one market through time.

    >>> Charges(FeeSchedule()).fee(1_790_000_000 * 10**9, -520_000, 5200, 100, True, 0)
    (17500, 28)
    """

    def __init__(self, schedule: FeeSchedule) -> None:
        self.schedule = schedule
        self._rows = list(zip(*(column.tolist() for column in fee_table(schedule, 0, _FOREVER)), strict=True))
        self._from = [row[0] for row in self._rows]

    def row(self, ts: int) -> int:
        """Which fees hold at a moment: the number of their row."""
        return max(bisect_right(self._from, ts) - 1, 0)

    def grid(self, ts: int) -> int:
        """The step of the balance, micros."""
        return self._rows[self.row(ts)][4]

    def terms(self, ts: int) -> tuple[str, float]:
        """Fee type and multiplier of the series at a moment."""
        fee_type, multiplier = self.schedule.fee_type, self.schedule.multiplier
        for change in self.schedule.changes:
            if change.from_ts <= ts:
                fee_type = change.fee_type or fee_type
                multiplier = multiplier if change.multiplier is None else change.multiplier
        return fee_type, float(multiplier)

    def fee(self, ts: int, revenue: int, price: int, lots: int, taker: bool, carried: int) -> tuple[int, int]:
        """Return the net fee of a fill and what its order carries on of the rounding it paid."""
        _, taker_rate, maker_rate, step, grid, rebate, strict = self._rows[self.row(ts)]
        rate = taker_rate if taker else maker_rate
        fee, left = fill_fee_nb(revenue, price, lots, rate, step, grid, rebate, strict, carried)
        return int(fee), int(left)

    def bound(self, ts: int, price: int, lots: int, taker: bool = False, fills: int | None = None) -> int:
        """The most that fills of these lots at this price can cost; unless told, each lot may be a fill of its own.

        Every fill may round up by a step of the fee and of the balance's grid, for a rebate is never more than the
        fee of its fill. Where whole cents are free for makers nothing is ever rounded.
        """
        most = 0
        for _, taker_rate, maker_rate, step, grid, _, _ in self._rows[self.row(ts) :]:
            rate = taker_rate if taker else maker_rate
            if rate or grid != 100 or price % 100:
                pieces = fills or (lots if grid == 100 else -(-lots // 100))
                fee, _ = fill_fee_nb(0, price, lots, rate, step, 1, NO_REBATE, 0, 0)
                most = max(most, int(fee) + pieces * (step + grid))
        return most
