from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from touchline.io.kalshi.rest.errors import AuthError, StreamError
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.kalshi.stream import stream as stream_module
from touchline.io.kalshi.stream.frames import Ok
from touchline.io.kalshi.stream.stream import BOOK, LIFECYCLE, TRADES, Gap, Message, Stream


@pytest.fixture
def open_stream(pem: bytes, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(stream_module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(stream_module, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(stream_module, "_SNAPSHOT_SECONDS", 0.3)
    monkeypatch.setattr(stream_module, "_COMMAND_SECONDS", 0.5)
    opened: list[Stream] = []

    def make(venue: Any, **options: Any) -> Stream:
        settings = Settings("demo", "http://127.0.0.1:1/v2", venue.url, Signer("id", pem))
        opened.append(Stream(settings, options.pop("tickers", venue.tickers), **options))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def poll_until(stream: Stream, done: Callable[[], bool], seconds: float = 10.0) -> list[Message | Gap]:
    items: list[Message | Gap] = []
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "the stream did not get there"
        items += stream.poll(0.02)
    return items


def same_books(stream: Stream, venue: Any) -> bool:
    return all(
        not stream.books[ticker].stale
        and (stream.books[ticker].bids, stream.books[ticker].asks) == venue.true_book(ticker)
        for ticker in venue.tickers
    )


@pytest.mark.parametrize("use_yes_price", [True, False])
def test_books_follow_the_exchange_in_either_price_mode(venue: Any, open_stream: Any, use_yes_price: bool) -> None:
    stream = open_stream(venue, use_yes_price=use_yes_price)
    poll_until(stream, lambda: stream.ready)
    sent = [c["params"].get("use_yes_price") for c in venue.commands if BOOK in c["params"].get("channels", ())]
    assert sent == [use_yes_price], "the mode is always said"
    venue.change("A", "yes", 4100, 300)
    venue.change("A", "no", 5000, -700)
    venue.change("B", "no", 5200, 100)
    venue.trade("A", 1)
    items = poll_until(stream, lambda: same_books(stream, venue))
    assert not [item for item in items if isinstance(item, Gap)]
    book = stream.books["A"]
    assert (book.best_bid, book.best_ask, book.crossed) == (4100, None, False)
    assert stream.books["B"].best_ask == 4800


def test_a_sequence_gap_makes_every_book_of_the_subscription_stale_until_its_snapshot(
    venue: Any, open_stream: Any
) -> None:
    stream = open_stream(venue)
    poll_until(stream, lambda: stream.ready)
    venue.drop = 1.0
    venue.change("A", "yes", 4100, 300)
    venue.drop = 0.0
    venue.change("B", "yes", 4200, 100)
    items: list[Message | Gap] = []
    while not any(isinstance(item, Gap) for item in items):
        items += stream.poll(1)
    assert [(gap.channel, gap.tickers, gap.numbered) for gap in items if isinstance(gap, Gap)] == [
        (BOOK, ("A", "B", "C"), True)
    ]
    assert stream.books.stale() == ["A", "B", "C"]
    poll_until(stream, lambda: same_books(stream, venue))
    asked = [c for c in venue.commands if c["params"].get("action") == "get_snapshot"]
    assert {ticker for c in asked for ticker in c["params"]["market_tickers"]} == {"A", "B", "C"}


def test_a_lost_connection_is_a_hole_and_everything_is_subscribed_again(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue, channels=(BOOK, TRADES, LIFECYCLE))
    poll_until(stream, lambda: stream.ready)
    before = time.time_ns()
    venue.cut()
    venue.change("A", "yes", 4300, 100)
    items = poll_until(stream, lambda: stream.connections == 2 and stream.ready)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert {gap.channel: gap.tickers for gap in gaps} == {
        BOOK: ("A", "B", "C"), TRADES: ("A", "B", "C"), LIFECYCLE: ()
    }  # fmt: skip
    assert all(gap.start <= before and not gap.numbered for gap in gaps)
    assert same_books(stream, venue)


def test_markets_are_added_and_dropped_while_it_runs(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue, tickers=["A"])
    poll_until(stream, lambda: stream.ready)
    stream.want(["B", "C"])
    poll_until(stream, lambda: stream.ready)
    assert set(stream.books.books) == {"A", "B", "C"}
    stream.drop(["A"])
    poll_until(stream, lambda: stream.ready and any(
        c["params"].get("action") == "delete_markets" for c in venue.commands
    ))  # fmt: skip
    venue.change("A", "yes", 4300, 100)
    venue.change("B", "yes", 4300, 100)
    poll_until(stream, lambda: stream.books["B"].best_bid == 4300)
    assert set(stream.books.books) == {"B", "C"}


def test_without_markets_it_unsubscribes_as_some_channels_would_tell_everything(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue, tickers=["A"])
    poll_until(stream, lambda: stream.ready)
    stream.drop(["A"])
    poll_until(stream, lambda: not stream._commands and not venue._sids)
    assert [c["cmd"] for c in venue.commands] == ["subscribe", "unsubscribe", "unsubscribe"]
    stream.want(["B"])
    poll_until(stream, lambda: stream.ready)
    venue.change("B", "yes", 4300, 100)
    poll_until(stream, lambda: stream.books["B"].best_bid == 4300)
    assert stream.connections == 1


def test_the_list_of_subscriptions_comes_after_what_was_sent_before(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue)
    assert stream.ask_list() is None
    poll_until(stream, lambda: stream.ready)
    for count in range(300):
        venue.change("A", "yes", 4100, 100 * (count + 1))
    asked = stream.ask_list()
    items: list[Message | Gap] = []
    while not any(isinstance(item, Message) and item.frame.id == asked for item in items):
        items += stream.poll(1)
    answer = next(item.frame for item in items if isinstance(item, Message) and item.frame.id == asked)
    assert isinstance(answer, Ok) and {row["channel"] for row in answer.msg} == {BOOK, TRADES}
    assert same_books(stream, venue)


def test_a_subscription_the_exchange_ends_is_made_again(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue)
    poll_until(stream, lambda: stream.ready)
    sid = venue._sids.pop(BOOK)
    venue.say({"type": "error", "sid": sid, "msg": {"code": 25, "msg": "subscription buffer overflow"}})
    items = poll_until(stream, lambda: sum(c["cmd"] == "subscribe" for c in venue.commands) == 2 and stream.ready)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [(gap.channel, gap.tickers) for gap in gaps] == [(BOOK, ("A", "B", "C"))]
    assert "overflow" in gaps[0].reason
    assert same_books(stream, venue)


def test_hopeless_refusals_end_the_stream(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue)
    poll_until(stream, lambda: stream.ready)
    venue.say({"type": "error", "msg": {"code": 26, "msg": "too many markets"}})
    with pytest.raises(StreamError, match="too many markets"):
        poll_until(stream, lambda: False, 5)


def test_unknown_messages_pass_and_broken_ones_reconnect(venue: Any, open_stream: Any) -> None:
    stream = open_stream(venue)
    poll_until(stream, lambda: stream.ready)
    venue.say({"type": "of tomorrow", "sid": 9, "msg": {"x": [1]}})
    venue.say({"type": "orderbook_delta", "sid": 1, "seq": 99, "msg": {"market_ticker": 5}})
    items = poll_until(stream, lambda: stream.connections == 2 and stream.ready)
    assert any(isinstance(item, Gap) and "cannot be read" in item.reason for item in items)


def test_a_command_without_an_answer_is_sent_again(venue: Any, open_stream: Any) -> None:
    venue.mute = True
    stream = open_stream(venue)
    poll_until(stream, lambda: len(venue.commands) >= 1)
    venue.mute = False
    poll_until(stream, lambda: stream.ready)
    assert same_books(stream, venue)


def test_silence_is_noticed(venue: Any, open_stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_stream(venue)
    poll_until(stream, lambda: stream.ready)
    monkeypatch.setattr(stream_module, "_SILENCE_SECONDS", 0.05)
    heard = stream._socket.heard_at
    poll_until(stream, lambda: stream._socket.heard_at > heard, 5)  # the server answers our ping
    monkeypatch.setattr(type(stream._socket), "ping", lambda self: None)
    items = poll_until(stream, lambda: stream.connections == 2, 5)
    assert any(isinstance(item, Gap) and "nothing heard" in item.reason for item in items)


def test_a_wrong_key_is_not_tried_for_ever(pem: bytes, rest: Any) -> None:
    body = {"error": {"code": "authentication_error", "message": "m", "details": "INCORRECT_API_KEY_SIGNATURE"}}
    rest.answer = lambda request: (401, body)
    settings = Settings("demo", rest.url, rest.url.replace("http", "ws"), Signer("id", pem))
    with pytest.raises(AuthError, match="INCORRECT_API_KEY_SIGNATURE"):
        Stream(settings, ["A"]).poll(1)


@pytest.mark.parametrize("seed", range(6))
def test_books_recover_from_drops_duplicates_and_cuts(open_stream: Any, make_venue: Any, seed: int) -> None:
    chance = random.Random(seed)
    venue = make_venue([f"M{number}" for number in range(8)], chance, drop=0.05, dup=0.05)
    stream = open_stream(venue)
    items: list[Message | Gap] = []
    for _ in range(400):
        ticker, side = chance.choice(venue.tickers), chance.choice(["yes", "no"])
        levels = venue.books[ticker][side]
        price = chance.choice([3800, 3900, 4000])
        delta = chance.choice([100, 250, -levels.get(price, 0) or 300])
        venue.change(ticker, side, price, delta)
        if chance.random() < 0.01:
            venue.cut()
        if chance.random() < 0.2:
            items += stream.poll(0.005)
    venue.drop = venue.dup = 0.0
    items += poll_until(stream, lambda: stream.ready)
    for ticker in venue.tickers:  # what was dropped last shows at the next message
        venue.change(ticker, "yes", 1000, 100)
    items += poll_until(stream, lambda: stream.ready and same_books(stream, venue), 20)
    assert any(isinstance(item, Gap) for item in items)
