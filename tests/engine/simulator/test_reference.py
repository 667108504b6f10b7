"""The band model on the recorded days of 2023 against the runs that the recording's authors reported.

Their simulator keeps its own orders in the book it reads, and has four faults that change its results. Here it is in
plain Python, for tests only: with all four, money, positions and counts of fills are theirs; the tests say what each
fault by itself comes to.
"""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.store import Store
from touchline.strategies.models.cauchy_band import CauchyBand
from touchline.strategies.quoting.known import Known

from ...strategies.models.quotes import row

DAYS = {10: (4050.0, 1_681_156_800, 0), 13: (4100.0, 1_681_416_000, 100)}
BUY, SELL = 0, 1


@dataclass
class Own:
    """Our order on one side: its price in cents, what is left of it, and its place, 1 for the first."""

    price: float = 0
    left: int = 0
    place: int = 0


class Theirs:
    """Their order book, sides of price -> contracts with our orders among them, and the faults it is run with.

    - resent: an order that is sent again unchanged is added again, and the old one stays.
    - empty: an order for nothing leaves a level of nothing, which the next one that takes counts as a fill.
    - cancel: a cancel beside our order is cut by our order's size, and where that is larger the level grows.
    - gone: what we take never comes back.

    Besides, only a trade that fills our order brings it forward, and our orders may trade with each other.
    """

    FAULTS = ("resent", "empty", "cancel", "gone")

    def __init__(self, faults: Collection[str]) -> None:
        self.faults = faults
        self.book: list[dict[float, int]] = [{}, {}]
        self.own = [Own(), Own()]
        self.held = self.cash = self.maker = self.taker = 0

    def best(self, side: int) -> float:
        return max(self.book[BUY]) if side == BUY else min(self.book[SELL])

    def crosses(self, side: int, price: float) -> bool:
        if not self.book[1 - side]:
            return False
        return price >= self.best(SELL) if side == BUY else price <= self.best(BUY)

    def change(self, side: int, price: float, size: int) -> None:
        self.book[side][price] = self.book[side].get(price, 0) + size
        if self.book[side][price] == 0:
            del self.book[side][price]

    def fill(self, side: int, price: float, size: int) -> None:
        sign = 1 if side == BUY else -1
        self.held += sign * size
        self.cash -= sign * size * int(price)

    def cancel(self, side: int, price: int, size: int) -> None:
        if price not in self.book[side]:
            return
        own, there = self.own[side], self.book[side][price]
        ours = own.left if own.price == price else 0
        size = min(size, there) - ours if "cancel" in self.faults else min(size, there - ours)
        self.change(side, price, -size)

    def insert(self, side: int, price: float, size: int, ours: bool) -> None:
        """Let an order take what it reaches, and the rest of it wait."""
        other, own, left = 1 - side, self.own[side], size
        taken: list[tuple[float, int]] = []
        crossed = self.crosses(side, price)
        while left > 0 and self.crosses(side, price):
            at = self.best(other)
            done, mine = min(left, self.book[other][at]), self.own[other]
            if mine.price == at and mine.left:
                got = min(done - mine.place + 1, mine.left)
                if got > 0:
                    mine.left -= got
                    mine.place = max(1, mine.place - done)
                    self.fill(other, at, got)
                    self.maker += 1
            elif ours:
                self.fill(side, at, done)
                self.taker += 1
                taken.append((at, done))
            self.change(other, at, -done)
            left -= done
        if ours:
            waits = 1 if crossed else 1 + self.book[side].get(price, 0)
            own.left, own.place = (left, waits) if left or not crossed else (0, 0)
        if left > 0:
            self.change(side, price, left)
        elif not crossed and "empty" in self.faults:
            self.book[side].setdefault(price, 0)
        for at, done in taken if "gone" not in self.faults else []:
            self.change(other, at, done)

    def quote(self, side: int, price: float, size: int) -> None:
        """Send our order for a side."""
        own = self.own[side]
        if (price, size) == (own.price, own.left):
            if "resent" not in self.faults:
                return
        elif own.left:
            self.change(side, own.price, -own.left)
        self.own[side] = Own(price)
        if not math.isnan(price) and (size or "empty" in self.faults):
            self.insert(side, price, size, ours=True)


def their_run(path: Path, floor: float, close: int, faults: Collection[str]) -> Theirs:
    p = row(CauchyBand, floor=floor, cap=floor + 50.0)
    it, spot = Theirs(faults), math.nan
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
                int(float(event["Price"])) // 100,
                int(float(event["Volume"])),
            )
            if event["Operation"] == "Cancel":
                it.cancel(side, price, size)
            else:
                it.insert(side, price, size, ours=False)
            if i + 1 < len(times) and times[i + 1] == times[i]:
                continue
        if not (it.book[BUY] and it.book[SELL]):
            continue
        bid, ask = it.best(BUY), it.best(SELL)
        known = Known(
            times[i], bid, ask, 1.0, 1.0, (bid + ask) / 2, 0.0, 0.0, 0.0, close - times[i], spot, float(it.held),
            math.nan, math.nan, 2.0 if tick else 0.0,
        )  # fmt: skip
        low, high, bid_size, ask_size = CauchyBand.quote(known, p)
        it.quote(BUY, low, int(bid_size))
        it.quote(SELL, high, int(ask_size))
    return it


REPORTED = {10: (-40, -322, 0, 397), 13: (40, 1600, 17, 178)}
#: Position, cents, maker and taker fills where one of the faults is mended.
MENDED = {
    "resent": {10: (-6, -783, 49, 414), 13: (10, 340, 32, 193)},
    "empty": {10: (-40, -322, 0, 388), 13: (40, 1600, 17, 163)},
    "cancel": {10: (-40, -322, 0, 397), 13: (40, 1630, 17, 178)},
    "gone": {10: (-40, -237, 0, 401), 13: (40, 1648, 17, 179)},
}


@pytest.mark.slow
@pytest.mark.parametrize("day", [10, 13])
@pytest.mark.parametrize("mended", ["", *MENDED])
def test_their_faults_explain_the_reported_runs_to_the_cent(market_data: Path, day: int, mended: str):
    floor, close, pays = DAYS[day]
    path = market_data / "inx2023_l2" / f"apr-{day}-combined.csv.gz"
    made = their_run(path, floor, close, set(Theirs.FAULTS) - {mended})
    found = (made.held, made.cash + pays * made.held, made.maker, made.taker)
    assert found == MENDED.get(mended, REPORTED)[day]


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
