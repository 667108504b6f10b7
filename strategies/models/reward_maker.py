"""Rest where what an incentive program pays for the moment is worth more than the fills that it invites."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ...io.ground.jit import inlined
from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel
from ..quoting.scores import reward_rate


@inlined
def worth(known: Any, p: Any, side: int, price: float) -> float:
    """Dollars a second that an order at a price is worth: rewards of programs that may pay at all, less fills."""
    best = known.bid if side > 0 else known.ask
    own = 0.0 if math.isnan(known.own_bid if side > 0 else known.own_ask) else p.size
    earned = 0.0
    for program in known.rewards:
        here = reward_rate(program, side, price, p.size, own)
        both = reward_rate(program, 1, known.bid, p.size, own) + reward_rate(program, -1, known.ask, p.size, own)
        both = both if both > here else here
        earned += here if program.accrued + both * program.left >= p.least else 0.0
    fills = p.rate / 3600.0 * math.exp(-p.decay * (best - price) * side)
    return earned - fills * p.loss / 100.0


@inlined
def choice(known: Any, p: Any, side: int) -> float:
    """The price of a side that is worth most; nan where none is worth anything."""
    best, other = (known.bid, known.ask) if side > 0 else (known.ask, known.bid)
    step = known.rewards[0].bid_step if side > 0 else known.rewards[0].ask_step
    own = known.own_bid if side > 0 else known.own_ask
    price, most = math.nan, 0.0
    if not math.isnan(own):
        held = worth(known, p, side, own)
        if held > 0.0:
            price, most = own, held * (1.0 + p.still)
    for behind in range(-1, 9):
        there = best - behind * step * side
        inside = (other - there) * side > 1e-9 and 0.0 < there < 100.0
        value = worth(known, p, side, there) if inside and behind <= p.deep else 0.0
        if value > most:
            price, most = there, value
    return price


class RewardMaker(QuotingModel):
    """On each side, the price from one step in front of the best to ``deep`` behind it that is worth most.

    Worth is what the programs under way pay for the moment (``reward_rate``), less what fills lose: ``rate`` contracts
    an hour at the best price, fewer by exp(-``decay`` x cents) behind it, each ``loss`` cents. An order stays, with its
    place in the queue, until another price is worth more by the share ``still``. A program whose pay would stay below
    ``least`` dollars at the best prices until its end counts nothing. From ``most`` contracts held on, only what makes
    the position smaller is quoted; holding any, that side is quoted at the best price even where it earns nothing.
    """

    name = "reward-maker"
    parameters = (
        Parameter("size", 50.0, 0.01, 1e6, "contracts a quote"),
        Parameter("loss", 5.0, 0.0, 100.0, "cents that a filled contract loses"),
        Parameter("rate", 600.0, 0.0, 1e6, "contracts an hour that fill at the best price"),
        Parameter("decay", 0.4, 0.0, 50.0, "by what rate a cent behind the best price lowers that"),
        Parameter("deep", 8, 0, 8, "steps behind the best price at most", kind="int"),
        Parameter("still", 0.2, 0.0, 100.0, "how much more another price must be worth, as a share"),
        Parameter("least", 1.0, 0.0, 1e6, "dollars that a period must come to"),
        Parameter("most", 50.0, 0.0, 1e6, "contracts held from which only the side that lowers them is quoted"),
    )
    explain: ClassVar = {
        "bid": "bid that is worth most, cents", "ask": "ask that is worth most, cents",
        "bid_worth": "what the bid is worth, dollars an hour", "ask_worth": "what the ask is worth, dollars an hour",
    }  # fmt: skip
    grid: ClassVar = {"loss": (0.5, 16.0, 16), "size": (10.0, 300.0, 16)}

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        bid, ask = choice(known, p, 1), choice(known, p, -1)
        bid_worth, ask_worth = worth(known, p, 1, bid) * 3600.0, worth(known, p, -1, ask) * 3600.0
        held = known.position
        if not bid_worth > 0.0:
            bid = known.bid if held < 0.0 else math.nan
        if not ask_worth > 0.0:
            ask = known.ask if held > 0.0 else math.nan
        bid = math.nan if held > 0.0 and held >= p.most else bid
        ask = math.nan if held < 0.0 and held <= -p.most else ask
        return bid, ask, p.size, p.size
