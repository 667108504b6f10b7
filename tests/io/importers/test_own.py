"""A bot's own record is no history of the market: it goes to a table of its own, with every side and price in YES."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file
from touchline.io.importers.recognise import recognise
from touchline.io.store.store import Store

from .reading import Read, read_text

JUNE = 1_750_000_000 * 10**9
FILL: dict[str, Any] = {
    "fill_id": "f-1", "trade_id": "f-1", "order_id": "o-1", "ticker": "A-1", "market_ticker": "A-1", "exchange_index": 0,
    "side": "no", "action": "buy", "outcome_side": "no", "book_side": "ask", "count_fp": "3.00",
    "yes_price_dollars": "0.7000", "no_price_dollars": "0.3000", "is_taker": True, "fee_cost": "0.017500",
    "created_time": "2025-06-15T15:06:40Z", "ts": 1750000000,
}  # fmt: skip
ORDER: dict[str, Any] = {
    "order_id": "o-1", "user_id": "u", "client_order_id": "c", "ticker": "A-1", "side": "yes", "action": "buy",
    "outcome_side": "yes", "book_side": "bid", "type": "limit", "status": "executed", "yes_price_dollars": "0.4700",
    "no_price_dollars": "0.5300", "initial_count_fp": "10.00", "fill_count_fp": "4.00", "remaining_count_fp": "0.00",
    "taker_fees_dollars": "0.0100", "maker_fees_dollars": "0.0025", "created_time": "2025-06-15T15:06:40Z",
    "last_update_time": "2025-06-15T15:06:41Z",
}  # fmt: skip
SETTLEMENT: dict[str, Any] = {
    "ticker": "A-1", "event_ticker": "A", "market_result": "no", "yes_count_fp": "0.00", "yes_total_cost_dollars": "0.0000",
    "no_count_fp": "3.00", "no_total_cost_dollars": "0.9000", "revenue": 300, "settled_time": "2025-06-15T15:06:40Z",
    "fee_cost": "0.017500", "value": 0,
}  # fmt: skip


def own(found: Read) -> pl.DataFrame:
    assert set(found.tables) == {"own_fills"}, found.tables.keys()
    assert not found.bad
    return found.tables["own_fills"]


def only(found: Read, *names: str) -> list[tuple[object, ...]]:
    return own(found).select(names).rows()


def test_the_exchanges_answers_about_the_account_are_own_records(tmp_path: Path) -> None:
    document = {"fills": [FILL], "orders": [ORDER], "settlements": [SETTLEMENT], "cursor": ""}
    found = read_text(tmp_path, "portfolio.json", json.dumps(document))
    names = ("kind", "ts", "side", "outcome", "price", "size", "filled", "is_taker", "fee", "pnl", "status", "order_id")
    assert only(found, *names) == [
        ("fill", JUNE, -1, "no", 7000, 300, None, True, 17_500, None, None, "o-1"),
        ("order", JUNE, 1, "yes", 4700, 1000, 400, None, 12_500, None, "executed", "o-1"),
        ("settlement", JUNE, 0, "no", 0, 300, None, None, 17_500, 2_082_500, "no", None),
    ]
    assert any("no part of the market's history" in fact for fact in found.facts)


@pytest.mark.parametrize(
    ("side", "action", "expected"),
    [("yes", "buy", (1, "yes", 7000)), ("no", "buy", (-1, "no", 3000)), ("yes", "sell", (-1, "yes", 7000)),
     ("no", "sell", (1, "no", 3000)), ("buy_no", "", (-1, "no", 3000)), ("SELL", "", (-1, None, 7000)), ("", "", (0, None, 7000))],
)  # fmt: skip
def test_a_price_of_a_log_is_that_of_the_contract_it_names(
    tmp_path: Path, side: str, action: str, expected: tuple[object, ...]
) -> None:
    text = f"timestamp,ticker,side,action,price,count,fill_id\n1750000000,A-1,{side},{action},0.7,3,x\n"
    found = read_text(tmp_path, "log.csv", text, Options(price_unit="dollars"))
    assert only(found, "side", "outcome", "price") == [expected]
    if expected[1] == "no":
        assert any("price is taken as the price of the contract that was named" in fact for fact in found.facts)
        yes = read_text(tmp_path, "log.csv", text, Options(price_unit="dollars", use_yes_price=True))
        assert only(yes, "price") == [(7000,)]


BETS = "timestamp,ticker,side,price,count,outcome,won,pnl\n1750000000,A-1,no,0.31,3,win,1,2.07\n"


@pytest.mark.parametrize(
    "head",
    ["fill_id", "order_id", "is_taker", "client_order_id", "pnl", "won", "realized_pnl", "outcome", "result"],
)
def test_any_column_of_an_own_record_keeps_a_file_out_of_the_market(tmp_path: Path, head: str) -> None:
    value = {"is_taker": "true", "pnl": "1.5", "realized_pnl": "1.5", "outcome": "yes"}.get(head, "1")
    text = f"timestamp,ticker,side,price,count,{head}\n1750000000,A-1,no,0.31,3,{value}\n"
    assert own(read_text(tmp_path, "log.csv", text)).height == 1
    line = json.dumps({"timestamp": 1750000000, "ticker": "A-1", "side": "no", "price": 0.31, "count": 3, head: value})
    assert own(read_text(tmp_path, "log.jsonl", line + "\n")).height == 1


def test_how_a_bet_ended_is_said_not_to_be_the_result(tmp_path: Path) -> None:
    found = read_text(tmp_path, "bets.csv", BETS)
    assert only(found, "pnl", "price", "side") == [(2_070_000, 6900, -1)]
    for name in ("outcome", "won"):
        assert f"{name} is how the bet ended, not the market's result; it is not stored" in found.facts
    assert "pnl is taken to be in dollars" in found.facts


def test_a_record_of_bets_without_prices_is_refused_and_no_list_of_markets(tmp_path: Path) -> None:
    text = "ticker,close_time,outcome,won,pnl\nA-1,2025-06-15T15:06:40Z,1,true,3\n"
    with pytest.raises(InputError, match=r"own record of fills or bets \(won, pnl\), not the market's history.*map="):
        read_text(tmp_path, "bets.csv", text)


def test_an_assumed_column_is_named(tmp_path: Path) -> None:
    found = read_text(tmp_path, "m.csv", "ticker,close_time,outcome\nA-1,2025-06-15T15:06:40Z,1\n")
    assert found.tables["markets"]["result"].to_list() == ["yes"]
    assert "outcome is taken as the market's result" in found.facts
    trades = read_text(tmp_path, "t.csv", "timestamp,ticker,side,price,amount\n1750000000,A-1,no,0.31,3\n")
    assert {"amount is taken as the number of contracts traded", "side is taken as the taker's side"} <= set(
        trades.facts
    )


def test_orders_keep_each_of_their_states_and_fills_come_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    later = ORDER | {"fill_count_fp": "10.00", "last_update_time": "2025-06-15T15:06:50Z"}
    for name, document in {
        "a": {"orders": [ORDER], "fills": [FILL]}, "b": {"orders": [ORDER, later], "fills": [FILL, FILL | {"fill_id": "f-2"}]},
    }.items():  # fmt: skip
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(document))
        import_file(store, recognise(path, Options()), Options())
    rows = store.sql(
        "select kind, count(*) as n, sum(coalesce(filled, size)) as lots from own_fills group by kind order by kind"
    )
    assert rows.rows() == [("fill", 2, 600), ("order", 2, 1400)]


def imported(store: Store, folder: Path, name: str, text: str) -> Any:
    path = folder / name
    path.write_text(text)
    return import_file(store, recognise(path, Options()), Options())


def test_a_result_that_contradicts_a_known_one_is_reported_and_not_applied(tmp_path: Path) -> None:
    store, head = Store(tmp_path / "store"), "ticker,close_time,result,title\n"
    imported(store, tmp_path, "a.csv", head + "A-1,2025-06-15T15:06:40Z,yes,one\nB-1,,,two\n")
    done = imported(
        store, tmp_path, "b.csv", head + "A-1,2025-06-15T15:06:40Z,no,three\nB-1,,no,\nB-1,,yes,\nC-1,,no,\n"
    )
    known = store.markets().select("ticker", "result", "settlement", "title").sort("ticker").collect().rows()
    assert known == [("A-1", "yes", 10_000, "three"), ("B-1", "no", 0, "two"), ("C-1", "no", 0, None)]
    assert done.report.quarantined == 2
    assert list(done.reasons) == [
        "A-1: result no contradicts the result yes known before; not applied",
        "B-1: result yes contradicts the result no known before; not applied",
    ]
    again = imported(store, tmp_path, "c.csv", head + "A-1,,yes,four\n")
    assert again.report.quarantined == 0
    assert store.imports()[1].conflicts == list(done.reasons)


def test_a_settlement_that_contradicts_a_known_one_is_reported_too(tmp_path: Path) -> None:
    store, head = Store(tmp_path / "store"), "ticker,result,settlement_value_dollars\n"
    imported(store, tmp_path, "a.csv", head + "A-1,scalar,0.25\n")
    done = imported(store, tmp_path, "b.csv", head + "A-1,scalar,0.75\n")
    assert list(done.reasons) == ["A-1: settlement 75c contradicts the settlement 25c known before; not applied"]
    assert store.markets().collect()["settlement"].to_list() == [2500]


STREAMED_FILL = {
    "trade_id": "f-1", "order_id": "o-1", "market_ticker": "KXA-T1", "is_taker": True, "side": "yes", "action": "sell",
    "outcome_side": "no", "book_side": "ask", "yes_price_dollars": "0.7000", "count_fp": "3.00", "fee_cost": "0.017500",
    "post_position_fp": "-3.00", "ts": 1750000000, "ts_ms": 1750000000123,
}  # fmt: skip
STREAMED_ORDER = {
    "order_id": "o-1", "ticker": "KXA-T1", "status": "resting", "outcome_side": "yes", "book_side": "bid",
    "yes_price_dollars": "0.4700", "initial_count_fp": "10.00", "fill_count_fp": "4.00", "remaining_count_fp": "6.00",
    "taker_fees_dollars": "0.0100", "maker_fees_dollars": "0.0025", "created_ts_ms": 1750000000000,
}  # fmt: skip


def frames(*messages: tuple[str, object]) -> str:
    return "".join(json.dumps({"type": kind, "sid": 3, "msg": message}) + "\n" for kind, message in messages)


def test_own_frames_of_a_stream_are_own_records_in_no_market(tmp_path: Path) -> None:
    book = {"market_ticker": "KXA-T1", "ts_ms": 1750000000000, "yes_dollars_fp": [["0.4000", "5.00"]]}
    text = frames(("orderbook_snapshot", book), ("fill", STREAMED_FILL), ("user_order", STREAMED_ORDER))
    found = read_text(tmp_path, "capture.jsonl", text)
    names = (
        "ticker",
        "kind",
        "ts",
        "side",
        "outcome",
        "price",
        "size",
        "filled",
        "is_taker",
        "fee",
        "fill_id",
        "order_id",
    )
    assert found.tables.keys() == {"book", "own_fills"}
    assert found.tables["own_fills"].select(names).rows() == [
        ("KXA-T1", "fill", 1750000000123 * 10**6, -1, "no", 7000, 300, None, True, 17_500, "f-1", "o-1"),
        ("KXA-T1", "order", 1750000000 * 10**9, 1, "yes", 4700, 1000, 400, None, 12_500, "o-1@resting 4.00", "o-1"),
    ]
    assert not found.bad and not found.notes
    assert any("no part of the market's history" in fact for fact in found.facts)


def test_a_log_of_own_frames_alone_is_read_and_what_lacks_something_is_quarantined(tmp_path: Path) -> None:
    broken = {name: value for name, value in STREAMED_FILL.items() if name != "count_fp"}
    text = frames(("fill", STREAMED_FILL), ("fill", broken), ("user_order", "o-1"), ("user_order", {"order_id": "o-2"}))
    found = read_text(tmp_path, "mine.jsonl", text)
    assert found.tables["own_fills"].height == 1
    assert [(bad.line, bad.reason.split(" ")[0]) for bad in found.bad] == [(2, "count_fp"), (3, "the"), (4, "the")]


def test_an_orders_states_on_the_stream_are_rows_and_a_fill_told_twice_is_one(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    done = STREAMED_ORDER | {"status": "executed", "fill_count_fp": "10.00", "last_updated_ts_ms": 1750000001000}
    more = STREAMED_ORDER | {"fill_count_fp": "5.00"}
    text = frames(*(("user_order", one) for one in (STREAMED_ORDER, more, done, done)), ("fill", STREAMED_FILL))
    imported(store, tmp_path, "a.jsonl", text)
    rest = {"fills": [FILL | {"fill_id": "f-1", "ticker": "KXA-T1"}]}
    imported(store, tmp_path, "b.json", json.dumps(rest))
    rows = store.sql("select kind, filled from own_fills order by kind, filled").rows()
    assert rows == [("fill", None), ("order", 400), ("order", 500), ("order", 1000)]


def lived(*events: tuple[int, dict[str, object]]) -> str:
    return "".join(
        json.dumps(
            {"recv_ts": (1750000000 + at) * 10**9, "frame": {"type": "market_lifecycle_v2", "sid": 1, "msg": said}}
        )
        + "\n"
        for at, said in events
    )


DETERMINED = {"event_type": "determined", "market_ticker": "A-1", "result": "yes", "settlement_value": "1.0000"}
REST_MARKET = {"ticker": "A-1", "close_time": "2025-06-15T15:06:39Z", "settlement_ts": "2025-06-15T15:09:00Z"}


def known_of(store: Store) -> list[tuple[object, ...]]:
    return store.markets().select("ticker", "result", "settlement", "status").collect().rows()


@pytest.mark.parametrize("status", ["amended", "finalized"])
@pytest.mark.parametrize("first", ["stream", "answer"])
def test_a_result_that_the_exchange_amends_before_it_pays_is_the_last_one(
    tmp_path: Path, status: str, first: str
) -> None:
    store = Store(tmp_path / "store")
    answer = {"markets": [REST_MARKET | {"status": "determined", "result": "yes", "settlement_ts": None}]}
    imported(
        store, tmp_path, *(("a.jsonl", lived((0, DETERMINED))) if first == "stream" else ("a.json", json.dumps(answer)))
    )
    later = {"markets": [REST_MARKET | {"status": status, "result": "no", "settlement_value_dollars": "0.0000"}]}
    done = imported(store, tmp_path, "b.json", json.dumps(later))
    assert not done.report.quarantined
    assert known_of(store) == [("A-1", "no", 0, status)]
    told = (
        store.markets(history=True)
        .collect()
        .filter(pl.col("result").is_not_null())
        .select("result", "valid_from")
        .rows()
    )
    moment = 1750000000 * 10**9 if first == "stream" else 0
    assert told == [("yes", moment), ("no", 1750000140 * 10**9)]
    again = imported(store, tmp_path, "c.json", json.dumps(later, indent=1))
    assert not again.report.quarantined and known_of(store) == [("A-1", "no", 0, status)]


def test_an_amended_result_without_a_time_of_its_own_comes_right_after_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    imported(store, tmp_path, "a.jsonl", lived((0, DETERMINED)))
    amended = REST_MARKET | {"status": "amended", "result": "no", "settlement_value_dollars": "0.0000"}
    done = imported(store, tmp_path, "b.json", json.dumps({"markets": [amended | {"settlement_ts": None}]}))
    assert not done.report.quarantined
    moments = store.markets(history=True).collect().filter(pl.col("result").is_not_null())
    assert moments.select("result", "valid_from").rows() == [
        ("yes", 1750000000 * 10**9),
        ("no", 1750000000 * 10**9 + 1),
    ]
    assert known_of(store) == [("A-1", "no", 0, "amended")]


def test_a_second_determination_on_the_stream_replaces_the_first_and_nothing_changes_what_was_paid(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path / "store")
    again = DETERMINED | {"result": "no", "settlement_value": "0.0000"}
    paid = {"event_type": "settled", "market_ticker": "A-1", "settled_ts": 1750000200}
    done = imported(store, tmp_path, "a.jsonl", lived((0, DETERMINED), (60, again), (120, paid), (180, DETERMINED)))
    assert list(done.reasons) == ["A-1: result yes contradicts the result no known before; not applied"]
    assert known_of(store)[0][:3] == ("A-1", "no", 0)
    for status in ("determined", "finalized"):
        old = {"markets": [REST_MARKET | {"status": status, "result": "yes"}]}
        assert imported(store, tmp_path, f"{status}.json", json.dumps(old)).report.quarantined == 1
    assert known_of(store)[0][:3] == ("A-1", "no", 0)
