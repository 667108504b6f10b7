"""The band model on the recorded days of 2023 against the runs that the recording's authors reported.

Their simulator puts its own orders into the book; one that is sent again unchanged is added again and the old one
stays, and what it takes never comes back. Here are those two faults in plain Python, for tests only. With them, and
with the opening book quoted once it is whole, the first day's money is theirs to the cent; of what remains, the
tests say how much.
"""

from __future__ import annotations

import csv
import gzip
import math
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape_source import compile_tape
from touchline.engine.simulator.venue import Assumptions
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store import Store
from touchline.strategies.cauchy_band import CauchyBand
from touchline.strategies.known import Known

from ..strategies.models import row

DAYS = {10: (4050.0, 1_681_156_800, 0), 13: (4100.0, 1_681_416_000, 100)}
BUY, SELL = 0, 1


class Faulty:
    """Their order book: sides of price -> contracts, our orders among them."""

    def __init__(self) -> None:
        self.book: list[dict[int, int]] = [{}, {}]
        self.own: list[list[int] | None] = [None, None]  # price, contracts, queue ahead
        self.held = self.cash = self.maker = self.taker = 0

    def add(self, side: int, price: int, size: int) -> None:
        rest = self.book[side].get(price, 0) + size
        self.book[side][price] = rest
        if rest <= 0:
            del self.book[side][price]

    def reached(self, side: int, price: int) -> list[int]:
        """Levels that an order of ``side`` at ``price`` takes from, best first."""
        if side == BUY:
            return [level for level in sorted(self.book[SELL]) if level <= price]
        return [level for level in sorted(self.book[BUY], reverse=True) if level >= price]

    def book_fill(self, side: int, price: int, size: int) -> None:
        sign = 1 if side == BUY else -1
        self.held += sign * size
        self.cash -= sign * size * price

    def recorded(self, side: int, price: int, size: int) -> None:
        """An order of the recording comes in."""
        for level in self.reached(side, price):
            if size == 0:
                break
            done = min(size, self.book[1 - side][level])
            own = self.own[1 - side]
            if own and own[0] == level:
                beyond, own[2] = done - own[2], max(0, own[2] - done)
                if beyond > 0:
                    mine = min(own[1], beyond)
                    own[1] -= mine
                    self.maker += 1
                    self.book_fill(1 - side, level, mine)
                    self.own[1 - side] = own if own[1] else None
            self.add(1 - side, level, -done)
            size -= done
        if size:
            self.add(side, price, size)

    def quote(self, side: int, price: float, size: float) -> None:
        own = self.own[side]
        if own and (math.isnan(price) or size <= 0 or own[:2] != [price, size]):
            self.add(side, own[0], -own[1])  # an unchanged one stays in the book: the first fault
        self.own[side] = None
        if math.isnan(price) or size <= 0:
            return
        left = int(size)
        for level in self.reached(side, int(price)):
            if left == 0:
                break
            done = min(left, self.book[1 - side][level])
            left -= done
            self.taker += 1
            self.book_fill(side, level, done)
            self.add(1 - side, level, -done)  # and never comes back: the second fault
            other = self.own[1 - side]
            if other and other[0] == level and level not in self.book[1 - side]:
                self.own[1 - side] = None
        if left:
            self.own[side] = [int(price), left, self.book[side].get(int(price), 0)]
            self.add(side, int(price), left)


def faulty_run(path: Path, floor: float, close: int) -> Faulty:
    p = row(CauchyBand, floor=floor, cap=floor + 50.0)
    it, spot = Faulty(), math.nan
    with gzip.open(path, "rt") as file:
        events = list(csv.DictReader(file))
    times = [datetime.fromisoformat(event["Time"]).timestamp() for event in events]
    for i, event in enumerate(events):
        tick = event["Instrument"] == "0"
        if tick:
            spot = float(event["Price"])
        else:
            side, price, size = (
                "BA".index(event["Side"]),
                round(float(event["Price"]) / 100),
                int(float(event["Volume"])),
            )
            if event["Operation"] == "Cancel":
                it.add(side, price, -min(size, it.book[side].get(price, 0))) if price in it.book[side] else None
            else:
                it.recorded(side, price, size)
            if i + 1 < len(times) and times[i + 1] == times[i]:
                continue
        if not (it.book[BUY] and it.book[SELL]) or math.isnan(spot):
            continue
        bid, ask = max(it.book[BUY]), min(it.book[SELL])
        known = Known(
            times[i], bid, ask, 1.0, 1.0, (bid + ask) / 2, 0.0, 0.0, 0.0, close - times[i], spot, float(it.held),
            math.nan, math.nan, 2.0 if tick else 0.0,
        )  # fmt: skip
        low, high, bid_size, ask_size = CauchyBand.quote(known, p)
        it.quote(BUY, low, bid_size)
        it.quote(SELL, high, ask_size)
    return it


@pytest.mark.slow
@pytest.mark.parametrize(
    ("day", "position", "cents", "maker", "taker"), [(10, -40, -322, 0, 388), (13, 40, 1630, 17, 163)]
)
def test_the_two_faults_explain_the_reported_runs(market_data: Path, day, position, cents, maker, taker):
    """Reported: -40, -$3.22, 0 maker and 397 taker fills; +40, $16.00, 17 and 178.

    Positions, maker fills and the first day's money are theirs. Not found: 9 and 15 more taker fills, which cost
    nothing on the first day and 30 cents on the second. Nearly all taker fills are trades with orders of its own that
    the first fault left behind, so these counts hang on how that book kept them, which is not described.
    """
    floor, close, pays = DAYS[day]
    made = faulty_run(market_data / "inx2023_l2" / f"apr-{day}-combined.csv.gz", floor, close)
    assert (made.held, made.cash + pays * made.held, made.maker, made.taker) == (position, cents, maker, taker)


@pytest.mark.slow
@pytest.mark.parametrize(("day", "position", "cents"), [(10, -800, -1023), (13, -100, 394)])
def test_without_the_faults_the_model_ends_elsewhere(market_data: Path, tmp_path: Path, day, position, cents):
    """The same model and rules through the engine: what was reported comes from trades of that bot with itself."""
    store, options = Store(tmp_path / "store"), Options()
    for one in plan([market_data / "inx2023_l2" / f"apr-{day}-combined.csv.gz"], options)[0]:
        import_file(store, one, options)
    tape = compile_tape(store, store.tickers("book")[0], underlying="SPX", keep=False)
    floor, close, pays = DAYS[day]
    tape = replace(tape, market=replace(tape.market, close_ts=close * 10**9, settlement=100 * pays))
    assumed = Assumptions(
        queue="pessimistic@1", post_only=False, requote_ms=0, horizon="to-close", fees="none", position_limit=40,
        volatility="constant",
    )  # fmt: skip
    made = replay(tape, CauchyBand, {"floor": floor, "cap": floor + 50.0}, assumed).totals
    assert (made.position, made.pnl) == (position, cents * 10_000)
    assert made.pnl == made.spread_capture + made.drift + made.settlement + made.rebates - made.fees
