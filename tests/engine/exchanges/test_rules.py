"""The small parts: rate limits, faults, hours, keys, decimal strings, what a recording becomes."""

from __future__ import annotations

import stat
import time
from collections import Counter
from datetime import UTC, datetime

import hypothesis.strategies as st
import polars as pl
import pytest
import requests
from hypothesis import given
from touchline.engine.exchanges import Exchange, Faults
from touchline.engine.exchanges.faults import Dice
from touchline.engine.exchanges.limits import TIERS, RateLimits, TokenBucket
from touchline.engine.exchanges.market.history import from_frames, shifted
from touchline.engine.exchanges.market.hours import next_pause
from touchline.engine.exchanges.market.order import VenueOrder
from touchline.engine.exchanges.market.portfolio import ShownPortfolio
from touchline.engine.exchanges.market.venue import TradingVenue
from touchline.engine.exchanges.network.auth import TrustedKeys
from touchline.engine.exchanges.wire import RefusalError, count, money, price, read_decimal
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.store.schema import Side

from .conftest import OPENING, SECOND, START, TICKER, Heard, book_rows, make_history, market_row, trade_rows


def test_bucket_refills_continuously_and_a_batch_fits_whole_or_not():
    now = 0.0
    limits = RateLimits(TIERS["basic"], lambda: now)
    order = ("POST", "/portfolio/events/orders")
    assert limits.admit(order[0], f"{order[1]}/batched", items=10)
    assert not limits.admit(*order)
    now = 0.1
    assert limits.admit(*order)
    assert not limits.admit("DELETE", "/portfolio/events/orders/{order_id}")
    now = 10.0
    assert not limits.admit(order[0], f"{order[1]}/batched", items=11), "more than the bucket holds"
    assert limits.admit("DELETE", f"{order[1]}/batched", items=50)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 40)), max_size=40))
def test_bucket_never_gives_more_than_rate_and_capacity_allow(steps):
    now, given_out = 0.0, 0
    bucket = TokenBucket(20, 30, lambda: now)
    for wait, tokens in steps:
        now += wait
        given_out += tokens if bucket.take(tokens) else 0
        assert given_out <= 30 + 20 * now + 1e-6


def test_both_shapes_of_429():
    for plain, body in [
        (1.0, {"error": "too many requests"}),
        (0.0, {"error": {"code": "too_many_requests", "message": "too many requests"}}),
    ]:
        with Exchange(make_history(), speed=0, faults=Faults(too_many=1, plain_429=plain)) as exchange:
            answer = requests.get(f"{exchange.rest}/markets", timeout=5)
            assert (answer.status_code, answer.json()) == (429, body)


def test_the_bucket_is_enforced_over_http():
    with Exchange(make_history(), speed=0) as exchange, requests.Session() as session:
        answers = Counter(session.get(f"{exchange.rest}/exchange/status", timeout=5).status_code for _ in range(80))
        assert answers[200] >= 40
        assert answers[429] > 0


def test_lost_ack_and_5xx_may_have_done_the_work():
    with Exchange(make_history(), speed=0, faults=Faults(lost_ack=1), tier="unlimited") as exchange:
        body = {
            "ticker": TICKER, "side": "bid", "price": "0.4600", "count": "1.00", "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross", "client_order_id": "lost",
        }  # fmt: skip
        path = "/trade-api/v2/portfolio/events/orders"
        signer = Signer(exchange.keys.key_id, exchange.keys.path.read_bytes())
        with pytest.raises(requests.ConnectionError):
            requests.post(
                exchange.rest + "/portfolio/events/orders", json=body, headers=signer.headers("POST", path), timeout=5
            )
        assert exchange.call(lambda: [order.client_id for order in exchange.desk.orders.values()]) == ["lost"]


