from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.io.kalshi.rest.wire import write_count, write_price
from touchline.io.kalshi.stream.books import BookGap, StreamBooks
from touchline.io.kalshi.stream.frames import Delta, Other, Snapshot, decode_frame

TICKERS = ("A", "B", "C")


@dataclass
class Server:
    """The plain truth: books per market, and every message numbered over all markets of the subscription."""

    yes_price: bool
    seq: int = 0
    books: dict[str, dict[str, dict[int, int]]] = field(
        default_factory=lambda: {ticker: {"yes": {4000: 500}, "no": {5000: 700}} for ticker in TICKERS}
    )

    def frame(self, kind: str, body: dict[str, Any]) -> bytes:
        self.seq += 1
        return msgspec.json.encode({"type": kind, "sid": 1, "seq": self.seq, "msg": body})

    def shown(self, side: str, price: int) -> str:
        return write_price(10_000 - price if side == "no" and self.yes_price else price)

    def snapshot(self, ticker: str) -> bytes:
        body: dict[str, Any] = {"market_ticker": ticker}
        for side, levels in self.books[ticker].items():
            if levels:  # an empty side's key is missing
                body[f"{side}_dollars_fp"] = [[self.shown(side, p), write_count(c)] for p, c in levels.items()]
        return self.frame("orderbook_snapshot", body)

    def change(self, ticker: str, side: str, price: int, lots: int) -> bytes:
        levels = self.books[ticker][side]
        delta = max(lots, -levels.get(price, 0)) or 100
        levels[price] = levels.get(price, 0) + delta
        if not levels[price]:
            del levels[price]
        body = {"market_ticker": ticker, "price_dollars": self.shown(side, price), "delta_fp": write_count(delta)}
        return self.frame("orderbook_delta", {**body, "side": side})

    def truth(self, ticker: str) -> tuple[dict[int, int], dict[int, int]]:
        book = self.books[ticker]
        return book["yes"], {10_000 - price: size for price, size in book["no"].items()}


changes = st.tuples(
    st.sampled_from(TICKERS), st.sampled_from(["yes", "no"]), st.sampled_from([1, 4000, 4850, 9999]),
    st.integers(-900, 900), st.sampled_from(["pass"] * 6 + ["drop", "twice", "late"]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(changes, max_size=60), st.booleans())
def test_after_any_loss_a_book_is_stale_or_true_and_recovers(
    steps: list[tuple[str, str, int, int, str]], yes_price: bool
) -> None:
    server, books = Server(yes_price), StreamBooks(yes_price)
    books.watch(TICKERS)
    for ticker in TICKERS:
        books.apply(decode_frame(server.snapshot(ticker)))
    late: list[bytes] = []
    lost = False
    reported = False

    def arrive(raw: bytes) -> None:
        nonlocal reported
        stale = books.apply(decode_frame(raw))
        if stale is not None and "missing" in stale.reason:
            reported = True

    for ticker, side, price, lots, fate in steps:
        raw = server.change(ticker, side, price, lots)
        if fate in {"drop", "late"}:
            lost = True
            late += [raw] if fate == "late" else []
            continue
        arrive(raw)
        if lost:
            assert reported, "every gap is reported at the next message"
            assert books.stale() == list(TICKERS)
        elif fate == "twice":
            before = books.duplicates
            arrive(raw)
            assert books.duplicates == before + 1
        while late:
            arrive(late.pop())  # too late to count
        if lost:
            for each in TICKERS:
                arrive(server.snapshot(each))
            lost = reported = False
        for each in TICKERS:
            assert (books[each].bids, books[each].asks) == server.truth(each)
            assert not books[each].stale
    arrive(server.change("A", "yes", 2, 100))
    for each in books.stale():
        arrive(server.snapshot(each))
    for each in TICKERS:
        assert (books[each].bids, books[each].asks) == server.truth(each) and not books[each].stale


def numbered(seq: int, kind: str, **body: Any) -> Any:
    return decode_frame(msgspec.json.encode({"type": kind, "sid": 1, "seq": seq, "msg": body}))


def test_answers_use_up_sequence_numbers_too() -> None:
    books = StreamBooks(use_yes_price=True)
    books.apply(numbered(1, "orderbook_snapshot", market_ticker="A"))
    assert books.apply(numbered(2, "ok", market_tickers=["A"])) is None
    assert books.apply(numbered(3, "error", code=18, msg="timed out")) is None
    assert books.apply(numbered(4, "of tomorrow")) is None
    assert not books["A"].stale
    assert isinstance(books.apply(numbered(6, "ok")), BookGap)
    assert books["A"].stale


def test_a_first_message_with_a_later_number_is_a_gap() -> None:
    books = StreamBooks(use_yes_price=True)
    books.watch(["A"])
    assert books.apply(numbered(2, "ok")) is not None
    assert books["A"].stale


def test_a_level_below_zero_breaks_its_book_only() -> None:
    books = StreamBooks(use_yes_price=True)
    for seq, ticker in enumerate("AB", 1):
        books.apply(numbered(seq, "orderbook_snapshot", market_ticker=ticker, yes_dollars_fp=[["0.4000", "1.00"]]))
    stale = books.apply(
        numbered(3, "orderbook_delta", market_ticker="A", price_dollars="0.4000", delta_fp="-1.01", side="yes")
    )
    assert stale is not None and stale.tickers == ("A",) and "below zero" in stale.reason
    assert books.stale() == ["A"]


def test_an_unknown_side_is_never_guessed() -> None:
    books = StreamBooks(use_yes_price=True)
    books.apply(numbered(1, "orderbook_snapshot", market_ticker="A"))
    stale = books.apply(
        numbered(2, "orderbook_delta", market_ticker="A", price_dollars="0.4000", delta_fp="1.00", side="maybe")
    )
    assert stale is not None and stale.tickers == ("A",)


def test_numbers_and_nulls_of_old_recordings_are_read() -> None:
    frame = decode_frame(
        b'{"type":"orderbook_delta","sid":1,"seq":2,"msg":'
        b'{"market_ticker":"A","price_dollars":0.57,"delta_fp":-3,"side":"yes","client_order_id":null}}'
    )
    assert isinstance(frame, Delta) and (frame.msg.price, frame.msg.delta) == ("0.57", "-3")
    snapshot = decode_frame(
        b'{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"A","yes_dollars_fp":[[0.57,3]],"no_dollars_fp":null}}'
    )
    assert isinstance(snapshot, Snapshot)
    books = StreamBooks(use_yes_price=False)
    books.apply(snapshot)
    books.apply(frame)
    assert not books["A"].bids and not books["A"].stale


@pytest.mark.parametrize("raw", [b"[]", b"1", b'{"type":"trade","msg":{}}', b"{", b"\xff"])
def test_what_cannot_be_read_is_an_error(raw: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode_frame(raw)


def test_unknown_types_pass() -> None:
    assert isinstance(decode_frame(b'{"type":"fresh"}'), Other)
