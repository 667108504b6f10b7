"""The integer fields that the exchange removed between January and March 2026, for clients made before."""

from __future__ import annotations

from typing import Any

_MARKET = {
    "response_price_units": "usd_cent", "category": "", "risk_limit_cents": 0, "tick_size": 1, "liquidity": 0,
    "liquidity_dollars": "0.0000",
}  # fmt: skip
_STATUS = {"finalized": "settled", "inactive": "closed"}


def with_legacy(value: Any) -> Any:
    """Add to every ``*_dollars`` its whole cents and to every ``*_fp`` its whole contracts, and what went with them.

    >>> with_legacy({"yes_price_dollars": "0.4700", "count_fp": "3.00"})["yes_price"]
    47
    """
    if isinstance(value, list):
        return [with_legacy(each) for each in value]
    if not isinstance(value, dict):
        return value
    old: dict[str, Any] = {}
    for name, each in value.items():
        old[name] = with_legacy(each)
        if name.endswith("_dollars") and isinstance(each, str):
            old[name.removesuffix("_dollars")] = int(float(each) * 100 + (0.5 if each[0] != "-" else -0.5))
        elif name.endswith("_fp") and isinstance(each, str):
            old[name.removesuffix("_fp")] = int(each.partition(".")[0])
    return {**old, **_extras(old)}


def _extras(value: dict[str, Any]) -> dict[str, Any]:
    if "price_level_structure" in value:
        return {**_MARKET, "status": _STATUS.get(value["status"], value["status"])}
    if "orderbook_fp" in value:
        book = value["orderbook_fp"]
        return {"orderbook": {**book, **{side: _cents(book[f"{side}_dollars"]) for side in ("yes", "no")}}}
    if "market_id" in value and "yes_bid" not in value and "price" not in value:
        sides = {side: value.get(f"{side}_dollars_fp", []) for side in ("yes", "no")}
        return {
            **{f"{side}_dollars": levels for side, levels in sides.items()},
            **{side: _cents(levels) for side, levels in sides.items()},
        }
    if "mutually_exclusive" in value:
        return {"available_on_brokers": False}
    if "market_exposure" in value:
        return {"resting_orders_count": 0}
    if "fill_id" in value:
        fixed = {f"{side}_price_fixed": value[f"{side}_price_dollars"] for side in ("yes", "no")}
        return {**fixed, "price": value["yes_price"]}
    if "taker_fill_cost" in value:
        return {"queue_position": 0}
    return {"price": value["yes_price"]} if "yes_price" in value else {}


def _cents(levels: list[list[str]]) -> list[list[int]]:
    return [[round(float(price) * 100), int(lots.partition(".")[0])] for price, lots in levels]
