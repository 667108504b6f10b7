"""The integer fields that the exchange removed between January and March 2026, for clients made before."""

from __future__ import annotations

from typing import Any

_MARKET = {
    "response_price_units": "usd_cent", "category": "", "risk_limit_cents": 0, "tick_size": 1, "liquidity": 0,
    "liquidity_dollars": "0.0000",
}  # fmt: skip
#: What the official clients call the two sides of a book: their makers' YAML took yes and no for booleans.
_BOOLEANS = {"yes": "true", "no": "false"}
#: How kalshi-python 2 introduces itself: it reads a level as an object, later ones as a pair.
_OBJECTS = "OpenAPI-Generator/2."
_STATUS = {"finalized": "settled", "inactive": "closed"}


def for_old_client(document: Any, agent: str) -> Any:
    """The old fields for a client that names itself so."""
    shown = with_legacy(document)
    if agent.startswith(_OBJECTS) and isinstance(shown, dict) and "orderbook" in shown:
        for word in _BOOLEANS.values():
            levels = shown["orderbook"][word]
            shown["orderbook"][word] = [{"price": price, "count": count} for price, count in levels]
    return shown


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
        cents = {side: _cents(book[f"{side}_dollars"]) for side in _BOOLEANS}
        return {"orderbook": {**book, **cents, **{word: cents[side] for side, word in _BOOLEANS.items()}}}
    if "market_id" in value and "yes_bid" not in value and "price" not in value:
        sides = {side: value.get(f"{side}_dollars_fp", []) for side in ("yes", "no")}
        return {
            **{f"{side}_dollars": levels for side, levels in sides.items()},
            **{side: _cents(levels) for side, levels in sides.items()},
        }
    if "mutually_exclusive" in value:
        return {"available_on_brokers": False}
    if "market_positions" in value and "fills" not in value:
        return {"positions": value["market_positions"]}
    if "market_exposure" in value:
        return {"resting_orders_count": 0, "resting_order_count": 0, "total_cost": value["market_exposure"]}
    if "market_result" in value:
        return {"result": value["market_result"]}
    if "end_period_ts" in value:
        traded = {name: value["price"].get(name) for name in ("open", "high", "low", "close")}
        return {"end_ts": value["end_period_ts"], **traded}
    if "fill_id" in value:
        fixed = {f"{side}_price_fixed": value[f"{side}_price_dollars"] for side in ("yes", "no")}
        return {**fixed, "price": value["yes_price"]}
    if "taker_fill_cost" in value:
        return {"queue_position": 0, "count": value["initial_count"], "updated_time": value["last_update_time"]}
    return {"price": value["yes_price"]} if "yes_price" in value else {}


def _cents(levels: list[list[str]]) -> list[list[int]]:
    return [[round(float(price) * 100), int(lots.partition(".")[0])] for price, lots in levels]
