"""The REST surface: which path leads where, who may pass, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from .. import wire
from ..answers import absent
from ..answers.legacy import for_old_client
from ..answers.old_orders import OldOrders
from ..answers.private import Private, batch
from ..answers.public import Public
from ..answers.query import Query
from ..faults import Dice
from ..limits import LARGEST, PREFIX, RateLimits, cost_of
from ..wire import RefusalError, bad_body, refuse
from .auth import Gate
from .http import HangupError, MalformedError, Request, Response

_log = logging.getLogger(__name__)
_ORDERS = "/portfolio/events/orders"
_GROUPS = "/portfolio/order_groups"
_OLD = "/portfolio/orders"

#: (method, path) -> name of the method of ``Public`` that answers.
PUBLIC = {
    ("GET", "/exchange/status"): "status",
    ("GET", "/exchange/schedule"): "hours",
    ("GET", "/exchange/user_data_timestamp"): "as_of",
    ("GET", "/account/endpoint_costs"): "costs",
    ("GET", "/events/{event}/metadata"): "event_metadata",
    ("GET", "/incentive_programs"): "incentive_programs",
    ("GET", "/incentive_schedules"): "incentive_schedules",
    ("GET", "/series"): "series_list",
    ("GET", "/series/fee_changes"): "fee_changes",
    ("GET", "/series/{series}"): "series",
    ("GET", "/series/{series}/markets/{ticker}/candlesticks"): "candles",
    ("GET", "/series/{series}/events/{event}/candlesticks"): "event_candles",
    ("GET", "/events"): "events",
    ("GET", "/events/fee_changes"): "event_fee_changes",
    ("GET", "/events/{event}"): "event",
    ("GET", "/markets"): "markets",
    ("GET", "/markets/trades"): "trades",
    ("GET", "/markets/orderbooks"): "books",
    ("GET", "/markets/candlesticks"): "many_candles",
    ("GET", "/markets/{ticker}"): "market",
    ("GET", "/markets/{ticker}/orderbook"): "book",
    ("GET", "/historical/cutoff"): "cutoffs",
    ("GET", "/historical/markets"): "old_markets",
    ("GET", "/historical/markets/{ticker}"): "old_market",
    ("GET", "/historical/markets/{ticker}/candlesticks"): "old_candles",
    ("GET", "/historical/trades"): "old_trades",
}
#: (method, path) -> name of the method of ``Private`` that answers.
PRIVATE = {
    ("POST", _ORDERS): "create",
    ("DELETE", _ORDERS): "cancel_all",
    ("POST", f"{_ORDERS}/batched"): "create_batch",
    ("DELETE", f"{_ORDERS}/batched"): "cancel_batch",
    ("DELETE", f"{_ORDERS}/{{order}}"): "cancel",
    ("POST", f"{_ORDERS}/{{order}}/amend"): "amend",
    ("POST", f"{_ORDERS}/{{order}}/decrease"): "decrease",
    ("POST", _OLD): "deprecated",
    ("POST", f"{_OLD}/batched"): "deprecated",
    ("DELETE", f"{_OLD}/batched"): "deprecated",
    ("DELETE", f"{_OLD}/{{order}}"): "deprecated",
    ("POST", f"{_OLD}/{{order}}/amend"): "deprecated",
    ("POST", f"{_OLD}/{{order}}/decrease"): "deprecated",
    ("GET", _OLD): "orders",
    ("GET", f"{_OLD}/queue_positions"): "queue_positions",
    ("GET", f"{_OLD}/{{order}}"): "order",
    ("GET", f"{_OLD}/{{order}}/queue_position"): "queue_position",
    ("GET", "/portfolio/balance"): "balance",
    ("GET", "/portfolio/positions"): "positions",
    ("GET", "/portfolio/fills"): "fills",
    ("GET", "/portfolio/settlements"): "settlements",
    ("GET", "/portfolio/summary/total_resting_order_value"): "resting_value",
    ("GET", "/historical/fills"): "nothing_old",
    ("GET", "/historical/orders"): "nothing_old",
    ("GET", "/historical/positions"): "nothing_old",
    ("GET", _GROUPS): "groups",
    ("POST", f"{_GROUPS}/create"): "new_group",
    ("GET", f"{_GROUPS}/{{group}}"): "group",
    ("DELETE", f"{_GROUPS}/{{group}}"): "delete_group",
    ("PUT", f"{_GROUPS}/{{group}}/reset"): "reset_group",
    ("PUT", f"{_GROUPS}/{{group}}/trigger"): "trigger_group",
    ("PUT", f"{_GROUPS}/{{group}}/limit"): "limit_group",
    ("GET", "/account/limits"): "account_limits",
    ("GET", "/portfolio/subaccounts/balances"): "subaccount_balances",
    ("GET", "/portfolio/subaccounts/netting"): "netting",
}
#: What ``deprecated`` answers with 410 unless old clients are served.
OLD = {
    ("POST", _OLD): "old_create",
    ("POST", f"{_OLD}/batched"): "old_create_batch",
    ("DELETE", f"{_OLD}/batched"): "old_cancel_batch",
    ("DELETE", f"{_OLD}/{{order}}"): "old_cancel",
    ("POST", f"{_OLD}/{{order}}/amend"): "old_amend",
    ("POST", f"{_OLD}/{{order}}/decrease"): "old_decrease",
}
_OLD_BODIES = {"old_create", "old_create_batch", "old_cancel_batch", "old_amend", "old_decrease"}
_NEW_BODIES = {"create", "create_batch", "cancel_batch", "amend", "decrease", "new_group", "limit_group"}
_WITH_BODY = _OLD_BODIES | _NEW_BODIES


class Routes:
    """Answers REST requests."""

    def __init__(
        self, public: Public, private: Private, gate: Gate, limits: RateLimits, dice: Dice, *,
        legacy: bool = False, catch_up: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._gate = gate
        self._limits = limits
        self._dice = dice
        self._legacy = legacy
        self._catch_up = catch_up
        self._table: dict[tuple[str, int], list[tuple[list[str], str, str, bool]]] = {}
        self._answers: dict[str, Callable[..., Any]] = {}
        served = [(PUBLIC, public, False), (PRIVATE, private, True)]
        if legacy:
            kept = {call: name for call, name in PRIVATE.items() if name != "deprecated"}
            served[1:] = [(kept, private, True), (OLD, OldOrders(private), True)]
        for routes, owner, secret in served:
            for (method, path), name in routes.items():
                self._lead(method, path, name, secret)
                self._answers[name] = getattr(owner, name)
        for (method, path), answer in absent.ANSWERS.items():
            self._lead(method, path, f"{method} {path}", path.startswith(absent.SECRET))
            self._answers[f"{method} {path}"] = answer
        for rows in self._table.values():
            rows.sort(key=lambda row: sum(part.startswith("{") for part in row[0]))

    def _lead(self, method: str, path: str, name: str, secret: bool) -> None:
        parts = path.split("/")[1:]
        self._table.setdefault((method, len(parts)), []).append((parts, path, name, secret))

    async def __call__(self, request: Request) -> Response:
        """Answer one request, with the faults that were asked for; the key is checked before the body is read."""
        delay = self._dice.delay()
        if delay:
            await asyncio.sleep(delay)
        try:
            path, name, secret, params = self._find(request)
            if secret or "kalshi-access-key" in request.headers:
                self._gate.check(request.headers, request.method, request.path)
            body = _object(await request.read()) if name in _WITH_BODY else {}
            if secret:
                absent.refuse_others(Query(request.query), body)
            self._catch_up()
            return self._faulty(request.method, path, name, lambda: self._answer(name, request, params, body), body)
        except RefusalError as refusal:
            return Response(refusal.status, refusal.body)
        except (HangupError, MalformedError, OSError, EOFError):  # the connection's own
            raise
        except Exception:
            _log.exception("%s %s failed", request.method, request.path)
            return Response(500, refuse(500, "internal_server_error").body)

    def _faulty(
        self, method: str, path: str, name: str, answered: Callable[[], Response], body: dict[str, Any]
    ) -> Response:
        faults, draw = self._dice.faults, self._dice.call
        items = _items(body) if name.endswith("_batch") else 1
        call = method, path.replace("{order}", "{order_id}"), items
        if (cost := cost_of(*call)) > LARGEST:
            raise bad_body(f"a batch must cost at most {LARGEST} tokens, the largest bucket there is; this one {cost}")
        if draw(faults.too_many) or not self._limits.admit(*call):
            raise self._too_many()
        broken = draw(faults.server_error)
        if broken and draw(0.5):
            raise refuse(self._dice.pick((500, 502, 503)), "internal_server_error")
        response = answered()
        if broken:
            raise refuse(self._dice.pick((500, 502, 504)), "internal_server_error")
        if method != "GET" and draw(faults.lost_ack):
            raise HangupError
        return response

    def _find(self, request: Request) -> tuple[str, str, bool, dict[str, str]]:
        if request.path.startswith(f"{PREFIX}/"):
            parts = request.path[len(PREFIX) :].rstrip("/").split("/")[1:]
            for pattern, path, name, secret in self._table.get((request.method, len(parts)), ()):
                if all(a == b or a.startswith("{") for a, b in zip(pattern, parts, strict=True)):
                    params = {a[1:-1]: b for a, b in zip(pattern, parts, strict=True) if a.startswith("{")}
                    return path, name, secret, params
        raise refuse(404, "not_found", f"no {request.method} {request.path} here")

    def _answer(self, name: str, request: Request, params: dict[str, str], body: dict[str, Any]) -> Response:
        extra = {"body": body} if name in _WITH_BODY else {}
        answer = self._answers[name](Query(request.query), **params, **extra)
        status, document = answer if isinstance(answer, tuple) else (200, answer)
        if self._legacy:
            document = for_old_client(document, request.headers.get("user-agent", ""))
        return Response(status, document)

    def _too_many(self) -> RefusalError:
        if self._dice.call(self._dice.faults.plain_429):
            return RefusalError(429, {"error": "too many requests"})
        return refuse(429, "too_many_requests")


def _items(body: dict[str, Any]) -> int:
    ids = body.get("ids") or body.get("order_ids")
    return len(ids) if isinstance(ids, list) else len(batch(body))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        document = wire.parse(raw)
    except ValueError as error:
        raise bad_body(str(error)) from None
    if not isinstance(document, dict):
        raise bad_body("expected a JSON object")
    return document