def test_bodies_that_are_no_json_and_paths_that_are_not_there():
    with Exchange(make_history(), speed=0) as exchange:
        path = "/trade-api/v2/portfolio/events/orders"
        signer = Signer(exchange.keys.key_id, exchange.keys.path.read_bytes())
        url = exchange.rest + "/portfolio/events/orders"
        bad = requests.post(url, data="{", headers=signer.headers("POST", path), timeout=5)
        assert (bad.status_code, bad.json()["code"], set(bad.json())) == (
            400,
            "bad_request",
            {"code", "message", "details"},
        )
        assert requests.get(exchange.rest + "/nowhere", timeout=5).status_code == 404
        old = "/trade-api/v2/portfolio/orders"
        gone = requests.post(exchange.rest + "/portfolio/orders", headers=signer.headers("POST", old), timeout=5)
        assert (gone.status_code, gone.json()["error"]["code"]) == (410, "deprecated_v1_order_endpoint")


def test_faults_are_the_same_for_the_same_seed():
    draws = [[Dice(Faults(), seed).call(0.5) for _ in range(3)] for seed in (1, 1, 2)]
    assert draws[0] == draws[1]
    assert Dice(Faults(disconnect=5), 1).cuts(1000) == Dice(Faults(disconnect=5), 1).cuts(1000)
    assert len(Dice(Faults(disconnect=5), 1).cuts(1000)) == 5
    assert Dice(Faults(disconnect=0.5), 1).cuts(1000) == []
    with pytest.raises(InputError, match="fault drop must lie between 0 and 1"):
        Faults(drop=-1)


def test_reads_lag_behind_writes():
    now = 0.0
    portfolio = ShownPortfolio(0.3, lambda: now)
    order = VenueOrder("o", "c", "T", Side.BID, 4600, 100, 0, remaining=100)
    portfolio.put_order(order)
    order.status = "canceled"
    portfolio.put_order(order)
    assert portfolio.orders == {}
    now = 0.31
    assert portfolio.orders["o"].status == "canceled"


def test_weekly_pause_follows_new_york():
    for date, hour in [("2026-03-05", 8), ("2026-03-12", 7), ("2026-10-29", 7), ("2026-11-05", 8)]:
        ts = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * SECOND
        start, end = next_pause(ts)
        assert start == ts + hour * 3600 * SECOND
        assert end - start == 2 * 3600 * SECOND
        assert next_pause(end)[0] > end


def test_every_answer_tells_the_time_of_the_replay():
    with Exchange(make_history(), speed=0) as exchange, Client(Settings("demo", exchange.rest, exchange.ws)) as client:
        assert abs(client.now() - time.time_ns()) < SECOND
        exchange.advance(50)
        client.market_data.status()
        assert abs(client.now() - START - 50 * SECOND) < 5 * SECOND


def test_keys_are_made_once_and_only_for_their_owner(tmp_path):
    first = TrustedKeys(tmp_path / "keys")
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert TrustedKeys(tmp_path / "keys").key_id == first.key_id
    ed = TrustedKeys(tmp_path / "ed", kind="ed25519")
    with Exchange(make_history(), speed=0, keys=tmp_path / "ed") as exchange:
        signer = Signer(ed.key_id, ed.path.read_bytes())
        headers = signer.headers("GET", "/trade-api/v2/portfolio/balance")
        assert requests.get(exchange.rest + "/portfolio/balance", headers=headers, timeout=5).status_code == 200
        stale = {**headers, "KALSHI-ACCESS-TIMESTAMP": str(int(time.time() * 1000) + 1)}
        assert requests.get(exchange.rest + "/portfolio/balance", headers=stale, timeout=5).status_code == 401
    with pytest.raises(InputError, match="cannot make a key pair"):
        TrustedKeys(tmp_path / "keys" / "key-id" / "below a file")
    (tmp_path / "keys" / "private.pem").write_text("nonsense")
    with pytest.raises(InputError, match="does not hold a readable"):
        TrustedKeys(tmp_path / "keys")


@given(st.integers(0, 10_000), st.integers(0, 10**9))
def test_decimal_strings_round_trip(ticks, lots):
    assert read_decimal({"price": price(ticks)}, "price", 10_000) == ticks
    assert read_decimal({"count": count(lots)}, "count", 100) == lots
    assert float(money(-lots)) == pytest.approx(-lots / 1e6)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "nan", "0x1", "1.", ".5", "1,0", "٣", "9" * 20])
