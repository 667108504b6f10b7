"""Messages of the stream become the events that a tape of the same rows has, without our own orders among them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from touchline.engine.live.feed import StreamFeed
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.events import GAP, KIND, MOMENT, STATUS
from touchline.engine.simulator.tape.rebuild import PRINT
from touchline.engine.simulator.tape.tape import TapeMarket, TapeRows, build
from touchline.io.kalshi.rest.wire import write_count, write_price
from touchline.io.kalshi.stream.frames import decode_frame
from touchline.io.kalshi.stream.stream import BOOK, TRADES, Gap
from touchline.io.store.schema import BookKind, Side

from ..exchanges.conftest import START, random_day

TICKER = "KXTEST-26SEP21-B0"
MS = 1_000_000


class Wire:
    """Writes messages as the exchange does, numbered."""

    def __init__(self, ticker: str = TICKER) -> None:
        self.ticker, self.seq = ticker, itertools.count(1)

    def frame(self, kind: str, body: dict[str, Any], sid: int = 1) -> Any:
        import json

        message = {"type": kind, "sid": sid, "seq": next(self.seq), "msg": {"market_ticker": self.ticker, **body}}
        return decode_frame(json.dumps(message))

    def snapshot(self, levels: dict[tuple[int, int], int]) -> Any:
        sides = {1: "yes_dollars_fp", -1: "no_dollars_fp"}
        body: dict[str, Any] = {}
        for (side, price), lots in sorted(levels.items()):
            body.setdefault(sides[side], []).append([write_price(price), write_count(lots)])
        return self.frame("orderbook_snapshot", body)

    def delta(self, ts: int, side: int, price: int, lots: int, **more: Any) -> Any:
        body = {"price_dollars": write_price(price), "delta_fp": write_count(lots), "ts_ms": ts // MS}
        return self.frame("orderbook_delta", body | {"side": "yes" if side > 0 else "no"} | more)

    def trade(self, ts: int, price: int, lots: int, taker: int, **more: Any) -> Any:
        body = {"trade_id": f"t{ts}{price}", "yes_price_dollars": write_price(price), "count_fp": write_count(lots)}
        sides = {1: "bid", -1: "ask", 0: None}
        return self.frame("trade", body | {"taker_book_side": sides[taker], "ts_ms": ts // MS} | more, sid=2)


@pytest.fixture
def market() -> TapeMarket:
    return TapeMarket(TICKER, "KXTEST", close_ts=START + 10**15)


def joined(batches: list[Columns]) -> Columns:
    return Columns(*(np.concatenate(columns) for columns in zip(*batches, strict=True)))


@pytest.mark.parametrize("seed", range(4))
def test_batches_of_whole_moments_give_the_events_of_the_tape(market: TapeMarket, seed: int) -> None:
    """All but what a tape knows later: which decrease was a trade that comes in another moment."""
    history = random_day(seed, tickers=1, rows=200)
    rows = [row for row in history.rows() if row.kind != 9 or not history.is_block(row.extra)]
    wire, now = Wire(), [0]
    feed = StreamFeed(market, lambda: now[0])
    batches, at = [], 0
    while at < len(rows):
        row, now[0] = rows[at], rows[at].ts
        if row.kind == BookKind.CLEAR:
            follow = list(itertools.takewhile(lambda r: r.kind == BookKind.LEVEL, rows[at + 1 :]))
            feed.take(wire.snapshot({(r.side, r.price): r.size for r in follow}))
            at += len(follow)
        elif row.kind == BookKind.DELTA:
            feed.take(wire.delta(row.ts, row.side, row.price, row.size))
        else:
            feed.take(wire.trade(row.ts, row.price, row.size, row.side))
        at += 1
        if at == len(rows) or rows[at].ts != row.ts:
            batches.append(feed.events())
    merged = np.array([(r.ts, PRINT if r.kind == 9 else r.kind, r.side, r.price, r.size) for r in rows])
    kinds = (np.int64, np.uint8, np.int8, np.int32, np.int64)
    tape = build(market, TapeRows(*(merged[:, k].astype(kind) for k, kind in enumerate(kinds))), np.zeros(0))
    found = joined(batches)
    for name in ("ts", "side", "level", "size", "best_bid", "best_ask"):
        assert np.array_equal(getattr(found, name), getattr(tape.columns, name)), name
    flags = KIND | MOMENT
    assert np.array_equal(found.kind & flags, tape.columns.kind & flags)
    assert len(found.ts) > 150


def test_own_orders_are_not_part_of_the_book(market: TapeMarket) -> None:
    wire, own = Wire(), [(Side.BID, 4_600, 100)]
    feed = StreamFeed(market, lambda: START, sides={"mine": Side.BID}, resting=lambda: own)
    feed.take(wire.snapshot({(1, 4_600): 100, (1, 4_500): 300, (-1, 4_800): 200}))
    assert feed.events().size.tolist() == [300, 200]  # our 46 is not there
    feed.take(wire.delta(START + MS, 1, 4_600, 50, client_order_id="mine"))
    feed.take(wire.delta(START + MS, 1, 4_600, 70, client_order_id="of another program"))
    assert not len(feed.events().ts)
    feed.take(wire.delta(START + 2 * MS, -1, 4_800, -200, client_order_id="mine"))  # what ours took is gone for all
    taken = feed.events()
    assert (taken.size.tolist(), int(taken.best_ask[0])) == ([0], 100)


def test_messages_that_came_before_or_are_of_others_change_nothing(market: TapeMarket) -> None:
    wire = Wire()
    feed = StreamFeed(market, lambda: START)
    feed.take(wire.snapshot({(1, 4_500): 300}))
    change = wire.delta(START + MS, 1, 4_500, 100)
    for _ in range(3):
        feed.take(change)
    feed.take(Wire("ANOTHER").snapshot({}))
    feed.take(wire.trade(START + MS, 4_500, 100, -1, is_block_trade=True))
    assert feed.events().size.tolist() == [300, 400]


def test_a_hole_makes_the_book_unknown_until_its_snapshot(market: TapeMarket) -> None:
    wire = Wire()
    feed = StreamFeed(market, lambda: START + MS)
    feed.take(wire.snapshot({(1, 4_500): 300, (-1, 4_800): 100}))
    feed.events()
    feed.take(Gap(TRADES, (TICKER,), START, "cut"))
    assert not len(feed.events().ts)
    feed.take(Gap(BOOK, (TICKER,), START, "cut"))
    lost = feed.events()
    assert ((lost.kind & KIND).tolist(), lost.best_bid.tolist()) == ([GAP], [0])
    wire.seq = itertools.count(1)  # a new connection counts anew
    feed.take(wire.delta(START + 2 * MS, 1, 4_500, 50))
    assert not len(feed.events().ts)
    feed.take(wire.snapshot({}))
    assert not len(feed.events().ts)
    feed.take(wire.delta(START + 3 * MS, 1, 4_400, 50))  # the empty book is known
    assert feed.events().size.tolist() == [50]


def test_channels_that_overtake_each_other_never_turn_time_back(market: TapeMarket) -> None:
    wire = Wire()
    feed = StreamFeed(market, lambda: START)
    feed.take(wire.snapshot({(1, 4_500): 300}))
    feed.take(wire.delta(START + 5 * MS, 1, 4_500, -100))
    feed.take(wire.trade(START + 3 * MS, 4_500, 100, -1))
    events = feed.events()
    assert events.ts.tolist() == [START, START + 5 * MS, START + 5 * MS]
    assert events.aux.tolist() == [0, 100, 0]  # the trade explains the decrease


def test_a_market_pauses_by_message_and_closes_by_the_clock(market: TapeMarket) -> None:
    now = [START]
    wire, feed = Wire(), StreamFeed(market, lambda: now[0])
    feed.take(wire.snapshot({(1, 4_500): 300}))
    feed.events()
    for word, opened in (("deactivated", 0), ("activated", 1), ("metadata_updated", None)):
        feed.take(wire.frame("market_lifecycle_v2", {"event_type": word}, sid=3))
        events = feed.events()
        assert (events.kind & KIND).tolist() == [STATUS] * (opened is not None)
        assert events.side.tolist() == ([] if opened is None else [opened])
    close = START // 10**9 + 60
    feed.take(wire.frame("market_lifecycle_v2", {"event_type": "close_date_updated", "close_ts": close}, sid=3))
    assert not len(feed.events().ts)
    now[0] = close * 10**9 + 5
    events = feed.events()
    assert (events.ts.tolist(), events.side.tolist()) == ([close * 10**9], [0])
    assert not len(feed.events().ts)


def test_a_close_ends_nothing_that_has_not_begun(market: TapeMarket) -> None:
    assert market.close_ts is not None
    late = market.close_ts + MS
    wire, feed = Wire(), StreamFeed(market, lambda: late)
    assert len(feed.events().ts) == 0
    feed.take(wire.trade(START, 4700, 100, 1))
    assert feed.events().ts.tolist() == [START, market.close_ts]


def test_a_moved_close_is_told_once_and_from_when_it_came(market: TapeMarket) -> None:
    wire, now = Wire(), [START]
    feed = StreamFeed(market, lambda: now[0])
    feed.take(wire.snapshot({(1, 4_500): 300}))
    feed.take(wire.delta(START + 9 * MS, 1, 4_500, 100))
    for clock, seconds in ((START + 4 * MS, 60), (START + 12 * MS, 30)):
        now[0] = clock
        close = START // 10**9 + seconds
        feed.take(wire.frame("market_lifecycle_v2", {"event_type": "close_date_updated", "close_ts": close}, sid=3))
    ends = [START // 10**9 * 10**9 + seconds * 10**9 for seconds in (60, 30)]
    assert feed.moved_closes() == [(START + 9 * MS, ends[0]), (START + 12 * MS, ends[1])]  # time never goes back
    assert feed.moved_closes() == []
    assert feed.market.close_ts == ends[1]


def test_sides_that_are_filled_later_are_looked_at(market: TapeMarket) -> None:
    """A trader hands its sides over before it has any order."""
    sides: dict[str, Side] = {}
    wire = Wire()
    feed = StreamFeed(market, lambda: START, sides=sides)
    feed.take(wire.snapshot({(1, 4000): 100, (-1, 5000): 100}))
    sides["mine"] = Side.BID
    feed.take(wire.delta(START + MS, -1, 5000, -100, client_order_id="mine"))  # our bid took it
    events = feed.events()
    assert events.size.tolist()[-1] == 0 and events.best_ask.tolist()[-1] == 100


def test_what_is_told_beside_the_messages_is_after_no_event_that_waits_and_before_all_that_come(
    market: TapeMarket,
) -> None:
    wire, now = Wire(), [START + 9 * MS]
    feed = StreamFeed(market, lambda: now[0])
    feed.take(wire.snapshot({(1, 4_500): 100, (-1, 5_500): 100}))
    assert feed.until(START + 20 * MS) == START + 9 * MS  # the snapshot's time
    feed.events()
    now[0] = START + 30 * MS
    assert (feed.until(START + 20 * MS), feed.until()) == (START + 20 * MS, START + 30 * MS)
    feed.take(wire.delta(START + 25 * MS, 1, 4_500, 100))
    assert feed.events().ts.tolist() == [START + 30 * MS]


@pytest.mark.parametrize("seed", range(3))
def test_changes_trades_and_prices_in_a_known_book_give_the_events_of_a_tape_without_one(
    market: TapeMarket, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session decides in time: a tape for every moment of a few messages took longer than the decision."""
    chance, wire, now = np.random.default_rng(seed), Wire(), [START]
    quick, slow = (StreamFeed(market, lambda: now[0]) for _ in range(2))
    levels = {(side, 5000 - side * 100 * step): 300 for side in (1, -1) for step in range(1, 6)}
    snapshot = wire.snapshot(levels)
    for feed in (quick, slow):
        feed.take(snapshot)
        feed.events()
    vars(slow)["_along"] = lambda rows: None
    taped = build
    for _ in range(60):
        now[0] += int(chance.integers(0, 3)) * 200 * MS
        told, priced = list[Any](), chance.random() < 0.5
        for _ in range(int(chance.integers(1, 6))):
            (side, price), lots = list(levels.items())[chance.integers(len(levels))]
            if chance.random() < 0.4:  # of what stands, taken from the other side
                told.append(wire.trade(now[0], price, int(chance.integers(1, 200)), -side))
            else:
                change = int(chance.integers(-lots, 200))
                levels[side, price] += change
                told.append(wire.delta(now[0], side, price, change))
        for feed in (quick, slow):
            for one in told:
                feed.take(one)
            if priced:
                feed.tick(now[0], 0.5)
        monkeypatch.setattr("touchline.engine.live.feed.build", _no_tape)
        events = quick.events()
        monkeypatch.setattr("touchline.engine.live.feed.build", taped)
        for ours, theirs in zip(events, slow.events(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(quick.values(), slow.values())


def _no_tape(*_: Any, **__: Any) -> Any:
    raise AssertionError("a tape was built")
