"""Which markets pay most for resting orders: rewards a day and dollar locked up, less what fills lose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.grids import grid_levels
from ...io.ground.units import LOTS_PER_CONTRACT, MICROS_PER_DOLLAR, NS_PER_SECOND
from ...io.kalshi.client import Client
from ...io.kalshi.programs import fetch_programs
from ...io.kalshi.rest.market_data import BATCH
from ...io.kalshi.rest.models import MarketRecord, OrderBook
from ...io.kalshi.stream.stream import chunks
from ...io.store.store import Store
from ...strategies.models.behind_best import BehindBest
from ..rewards import BY_DAY
from ..rewards.exact import Distance, side_score
from ..rewards.programs import LIQUIDITY, Program, recorded
from ..rewards.rules import RewardRules, rules_at
from ..simulator.assumptions.venue import Assumptions
from ..simulator.replay import Replay, replay
from ..simulator.tape.source import compile_tape

DAY_S = 86_400
#: How long after a fill its loss is looked at.
AFTER = "markout_60s"
#: Contracts held at most while a scan replays, in sizes of an order.
HELD = 10
#: So many stored markets of a series say what fills lose.
NEWEST = 20


@dataclass(frozen=True)
class RewardCandidate:
    """What orders of one size and distance come to in a market. Money in dollars, sizes in contracts, loss in cents."""

    ticker: str
    programs: int  #: liquidity programs that were counted
    reward_day: float  #: dollars a day of such programs, before the rules of payout
    share: float  #: average share of a side
    filled_day: float  #: contracts a day
    loss: float  #: cents that a filled contract loses within a minute, below zero for a gain; or as stated
    locked: float  #: dollars that the orders lock up
    net_day: float  #: dollars a day after what fills lose

    @property
    def per_dollar(self) -> float:
        """Dollars a day of each dollar locked up, after what fills lose."""
        return self.net_day / self.locked if self.locked > 0 else 0.0


def scan_store(
    store: Store, series: Iterable[str], size: float, distance: float, *, rewards: str = "recorded",
    loss: float | None = None,
) -> list[RewardCandidate]:  # fmt: skip
    """Replay orders of a size and distance on the stored markets of some series, best a dollar first.

    Args:
        store: The store.
        series: Series whose markets are looked at.
        size: Contracts an order.
        distance: Cents behind the best price.
        rewards: ``recorded``, or programs to assume.
        loss: Cents that a filled contract loses; what its fills lost within a minute unless given.
    """
    made = _replayed(store, _with_books(store, series), size, distance, rewards)
    return _best([_of_replay(run, loss) for run in made if run.periods])


def stored_losses(store: Store, series: Iterable[str], size: float, distance: float) -> dict[str, float]:
    """Replay orders of a size and distance on the newest stored markets of each series, and return what fills lost.

    Cents a contract within a minute, by series; below zero for a gain. Programs play no part in it.
    """
    return {name: _stored_loss(store, name, size, distance) for name in series}


def _stored_loss(store: Store, series: str, size: float, distance: float) -> float:
    tickers = _with_books(store, [series])[-NEWEST:]
    fills = [run.fills for run in _replayed(store, tickers, size, distance, "none")]
    lots = sum(int(one["size"].sum()) for one in fills)
    if not lots:
        raise InputError(
            f"no order of {size:g} contracts {distance:g} cents behind filled in what {store.path} has of {series}: "
            "state with loss= what a filled contract loses, in cents"
        )
    return -sum(_marked(one) for one in fills) / lots / 100


def _with_books(store: Store, series: Iterable[str]) -> list[str]:
    named = store.tickers("book")
    tickers = [one for name in series for one in named if one.partition("-")[0] == name]
    if not tickers:
        raise InputError(f"{store.path} has no books of {', '.join(series)}; `engine data markets` lists what it has")
    return tickers


def _replayed(store: Store, tickers: Iterable[str], size: float, distance: float, rewards: str) -> Iterator[Replay]:
    assumed = Assumptions(rewards=rewards, fees="none", position_limit=min(HELD * size, 1e7))
    values = {"distance": distance, "size": size}
    return (replay(compile_tape(store, one), BehindBest, values, assumed) for one in tickers)


def _marked(fills: pl.DataFrame) -> float:
    """What fills had made within a minute, ticks times lots."""
    return float(np.dot(fills[AFTER].to_numpy(), fills["size"].to_numpy()))


def _best(found: Iterable[RewardCandidate]) -> list[RewardCandidate]:
    return sorted(found, key=lambda one: (-one.per_dollar, one.ticker))


def _of_replay(run: Replay, loss: float | None) -> RewardCandidate:
    """What a replay with programs says of a market, for a day like the time in which they ran."""
    periods, totals = run.periods or [], run.totals
    days = sum(_span(periods, run)) / NS_PER_SECOND / DAY_S or 1.0
    lots = totals.volume
    lost = loss if loss is not None else -_marked(run.fills) / lots / 100 if lots else 0.0
    two_sided = run.quotes.filter(pl.col("bid_size") > 0, pl.col("ask_size") > 0)
    bid, ask = (two_sided[name].to_numpy() for name in ("bid", "ask"))
    locked = float((bid - ask + 10_000).mean()) / 10_000 * run.values["size"] if two_sided.height else 0.0
    shares = [one[side] for one in periods for side in ("bid_share", "ask_share") if one[side] is not None]
    filled = lots / LOTS_PER_CONTRACT / days
    reward = (totals.rewards_earned or 0) / MICROS_PER_DOLLAR / days
    return RewardCandidate(
        run.tape.market.ticker, len(periods), reward, sum(shares) / len(shares) if shares else 0.0, filled, lost,
        locked, reward - filled * lost / 100,
    )  # fmt: skip


def _span(periods: Sequence[Mapping[str, int]], run: Replay) -> Iterator[int]:
    """Times of a tape in which a program ran, ns; overlapping ones once."""
    until, last = int(run.tape.columns.ts[0]), int(run.tape.columns.ts[-1])
    for one in sorted(periods, key=lambda row: row["start"]):
        start, end = max(one["start"], until), min(one["end"], last)
        if end > start:
            yield end - start
            until = end


def scan_live(
    client: Client, series: Sequence[str], size: float, distance: float, *, loss: float | Mapping[str, float],
) -> list[RewardCandidate]:  # fmt: skip
    """Look at the books of the open markets of some series that a program pays for now, best a dollar first.

    What fills is guessed from the day's volume: each side gets half of it, and the order its share of the best queue,
    at any distance. ``loss`` is in cents a filled contract, one for all or by series.
    """
    now = client.now()
    told = recorded(fetch_programs(client, ("active",), series).to_dicts())
    paying: dict[str, list[Program]] = {}
    for one in told:
        if one.kind == LIQUIDITY and one.target > 0 and one.start <= now < one.end:
            paying.setdefault(one.ticker, []).append(one)
    data, found = client.market_data, list[RewardCandidate]()
    for name in series:
        markets = {one.ticker: one for page in data.markets(series_ticker=name, status="open") for one in page}
        lost = loss[name] if isinstance(loss, Mapping) else loss
        for tickers in chunks(sorted({*markets} & {*paying}), BATCH):
            for book in data.orderbooks(tickers):
                row = candidate_of(markets[book.ticker], book, paying[book.ticker], size, distance, lost)
                found += [] if row is None else [row]
    return _best(found)


def candidate_of(
    market: MarketRecord, shown: OrderBook, programs: Sequence[Program], size: float, distance: float, loss: float
) -> RewardCandidate | None:
    """What orders would come to in a market as its book stands; None where a side is empty."""
    if shown.book is None or not (bids := shown.book.bids()) or not (asks := shown.book.asks()):
        return None
    lots, away = round(size * LOTS_PER_CONTRACT), round(distance * 100)
    sides = [dict(bids), {10_000 - price: there for price, there in asks.items()}]  # both as bids
    ticks = grid_levels(market.price_level_structure or "linear_cent").tolist()
    scales = [ticks[1:-1], sorted(10_000 - tick for tick in ticks[1:-1])]
    own = [
        max((price for price in scale if price <= max(side) - away), default=scale[0])
        for side, scale in zip(sides, scales, strict=True)
    ]
    earned, shares = 0.0, list[float]()
    for one in programs:
        rules = rules_at(one.start, BY_DAY)
        scores = [
            side_score(side, {price: lots}, one.target, one.discount, rules, _steps(ticks, rules, is_ask=bool(at)))
            for at, (side, price) in enumerate(zip(sides, own, strict=True))
        ]
        counted = [float(score.share) for score in scores if score is not None]
        if len(counted) == 2:
            shares += counted
            earned += sum(counted) / 2 * one.reward / MICROS_PER_DOLLAR / one.seconds * DAY_S
    queues = [lots / (lots + side[max(side)]) for side in sides]
    filled = (market.volume_24h or 0) / LOTS_PER_CONTRACT / 2 * sum(queues)
    locked = sum(own) / 10_000 * size
    average = sum(shares) / len(shares) if shares else 0.0
    return RewardCandidate(
        market.ticker, len(programs), earned, average, filled, loss, locked, earned - filled * loss / 100
    )  # fmt: skip


def _steps(ticks: list[int], rules: RewardRules, *, is_ask: bool) -> Distance:
    """Steps from a reference down to a price of a side's own scale."""
    level = {10_000 - tick if is_ask else tick: at for at, tick in enumerate(ticks)}

    def steps(reference: int, price: int) -> Fraction:
        if rules.unit == "ticks":
            return Fraction(abs(level[reference] - level[price]) * (1 if reference >= price else -1))
        return Fraction(reference - price, 100)

    return steps
