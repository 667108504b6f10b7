"""The exchange's fees: which rate and rounding rule holds when, and the exact fee of one fill.

The model fee is ``multiplier x k x contracts x price x (1 - price)``. How it is rounded changed three times; a
``FeeTable`` joins the rounding rules with a series' own changes, and its columns go straight into the kernels.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import InputError
from ....io.ground.jit import kept, larger_nb, melted, smaller_nb
from ....io.ground.times import nanoseconds
from ....io.kalshi.fee_types import COEFFICIENTS

#: A rate of 1 in the unit of ``FeeTable.taker_rate``: 1/10,000,000 of price x (1 - price) a contract.
RATE_UNIT = 10_000_000
#: The highest rate of which a fee of 1,000,000 contracts is exact.
MOST_RATE = 90_000_000
#: A rebate step that no accumulator reaches: the rule pays no rebate.
NO_REBATE = 1 << 62
#: Rate x lots x p x (10,000 - p) in a micro. Of a type: numba compiles a function once more for a plain number.
A_MICRO: Any = np.int64(RATE_UNIT * 10_000)

Membership = Literal["direct", "broker"]


class Rounding(NamedTuple):
    """One rounding rule and the moment it came in; amounts in micros."""

    from_ts: int
    trade_step: int  #: the trade fee is rounded up to this
    grid: dict[str, int]  #: membership -> step of the balance
    rebate_step: dict[str, int]  #: membership -> step of the rebate
    rebate_strict: bool  #: a rebate is paid only when the accumulator exceeds the step, not when it equals it


#: The first days are known to a few days only; the days here are the earliest that the sources allow.
ROUNDINGS: tuple[Rounding, ...] = (
    Rounding(0, 10_000, {"direct": 10_000, "broker": 10_000}, {"direct": NO_REBATE, "broker": NO_REBATE}, False),
    Rounding(
        nanoseconds("2026-03-09"), 100, {"direct": 10_000, "broker": 10_000}, {"direct": 10_000, "broker": 10_000}, True
    ),
    Rounding(
        nanoseconds("2026-05-28"), 100, {"direct": 100, "broker": 10_000}, {"direct": 10_000, "broker": 10_000}, True
    ),
    Rounding(nanoseconds("2026-08-27"), 1, {"direct": 100, "broker": 10_000}, {"direct": 100, "broker": 10_000}, False),
)

_INDEX_CHANGE = nanoseconds("2026-07-03T17:00:00")
_INDEX_SERIES = ("KXINX", "KXNASDAQ100")
_INDEX_YEARLY = ("KXINXY", "KXNASDAQ100Y")


@dataclass(frozen=True)
class FeeChange:
    """From ``from_ts`` on the fee is of this type and multiplier; None leaves that part to the series."""

    from_ts: int
    fee_type: str | None = None
    multiplier: Decimal | float | str | None = None


@dataclass(frozen=True)
class FeeSchedule:
    """What a market charges through time: the first fee, the series' changes, the event's overrides, a waiver."""

    fee_type: str = "quadratic"
    multiplier: Decimal | float | str = 1
    membership: Membership = "direct"
    changes: tuple[FeeChange, ...] = ()
    overrides: tuple[FeeChange, ...] = ()  #: of the event; they win over the series, and two Nones end one
    waived_until_ts: int = 0  #: no fee before this moment


class FeeTable(NamedTuple):
    """One row a period, first row first: what the kernels read."""

    from_ts: npt.NDArray[np.int64]
    taker_rate: npt.NDArray[np.int64]  #: 1/10,000,000 of price x (1 - price) a contract
    maker_rate: npt.NDArray[np.int64]
    trade_step: npt.NDArray[np.int64]  #: micros
    grid: npt.NDArray[np.int64]
    rebate_step: npt.NDArray[np.int64]
    rebate_strict: npt.NDArray[np.int64]  #: 1: the accumulator must exceed the step

    def row(self, ts: int) -> int:
        """Return the row that holds at ``ts``."""
        return max(int(np.searchsorted(self.from_ts, ts, side="right")) - 1, 0)


def _rates(fee_type: str, multiplier: Decimal | float | str) -> tuple[int, int]:
    if fee_type not in COEFFICIENTS:
        raise InputError(f"fee type {fee_type!r} is not known; known are {', '.join(COEFFICIENTS)}")
    try:
        scale = Decimal(str(multiplier)) * RATE_UNIT
    except InvalidOperation:
        raise InputError(f"fee multiplier {multiplier!r} is not a number") from None
    rates = [k * scale for k in COEFFICIENTS[fee_type]]
    if not scale.is_finite() or any(rate != rate.to_integral_value() or not 0 <= rate <= MOST_RATE for rate in rates):
        most = MOST_RATE // RATE_UNIT
        raise InputError(
            f"fee multiplier {multiplier} of {fee_type}: its rate must be a multiple of 1/{RATE_UNIT} from 0 to {most}"
        )
    return int(rates[0]), int(rates[1])


def _latest(changes: list[FeeChange], ts: int) -> FeeChange | None:
    at = bisect_right(changes, ts, key=lambda change: change.from_ts)
    return changes[at - 1] if at else None


def fee_table(schedule: FeeSchedule, start_ts: int, end_ts: int) -> FeeTable:
    """Join the rounding rules with a market's own changes between two moments.

    >>> may, june = nanoseconds("2026-05-01"), nanoseconds("2026-06-01")
    >>> table = fee_table(FeeSchedule("quadratic_with_maker_fees", "0.5"), may, june)
    >>> table.taker_rate.tolist(), table.maker_rate.tolist(), table.grid.tolist()
    ([350000, 350000], [87500, 87500], [10000, 100])
    """
    if end_ts < start_ts:
        raise InputError(f"the fee table's end {end_ts} is before its start {start_ts}")
    if schedule.membership not in ROUNDINGS[0].grid:
        raise InputError(f"membership {schedule.membership!r} is not known; use direct or broker")
    series = sorted(schedule.changes, key=lambda change: change.from_ts)
    event = sorted(schedule.overrides, key=lambda change: change.from_ts)
    moments = {start_ts, schedule.waived_until_ts, *(rule.from_ts for rule in ROUNDINGS)}
    moments |= {change.from_ts for change in (*series, *event)}
    rows: list[tuple[int, ...]] = []
    for ts in sorted(moment for moment in moments if start_ts <= moment <= end_ts):
        fee_type, multiplier = schedule.fee_type, schedule.multiplier
        for change in (_latest(series, ts), _latest(event, ts)):
            if change is not None:
                fee_type = change.fee_type if change.fee_type is not None else fee_type
                multiplier = change.multiplier if change.multiplier is not None else multiplier
        taker, maker = (0, 0) if ts < schedule.waived_until_ts else _rates(fee_type, multiplier)
        rule = max((rule for rule in ROUNDINGS if rule.from_ts <= ts), default=ROUNDINGS[0], key=lambda rule: rule[0])
        member = schedule.membership
        row = (taker, maker, rule.trade_step, rule.grid[member], rule.rebate_step[member], int(rule.rebate_strict))
        if not rows or rows[-1][1:] != row:
            rows.append((ts, *row))
    return FeeTable(*(np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)))


def market_schedule(
    series: str, rows: Iterable[Mapping[str, Any]] = (), membership: Membership = "direct"
) -> FeeSchedule:
    """Build a schedule from a market's rows in table ``markets``, or, if they name no fee, from its series.

    >>> market_schedule("KXINX").changes[0].multiplier
    '1'
    """
    changes = tuple(
        FeeChange(int(row["valid_from"] or 0), row["fee_type"], row["fee_multiplier"])
        for row in rows
        if row.get("fee_type") is not None or row.get("fee_multiplier") is not None
    )
    schedule = FeeSchedule(membership=membership, changes=changes)
    if changes or not series.startswith((*_INDEX_SERIES, "INX", "NASDAQ100")):
        return schedule
    fee_type = "quadratic_with_maker_fees" if series in _INDEX_YEARLY else "quadratic"
    return replace(schedule, fee_type=fee_type, multiplier="0.5", changes=(FeeChange(_INDEX_CHANGE, fee_type, "1"),))


@melted
def whole_nb(amount: int, step: int) -> int:
    """``amount // step`` by floats, as vector code has no other division; exact for quotients below 2**50."""
    near = int(np.floor(float(amount) * (1.0 / float(step))))  # off by one at most
    rest = amount - near * step
    near += rest >= step
    near -= rest < 0
    return amount if step == 1 else near


