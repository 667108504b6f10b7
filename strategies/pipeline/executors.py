"""Executors: how a chosen candidate is sized, entered and left."""

from __future__ import annotations

from typing import Any

from ..parameters import Parameter
from .pipeline import Executor, register

_YES_NO = ("yes", "no")


@register("taker")
class Taker(Executor):
    """Take what is offered, or join the queue with entry = maker; fees paid; leave by the first exit that is due."""

    PARAMETERS = (
        Parameter("capital", 10_000, low=0.01, high=5_000_000, doc="money at the start, dollars"),
        Parameter(
            "sizing",
            "kelly",
            kind="choice",
            choices=("kelly", "fixed-fraction", "fixed-size", "joint-kelly"),
            doc="joint-kelly stakes over the exclusive outcomes of an event, YES only",
        ),
        Parameter("kelly_fraction", 0.25, low=0, high=1, doc="share of the Kelly stake"),
        Parameter("fraction", 0.02, low=0, high=1, doc="share of equity, for fixed-fraction"),
        Parameter("contracts", 10, low=0, doc="contracts, for fixed-size"),
        Parameter("max_position", 100, low=0, high=1e9, doc="contracts in one market"),
        Parameter("max_position_pct", 0.25, low=0, high=1, doc="share of equity in one market"),
        Parameter("max_positions", 5, low=1, kind="int", doc="positions open at once"),
        Parameter("contract_step", 1, low=0.01, doc="sizes are multiples of this many contracts"),
        Parameter("min_price", 1, low=0, high=100, doc="cents, least cost of an entry"),
        Parameter("max_price", 99, low=0, high=100, doc="cents, highest cost of an entry"),
        Parameter(
            "entry",
            "taker",
            kind="choice",
            choices=("taker", "maker"),
            doc="maker: an order joins the best price of a recorded book and waits",
        ),
        Parameter(
            "maker_bars", 1, low=1, high=200, kind="int", doc="bars that a maker's order waits for its first fill"
        ),
        Parameter("queue", "power@3", kind="text", doc="queue model of maker's orders"),
        Parameter("delay_bars", 1, low=0, kind="int", doc="bars between what is known and what can be had"),
        Parameter("slippage", 0, low=0, high=100, doc="cents against us on every fill"),
        Parameter("trade_slippage", 1, low=0, high=100, doc="cents more where only trades are known"),
        Parameter("participation", 0.1, low=0, high=1, doc="share of a bar's volume, where no depth is known"),
        Parameter("fees", "yes", kind="choice", choices=_YES_NO, doc="fees of the day"),
        Parameter("membership", "direct", kind="choice", choices=("direct", "broker"), doc="whose fee rounding holds"),
        Parameter(
            "exit_basis",
            "return",
            kind="choice",
            choices=("return", "price"),
            doc="exits count return on cost, or dollars a contract",
        ),
        Parameter("take_profit", 0.20, low=0, doc="gain at which a position is left; 0: never"),
        Parameter("stop_loss", 0.15, low=0, doc="loss at which a position is left; 0: never"),
        Parameter("trailing_stop", 0, low=0, doc="fall from the best mark at which a position is left; 0: never"),
        Parameter("score_reversal", 0, low=0, high=1, doc="edge against a position at which it is left; 0: never"),
        Parameter("max_hold_hours", 72, low=0, doc="hours after which a position is left; 0: never"),
        Parameter("close_at_end", "no", kind="choice", choices=_YES_NO, doc="leave everything in the last bar"),
    )

    def rules(self) -> dict[str, Any]:
        """The values, by name."""
        return dict(self.values)
