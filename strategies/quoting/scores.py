"""What a quote would earn of an incentive program, for use inside a quote."""

from __future__ import annotations

from typing import Any

from ...io.ground.jit import inlined


@inlined
def reward_rate(program: Any, side: int, price: float, size: float, own: float) -> float:
    """Return the dollars a second that an order would earn of a program: 1 for a bid, -1 for an ask.

    As long as nobody answers: rivals stand where they stand. A side that lacks its target earns nothing, unless the
    order completes it.

    Args:
        program: One of ``known.rewards``.
        side: 1 for a bid, -1 for an ask.
        price: Of the order, cents.
        size: Contracts.
        own: Contracts that rest on the side now, which the order replaces.

    Example:
        >>> from .known import NO_REWARD
        >>> pool = NO_REWARD._replace(pool=36.0, seconds=3600.0, left=60.0, target=100.0, discount=0.5)
        >>> told = pool._replace(bid_reference=45.0, bid_last=40.0, bid_rivals=300.0)
        >>> reward_rate(told, 1, 45.0, 100.0, 0.0)  # a quarter of a side, which is half of a cent a second
        0.00125
    """
    bids = side > 0
    reference, step, last, rivals, lacks, other = (
        (program.bid_reference, program.bid_step, program.bid_last, program.bid_rivals, program.bid_lacks,
         program.ask_lacks)
        if bids
        else (program.ask_reference, program.ask_step, program.ask_last, program.ask_rivals, program.ask_lacks,
              program.bid_lacks)
    )  # fmt: skip
    below = (reference - price) * side / step
    weight = program.discount**below
    weight = 1.0 if program.capped > 0.0 and weight > 1.0 else weight
    scores = size * weight
    stands = lacks + own <= size if lacks > 0.0 else (price - last) * side > -1e-9
    if not (program.pool > 0.0 and scores > 0.0 and stands and other <= 0.0):
        return 0.0
    return program.pool / (2.0 * program.seconds) * scores / (scores + rivals)
