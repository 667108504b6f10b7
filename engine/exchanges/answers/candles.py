"""Candlesticks of recorded markets: best bid, best ask and trades by minute, hour or day."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from typing import Any, NamedTuple

from ....io.ground.units import NS_PER_SECOND, TICKS_PER_DOLLAR
from ....io.store.schema import BookKind, Side
from .. import wire
from ..market.history import TRADE, History, Row

PERIODS = (1, 60, 1440)


class Point(NamedTuple):
    """The best quotes after a row, and the trade if the row was one."""

    ts: int
    bid: int
    ask: int
    price: int = 0
    lots: int = 0


class Candles:
    """Candlesticks on demand; the quotes of recently asked markets are kept."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._points = lru_cache(maxsize=32)(self._read)

    def of(
        self, ticker: str, start: int, end: int, minutes: int, now: int, latest: bool = False
    ) -> list[dict[str, Any]]:
        """Candles whose inclusive end lies in start..end (Unix seconds); periods in which nothing moved have none."""
        length = minutes * 60 * NS_PER_SECOND
        points = self._points(ticker)
        interest = self._history.listings[self._history.index[ticker]].open_interest
        candles, before, price = [], Point(0, 0, TICKS_PER_DOLLAR), None
        for bucket, group in groupby(points, key=lambda point: -(-point.ts // length)):
            inside = [point for point in group if point.ts <= now]
            ends = bucket * length // NS_PER_SECOND
            if not inside or ends > end:
                break
            if ends >= start:
                if latest and not candles and before.ts:
                    candles.append(_candle(start, before, [before], price, interest))
                    latest = False
                candles.append(_candle(ends, before, inside, price, interest))
            before = inside[-1]
            price = next((point.price for point in reversed(inside) if point.lots), price)
        return candles

    def _read(self, ticker: str) -> list[Point]:
        history = self._history
        columns = [history.columns[name][history.of_market(ticker)].tolist() for name in Row._fields]
        sides: dict[int, dict[int, int]] = {Side.BID: {}, Side.ASK: {}}
        points: list[Point] = []
        bid, ask = 0, TICKS_PER_DOLLAR
        for row in map(Row, *columns):
            if row.kind == TRADE:
                points.append(Point(row.ts, bid, ask, row.price, row.size))
                continue
            if row.kind == BookKind.CLEAR:
                sides = {Side.BID: {}, Side.ASK: {}}
            elif row.kind in (BookKind.DELTA, BookKind.LEVEL):
                levels = sides[row.side]
                lots = row.size + (levels.get(row.price, 0) if row.kind == BookKind.DELTA else 0)
                if lots > 0:
                    levels[row.price] = lots
                else:
                    levels.pop(row.price, None)
            top = max(sides[Side.BID], default=0), min(sides[Side.ASK], default=TICKS_PER_DOLLAR)
            if top != (bid, ask):
                bid, ask = top
                points.append(Point(row.ts, bid, ask))
        return points


def _candle(ends: int, before: Point, inside: list[Point], previous: int | None, interest: int) -> dict[str, Any]:
    trades = [point for point in inside if point.lots]
    prices = [point.price for point in trades]
    volume = sum(point.lots for point in trades)
    candle: dict[str, Any] = {"end_period_ts": ends}
    for name, values in (
        ("yes_bid", [p.bid for p in (before, *inside)]),
        ("yes_ask", [p.ask for p in (before, *inside)]),
    ):
        candle[name] = {f"{key}_dollars": wire.price(value) for key, value in _range(values).items()}
    price: dict[str, str] = {}
    if prices:
        price = {f"{key}_dollars": wire.price(value) for key, value in _range(prices).items()}
        price["mean_dollars"] = wire.price(sum(p.price * p.lots for p in trades) // volume)
    if previous is not None:
        price["previous_dollars"] = wire.price(previous)
    return {**candle, "price": price, "volume_fp": wire.count(volume), "open_interest_fp": wire.count(interest)}


def _range(values: list[int]) -> dict[str, int]:
    return {"open": values[0], "low": min(values), "high": max(values), "close": values[-1]}


def historical(candle: dict[str, Any]) -> dict[str, Any]:
    """The same candle with the names that the historical endpoint uses.

    >>> historical({"volume_fp": "1.00", "price": {"open_dollars": "0.5000"}})
    {'volume': '1.00', 'price': {'open': '0.5000'}}
    """
    renamed: dict[str, Any] = {}
    for name, value in candle.items():
        short = name.removesuffix("_fp").removesuffix("_dollars")
        renamed[short] = historical(value) if isinstance(value, dict) else value
    return renamed
