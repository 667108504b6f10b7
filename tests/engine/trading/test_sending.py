"""What becomes of an order whose answer nobody heard is found out, and never taken for granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from touchline.engine.trading.folder import SessionFolder, recovered
from touchline.engine.trading.journal import JournalLine, SessionJournal
from touchline.engine.trading.ledger import OwnOrder, TradeLedger
from touchline.engine.trading.orders.jobs import Answer, FoundOrder, Job, encode
from touchline.engine.trading.orders.sending import Sender
from touchline.engine.trading.orders.settling import settled
from touchline.engine.trading.settings import TradeSettings
from touchline.engine.trading.startup import Startup
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.orders import NewOrder
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.store import Store

from .conftest import opened, tickers_of

TICKER = tickers_of()[0]
SECOND = 1_000_000_000


def test_an_order_that_never_arrived_is_known_to_be_over_and_cannot_arrive_later(day: Store):
    with opened(day) as (exchange, client):
        exchange.step()
        answer = Sender(client, "tl-").do(Job(0, "settle", TICKER, orders=[("tl-1", "", 1), ("tl-2", "", -1)]))
        assert [(one.client_id, one.status, one.filled) for one in answer.orders] == [
            ("tl-1", "canceled", 0), ("tl-2", "canceled", 0)
        ]  # fmt: skip
        now = exchange.now()
        late = Sender(client, "tl-").do(
            Job(0, "create", TICKER, "tl-1", side=1, price=4400, lots=100, expires=now + 60 * SECOND)
        )
        assert late.is_ == "refused" and "order_already_exists" in late.text
        assert not any(one.open for one in exchange.desk.orders.values())


def test_an_order_that_arrived_is_found_by_its_name_and_cancelled(day: Store):
    with opened(day) as (exchange, client):
        exchange.step()
        there = client.orders.create(NewOrder(TICKER, "bid", 3000, 100, client_order_id="tl-1"))
        answer = Sender(client, "tl-").do(Job(0, "settle", TICKER, orders=[("tl-1", "", 1)]))
        assert answer.orders == [FoundOrder("tl-1", there.order_id, "canceled", 0)]
        assert not any(one.open for one in exchange.desk.orders.values())


@pytest.mark.parametrize(("status", "filled", "booked", "over"), [
    ("canceled", 0, 0, True), ("executed", 100, 100, True), ("executed", 100, 40, False), ("resting", 0, 0, False),
])  # fmt: skip
def test_an_order_is_over_when_it_does_not_rest_and_all_its_fills_are_booked(
    status: str, filled: int, booked: int, over: bool
):
    ledger = TradeLedger("tl-")
    ledger.placed(OwnOrder("tl-1", TICKER, 1, 4500, 100, 200 * SECOND, 0, "o", booked, False))
    answer = Answer(0, "done", orders=[FoundOrder("tl-1", "o", status, filled)])
    found = settled(ledger, TICKER, answer, 100 * SECOND, TradeSettings())
    assert [one.client_id for one in found] == (["tl-1"] if over else [])


@pytest.mark.parametrize(("after_s", "over"), [(135, False), (136, True)])
def test_an_order_that_no_list_shows_is_over_after_its_lease_and_the_lag_of_the_lists(after_s: int, over: bool):
    ledger = TradeLedger("tl-")
    ledger.placed(OwnOrder("tl-1", TICKER, 1, 4500, 100, 100 * SECOND, 0))
    found = settled(ledger, TICKER, Answer(0, "done"), after_s * SECOND, TradeSettings(list_lag_s=35))
    assert bool(found) is over


def test_a_fill_that_was_told_before_its_orders_answer_counts_for_it_after_a_crash(
    day: Store, session: Callable[..., SessionFolder]
):
    """The process died between the two lines: the order is known by the fill alone."""
    folder = session(mode="production")
    prefix = folder.document()["prefix"]
    journal = SessionJournal(folder.journal)
    job = Job(1, "create", TICKER, f"{prefix}7", side=1, price=4500, lots=5, expires=99)
    told = {"market": TICKER, "side": 1, "price": 4500, "lots": 5, "fee": 0, "trade": "t", "order": "o"}
    journal.append(JournalLine("ask", 1, encode(job)))
    journal.append(JournalLine("fill", 2, encode({**told, "client_id": f"{prefix}7"})))
    journal.close()
    ledger = recovered(folder)
    assert ledger.orders == {} and ledger.holding(TICKER).position == 5
    known = ledger.by_order_id("o")
    assert known is not None and (known.client_id, known.filled) == (f"{prefix}7", 5)


#: An answer that every call finds its part in.
ANSWER: dict[str, Any] = {
    "order_id": "o", "client_order_id": "tl-1", "reduced_by": "0.00", "order_group_id": "g", "balance": 1, "cursor": "",
    "fills": [], "market_positions": [], "queue_positions": [], "order": {"order_id": "o", "status": "canceled"},
    "orders": [{"order_id": "o", "ticker": TICKER, "client_order_id": "tl-1", "status": "resting"}],
}  # fmt: skip


def test_every_request_about_the_account_names_the_subaccount(monkeypatch: pytest.MonkeyPatch):
    """What is left out means another subaccount at each of the exchange's addresses."""
    asked: list[tuple[str, str, dict[str, Any]]] = []
    client = Client(Settings())

    def ask(method: str, path: str, params: Any, body: Any, *_: Any) -> bytes:
        asked.append((method, path, {**(params or {}), **(body or {})}))
        return msgspec.json.encode(ANSWER)

    monkeypatch.setattr(client.transport, "_ask", ask)
    sender = Sender(client, "tl-", 3)
    own: dict[str, Any] = {"client_id": "tl-1", "order_id": "o", "side": 1, "price": 4400, "lots": 100, "group": "g"}
    for do in ("create", "amend", "cancel", "settle", "group", "trigger", "fills", "read"):
        named = {"orders": [("tl-1", "", 1), ("tl-2", "", 1)]} if do == "settle" else own
        assert sender.do(Job(1, do, TICKER, expires=60 * SECOND, **named)).is_ == "done", do
    ledger = TradeLedger("tl-")
    ledger.holding(TICKER).group = "g"
    start = Startup(client, sender, ledger, TradeSettings(subaccount=3), lambda *_: None, sleep=lambda s: None)
    start.run([TICKER, tickers_of()[1]])
    assert len({path for _, path, _ in asked}) > 10
    by_id = ("/portfolio/orders/o", "/exchange/user_data_timestamp")  # one order by its id is in no other
    assert [one for one in asked if one[1] not in by_id and one[2].get("subaccount") != 3] == []