@melted
def over_nb(amount: int, step: int) -> int:
    """``amount % step`` by floats, for the same reason; exact for amounts and steps below 2**52."""
    x, unit = float(amount), float(step)
    rest = x - np.floor(x * (1.0 / unit)) * unit
    rest = rest + unit if rest < 0.0 else rest
    return int(rest - unit if rest >= unit else rest)


@melted
def is_short_nb(lots: int, rate: int) -> bool:
    """Whether rate x lots x p x (10,000 - p) is below 2**62 at any price, so that ``short_fee_nb`` knows the fee."""
    return lots * rate < (1 << 62) // 25_000_000


@melted
def short_fee_nb(price_ticks: int, lots: int, rate: int, trade_step: int) -> int:
    """Return the model fee rounded up to ``trade_step``, in micros, where ``is_short_nb``.

    rate x lots x p x (10,000 - p) / 1e11 is exact in micros. Rounding up to a micro on the way changes nothing.
    """
    unit = trade_step * A_MICRO
    return whole_nb(rate * lots * (price_ticks * (10_000 - price_ticks)) + unit - 1, unit) * trade_step


@melted
def trade_fee_nb(price_ticks: int, lots: int, rate: int, trade_step: int) -> int:
    """Return the model fee rounded up to ``trade_step``, in micros, up to 1,000,000 contracts a fill and MOST_RATE.

    Where the numerator can be too long, its whole micros at a rate of 1 are taken out before the rate is applied.
    """
    if is_short_nb(lots, rate):
        return short_fee_nb(price_ticks, lots, rate, trade_step)
    area = lots * (price_ticks * (10_000 - price_ticks))  # at most 1e8 x 2.5e7
    whole = whole_nb(area, A_MICRO)
    rest = (area - whole * A_MICRO) * rate
    micros = whole * rate + whole_nb(rest + A_MICRO - 1, A_MICRO)
    return whole_nb(micros + trade_step - 1, trade_step) * trade_step