def test_decimal_strings_refuse_everything_else(text):
    with pytest.raises(RefusalError):
        read_decimal({"price": text}, "price", 10_000)


def test_a_recording_without_market_rows_still_replays():
    history = from_frames(market_row().clear(), book_rows(OPENING), trade_rows([(5, 4600, 100, 1)]))
    (listing,) = history.listings
    assert (listing.series, listing.event) == ("KXTEST", "KXTEST-26SEP21")
    assert (listing.open_ts, listing.close_ts) == (START, START + 6 * SECOND)
    assert [row.kind for row in history.rows()] == [2, 1, 1, 1, 1, 9]


@pytest.mark.parametrize("since", [-10, 0])
def test_a_pause_that_stands_when_the_recording_begins_counts(since):
    rows = [
        market_row(valid_from=0),
        market_row(valid_from=START - 20 * SECOND, status="active"),
        market_row(valid_from=START + since * SECOND, status="inactive"),
        market_row(valid_from=START + 20 * SECOND, status="active"),
    ]
    history = from_frames(pl.concat(rows), book_rows(OPENING), trade_rows([]))
    venue = TradingVenue(history, Heard(), ShownPortfolio(), cash=0)
    assert venue.markets[TICKER].status == "inactive"
    venue.advance(START + 30 * SECOND)
    assert venue.markets[TICKER].status == "active"


def test_status_rows_pause_and_reopen_a_market():
    rows = [market_row(valid_from=0), market_row(valid_from=START + 10 * SECOND, status="inactive")]
    rows.append(market_row(valid_from=START + 20 * SECOND, status="active"))
    history = from_frames(pl.concat(rows), book_rows(OPENING), trade_rows([]))
    assert history.listings[0].phases == ((START + 10 * SECOND, "inactive"), (START + 20 * SECOND, "active"))


def test_a_shifted_recording_is_the_same_at_another_time():
    rows = [
        market_row(valid_from=0, result="yes", settlement=10_000, settled_ts=START + 1100 * SECOND, fee_type="flat")
    ]
    rows.append(market_row(valid_from=START + 10 * SECOND, status="inactive", fee_type="quadratic"))
    history = from_frames(pl.concat(rows, how="diagonal"), book_rows(OPENING), trade_rows([(5, 4600, 100, 1)]))
    by = 77 * SECOND + 3
    moved = shifted(history, by)
    back = shifted(moved, -by)
    assert list(moved.rows()) == [row._replace(ts=row.ts + by) for row in history.rows()]
    assert (back.listings, list(back.rows())) == (history.listings, list(history.rows()))
    assert back.trades.equals(history.trades)
    (before,), (after,) = history.listings, moved.listings
    for name in ("open_ts", "close_ts", "expiration_ts", "determined_ts", "settled_ts"):
        assert getattr(after, name) == getattr(before, name) + by, name
    assert after.phases == ((START + 10 * SECOND + by, "inactive"),)
    assert [change.from_ts - by for change in after.fees.changes] == [c.from_ts for c in before.fees.changes]


def test_bots_on_the_wall_clock_work_with_a_shifted_replay():
    with Exchange(make_history(trades=[(0.1, 4600, 100, 1)]), shift="now", tier="unlimited") as exchange:
        settings = Settings.from_env(exchange.environment, dotenv=None)
        with Client(settings) as client:
            (market,) = (row for page in client.market_data.markets() for row in page)
            now = time.time()
            assert abs(exchange.now() / 1e9 - now) < 2
            body = {
                "ticker": TICKER, "side": "bid", "price": "0.4500", "count": "1.00", "expiration_time": int(now) + 60,
                "time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker",
            }  # fmt: skip
            assert exchange.call(lambda: exchange.desk.create(body))["remaining_count"] == "1.00"
            time.sleep(0.3)
            found = requests.get(f"{exchange.rest}/markets/trades?min_ts={int(now) - 5}", timeout=5).json()["trades"]
        assert len(found) == 1
        close = datetime.fromisoformat(
            requests.get(f"{exchange.rest}/markets", timeout=5).json()["markets"][0]["close_time"]
        )
        assert abs(close.timestamp() - now - 1000) < 5
        assert market.ticker == TICKER
