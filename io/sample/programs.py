"""Incentive programs of the sample day, as the exchange would list them: short ones, long ones, ones that overlap."""

from __future__ import annotations

from collections.abc import Iterator

from ..ground.times import iso
from ..ground.units import NS_PER_SECOND
from .plan import CLOSE, HOUR, START, Contract

_MINUTE, _DAY = 60, 24 * HOUR
#: Midnight in New York before the day.
_MIDNIGHT = START - 9 * HOUR - 30 * _MINUTE


def programs(contracts: list[Contract]) -> dict[str, object]:
    """The answer of GET /incentive_programs when the day is over."""
    return {"incentive_programs": [one for contract in contracts for one in _of(contract)], "next_cursor": ""}


def _of(contract: Contract) -> Iterator[dict[str, object]]:
    """A market's programs: a quarter of an hour, 90 minutes inside a day, an hour by volume, a week.

    The day is the index's, from the opening bell to the close: all of it is recorded. The day after and the week
    are not.
    """
    series = contract.event.series.ticker
    if series == "SYNBTC15M":
        yield _program(contract, "15m", contract.start, contract.close, 20, 300)
    elif series == "SYNINX":
        yield _program(contract, "day", START, CLOSE, 100, 1_000)
        yield _program(contract, "next", START + _DAY, CLOSE + _DAY, 100, 1_000)
        if "-B" in contract.ticker:
            yield _program(contract, "90m", START + HOUR, START + HOUR + 90 * _MINUTE, 30, 300)
    elif series == "SYNINXU":
        yield _program(contract, "volume", START, START + HOUR, 25, None, kind="volume")
    elif series == "SYNPOL":
        yield _program(contract, "week", _MIDNIGHT - 2 * _DAY, _MIDNIGHT + 5 * _DAY, 350, 1_000)


def _program(
    contract: Contract, name: str, start: int, end: int, dollars: int, target: int | None, kind: str = "liquidity"
) -> dict[str, object]:
    document: dict[str, object] = {
        "id": f"syn-{contract.ticker}-{name}",
        "market_id": f"syn-{contract.ticker}",
        "market_ticker": contract.ticker,
        "incentive_type": kind,
        "incentive_description": "series_lip" if kind == "liquidity" else "series_volume",
        "start_date": iso(start * NS_PER_SECOND, 6),
        "end_date": iso(end * NS_PER_SECOND, 6),
        "period_reward": dollars * 10_000,
        "paid_out": end <= CLOSE,
    }
    if target is not None:
        document |= {"discount_factor_bps": 5000, "target_size_fp": f"{target}.00"}
    return document