@melted
def aligned_nb(
    revenue_micros: int, trade_fee: int, grid: int, rebate_step: int, strict: int, accumulator: int
) -> tuple[int, int, int]:
    """Round the balance change down to the grid, pay back whole steps of what that took: fee, rebate, accumulator."""
    change = revenue_micros - trade_fee
    rounding = over_nb(change, grid)
    fee = trade_fee + rounding
    accumulator += rounding
    if rebate_step == NO_REBATE:
        return fee, 0, accumulator
    due = larger_nb(smaller_nb(accumulator - strict, fee), 0)
    rebate = due - over_nb(due, rebate_step)
    return fee, rebate, accumulator - rebate


@kept()
def fill_fee_nb(
    revenue_micros: int,
    price_ticks: int,
    lots: int,
    rate: int,
    trade_step: int,
    grid: int,
    rebate_step: int,
    strict: int,
    accumulator: int,
) -> tuple[int, int]:
    """Return the net fee of one fill and its order's new accumulator, in micros.

    ``revenue_micros`` is signed: negative when the fill costs cash. The accumulator starts at 0 with each order.
    """
    trade_fee = trade_fee_nb(price_ticks, lots, rate, trade_step)
    fee, rebate, accumulator = aligned_nb(revenue_micros, trade_fee, grid, rebate_step, strict, accumulator)
    return fee - rebate, accumulator
