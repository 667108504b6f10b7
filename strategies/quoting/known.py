"""What a quoting model is told when it decides. Prices are in cents, sizes in contracts, times in seconds."""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

CLOCK = 5.0  #: as a trigger: nothing happened, time went on


class Reward(NamedTuple):
    """An incentive program under way, as far as its score is known at a decision; ``pool`` is 0 where there is none."""

    pool: float  #: dollars that the period pays to all
    seconds: float  #: the period's
    left: float  #: seconds left of it
    target: float  #: contracts that must stand on each side
    discount: float  #: what a step below the reference leaves of a score
    capped: float  #: 1 if a bid better than the reference scores no more than one at it
    accrued: float  #: dollars earned so far, before the rules of payout
    bid_reference: float  #: price from which the score of bids falls; nan for no bids
    bid_step: float  #: cents a step there
    bid_last: float  #: lowest price that scores; nan for no bids
    bid_rivals: float  #: everybody else's score, in contracts at the reference
    bid_lacks: float  #: contracts that lack until the target stands; 0 once it does
    bid_share: float  #: own score of everybody's, 0 to 1
    ask_reference: float  #: the same of asks
    ask_step: float
    ask_last: float
    ask_rivals: float
    ask_lacks: float
    ask_share: float


#: What is told where there is no program.
NO_REWARD = Reward(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, nan, 1.0, nan, 0.0, 0.0, 0.0, nan, 1.0, nan, 0.0, 0.0, 0.0)


class Known(NamedTuple):
    """Everything known at the moment of a decision, and nothing later."""

    time: float  #: seconds since 1970 UTC
    bid: float  #: best bid
    ask: float  #: best ask
    bid_size: float  #: contracts at the best bid
    ask_size: float  #: contracts at the best ask
    mid: float
    microprice: float  #: (bid x ask size + ask x bid size) / (both sizes)
    variance: float  #: of the price, in cents squared, per the volatility setting of the run
    sigma: float  #: its square root
    tau: float  #: time left, per the horizon setting of the run
    underlying: float  #: last price of the underlying; nan if there is none
    position: float  #: contracts held, NO counts negative
    own_bid: float  #: own resting bid; nan if there is none
    own_ask: float  #: own resting ask; nan if there is none
    trigger: float  #: kind of the last event seen: 0 book, 1 trade, 2 underlying, 3 status, 4 gap, 5 clock
    signals: Any = ()  #: the model's signals by name, as of the last event seen
    # What follows is made for a model that reads it, and costs others nothing.
    bids: tuple[float, ...] = ()  #: prices of the best five bids, nan beyond
    bid_sizes: tuple[float, ...] = ()  #: contracts there
    asks: tuple[float, ...] = ()  #: prices of the best five asks, nan beyond
    ask_sizes: tuple[float, ...] = ()  #: contracts there
    last_trade_price: float = nan  #: nan before the first trade
    last_trade_size: float = nan  #: contracts
    last_trade_side: float = nan  #: 1 if the taker bought, -1 if it sold
    last_trade_age: float = nan  #: seconds since
    book_age: float = nan  #: seconds since the book last changed
    underlying_age: float = nan  #: seconds since the underlying's last price
    bid_ahead: Any = nan  #: contracts queued before the own bid; with levels a tuple, nearest first
    bid_behind: Any = nan  #: contracts queued behind it
    ask_ahead: Any = nan  #: the same of the own ask
    ask_behind: Any = nan
    fills: float = 0.0  #: own fills that are known of
    average_cost: float = nan  #: cents a contract of the position; nan for none
    realised: float = 0.0  #: dollars made by what was closed, before fees
    open_pnl: float = 0.0  #: dollars that the position is worth at the mid beyond its cost
    since_bid_fill: float = nan  #: seconds since a fill of a bid became known; nan before the first
    since_ask_fill: float = nan  #: the same of an ask
    rewards: tuple[Reward, Reward, Reward] = (NO_REWARD, NO_REWARD, NO_REWARD)  #: programs under way, as they began


#: How many of the above every model is told.
BASE = 16
