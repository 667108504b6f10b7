"""The order calls of before June 2026 under ``/portfolio/orders``: whole cents, two sides, buy and sell."""

from __future__ import annotations

from typing import Any

from ..market.order import VenueOrder
from ..wire import RefusalError, bad_body, read_choice, refuse
from . import views
from .private import Private, batch, inner
from .query import Query

Answer = dict[str, Any]
_KEPT = ("ticker", "client_order_id", "post_only", "reduce_only", "order_group_id", "cancel_order_on_pause", "count_fp")
#: An order at the market: immediately, at any price.
_ANY = {"bid": "0.9900", "ask": "0.0100"}


class OldOrders:
    """Translates the old calls into today's and their answers back."""

    def __init__(self, private: Private) -> None:
        self._private = private
        self._desk = private.desk

    def old_create(self, q: Query, body: Answer, **_: str) -> tuple[int, Answer]:
        """``POST /portfolio/orders``."""
        return 201, {"order": self._shown(self._desk.create(_new(body))["order_id"])}

    def old_cancel(self, q: Query, order: str, **_: str) -> Answer:
        """``DELETE /portfolio/orders/{order}``."""
        reduced = self._desk.cancel(order)["reduced_by"]
        return {"order": self._shown(order), "reduced_by_fp": reduced}

    def old_amend(self, q: Query, body: Answer, order: str, **_: str) -> Answer:
        """``POST /portfolio/orders/{order}/amend``: what is not named stays."""
        found = self._found(order)
        side = "bid" if found.side > 0 else "ask"
        before = views.order(found)
        kept = {name: body[name] for name in ("client_order_id", "updated_client_order_id") if body.get(name)}
        price = _price(body, "yes") or _price(body, "no") or before["yes_price_dollars"]
        terms = {
            "ticker": found.ticker,
            "side": side,
            "price": price,
            "count": _count(body) or before["initial_count_fp"],
        }
        self._desk.amend(order, {**kept, **terms})
        return {"old_order": before, "order": self._shown(order)}

    def old_decrease(self, q: Query, body: Answer, order: str, **_: str) -> Answer:
        """``POST /portfolio/orders/{order}/decrease``."""
        found = self._found(order)
        names = ("reduce_by", "reduce_to")
        self._desk.decrease(found.id, {name: _contracts(body[name]) for name in names if body.get(name) is not None})
        return {"order": self._shown(order)}

    def old_create_batch(self, q: Query, body: Answer, **_: str) -> tuple[int, Answer]:
        """``POST /portfolio/orders/batched``."""
        answers = []
        for each in batch(body):
            answer: Answer = {"client_order_id": each.get("client_order_id"), "order": None, "error": None}
            try:
                answer["order"] = self._shown(self._desk.create(_new(each))["order_id"])
            except RefusalError as refusal:
                answer["error"] = inner(refusal)
            answers.append(answer)
        return 201, {"orders": answers, "responses": answers}

    def old_cancel_batch(self, q: Query, body: Answer, **_: str) -> Answer:
        """``DELETE /portfolio/orders/batched``: a list of ids."""
        ids = body.get("ids") or body.get("order_ids")
        if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
            raise bad_body("ids must be a list of order ids")
        answers = []
        for each in ids:
            answer: Answer = {"order_id": each, "order": None, "reduced_by_fp": "0.00", "error": None}
            try:
                answer["reduced_by_fp"] = self._desk.cancel(each)["reduced_by"]
                answer["order"] = self._shown(each)
            except RefusalError as refusal:
                answer["error"] = inner(refusal)
            answers.append(answer)
        return {"orders": answers, "responses": answers}

    def _found(self, order_id: str) -> VenueOrder:
        found = self._desk.orders.get(order_id)
        if found is None:
            raise refuse(404, "not_found")
        return found

    def _shown(self, order_id: str) -> Answer:
        return views.order(self._found(order_id))


def _new(body: Answer) -> Answer:
    """Today's order of an old one: selling YES is an ask, and so is buying NO at the price that is left to a dollar."""
    outcome, action = read_choice(body, "side", ("yes", "no")), read_choice(body, "action", ("buy", "sell"))
    side = "bid" if (outcome == "yes") == (action == "buy") else "ask"
    market = body.get("type") == "market"
    price = _ANY[side] if market else _price(body, "yes") or _price(body, "no")
    if price is None:
        raise bad_body("yes_price or no_price is required")
    kept = {name: body[name] for name in _KEPT if body.get(name) is not None}
    if body.get("expiration_ts"):
        kept["expiration_time"] = body["expiration_ts"]
    return {
        **kept, "side": side, "price": price, "count": _count(body) or "",
        "time_in_force": body.get("time_in_force") or ("immediate_or_cancel" if market else "good_till_canceled"),
        "self_trade_prevention_type": body.get("self_trade_prevention_type") or "taker_at_cross",
    }  # fmt: skip


def _price(body: Answer, outcome: str) -> str | None:
    """The YES price that a body names for an outcome, in cents or in dollars."""
    cents, dollars = body.get(f"{outcome}_price"), body.get(f"{outcome}_price_dollars")
    if isinstance(dollars, str):
        cents = _number(dollars, f"{outcome}_price_dollars") * 100
    if cents is None:
        return None
    if isinstance(cents, bool) or not isinstance(cents, int | float) or not 0 < cents < 100:
        raise bad_body(f"{outcome}_price must be from 1 to 99 cents")
    return f"{(cents if outcome == 'yes' else 100 - cents) / 100:.4f}"


def _number(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise bad_body(f"{name} is not a decimal number: {text[:40]!r}") from None


def _count(body: Answer) -> str | None:
    if isinstance(body.get("count_fp"), str):
        return body["count_fp"]
    return None if body.get("count") is None else _contracts(body["count"])


def _contracts(count: Any) -> str:
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 10**12:
        raise bad_body("a count must be a whole number of contracts")
    return f"{count}.00"
