"""What this exchange does not have: lists that are empty, things that are not found, and what it does not simulate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..wire import RefusalError, refuse
from .query import Query

Answer = dict[str, Any]
#: Paths below these need a key.
SECRET = ("/portfolio", "/communications", "/fcm", "/account")
_COLLECTIONS = "/multivariate_event_collections"
_NO_QUOTES = "requests for quotes are not simulated: trade in the book"
_NO_MEMBERS = "clearing members are not simulated: use the account's own orders and positions"
_NO_TRANSFERS = "this exchange has one account and subaccount 0 only: nothing can be transferred"
_EMPTY: dict[str, Answer] = {
    "/events/multivariate": {"events": [], "cursor": ""},
    _COLLECTIONS: {"multivariate_contracts": [], "cursor": ""},
    "/milestones": {"milestones": [], "cursor": ""},
    "/structured_targets": {"structured_targets": [], "cursor": ""},
    "/live_data/batch": {"live_datas": []},
    "/search/tags_by_categories": {"tags_by_categories": {}},
    "/search/filters_by_sport": {"filters_by_sports": {}, "sport_ordering": []},
    "/exchange/announcements": {"announcements": []},
    "/portfolio/deposits": {"deposits": [], "cursor": ""},
    "/portfolio/withdrawals": {"withdrawals": [], "cursor": ""},
    "/portfolio/subaccounts/transfers": {"transfers": [], "cursor": ""},
}
_UNKNOWN = (
    ("GET", f"{_COLLECTIONS}/{{collection}}"),
    ("PUT", f"{_COLLECTIONS}/{{collection}}/lookup"),
    ("GET", "/milestones/{milestone}"),
    ("GET", "/structured_targets/{target}"),
    ("GET", "/live_data/milestone/{milestone}"),
    ("GET", "/live_data/{type}/milestone/{milestone}"),
)
_QUOTES = ("/communications/rfqs", "/communications/quotes")
_NOT_SIMULATED = {
    ("GET", "/communications/id"): _NO_QUOTES,
    **{(method, path): _NO_QUOTES for path in _QUOTES for method in ("GET", "POST")},
    **{(method, f"{path}/{{id}}"): _NO_QUOTES for path in _QUOTES for method in ("GET", "DELETE")},
    **{("PUT", f"/communications/quotes/{{id}}/{action}"): _NO_QUOTES for action in ("accept", "confirm")},
    ("GET", "/fcm/orders"): _NO_MEMBERS,
    ("GET", "/fcm/positions"): _NO_MEMBERS,
    ("POST", "/portfolio/subaccounts"): _NO_TRANSFERS,
    ("POST", "/portfolio/subaccounts/transfer"): _NO_TRANSFERS,
    ("PUT", "/portfolio/subaccounts/netting"): "collateral return across markets is not simulated",
    ("POST", "/account/api_usage_level/upgrade"): "the usage tier is chosen when the exchange is started",
}


def _empty(document: Answer) -> Callable[..., Answer]:
    return lambda q, **_: document


def _refusal(error: RefusalError) -> Callable[..., Answer]:
    def answer(q: Query, **_: str) -> Answer:
        raise error

    return answer


#: (method, path) -> what answers.
ANSWERS: dict[tuple[str, str], Callable[..., Answer]] = {
    **{("GET", path): _empty(document) for path, document in _EMPTY.items()},
    **dict.fromkeys(_UNKNOWN, _refusal(refuse(404, "not_found"))),
    **{call: _refusal(refuse(501, "not_implemented", details=why)) for call, why in _NOT_SIMULATED.items()},
}


def refuse_others(query: Query, body: Answer) -> None:
    """Refuse a call that names another subaccount or shard than 0, in its query, its body or an item of its batch."""
    items = body.get("orders")
    parts = [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []
    for name in ("subaccount", "exchange_index"):
        named = (body.get(name), *(each.get(name) for each in parts))
        if query.number(name) or any(value not in (None, 0) for value in named):
            raise refuse(400, "invalid_parameters", details=f"this exchange has {name} 0 only")
