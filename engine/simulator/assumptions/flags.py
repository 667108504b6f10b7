"""The switches of a kernel: what it must be able to do, one a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Flags:
    """What a specialised kernel can do; everything off is the fastest."""

    one: bool = False
    record: bool = False
    latency: bool = False
    risk: bool = False
    taker: bool = False
    fees: bool = False
    capital: bool = False
    drawn: bool = False
    reported: bool = False
    rewards: bool = False
    reaction: bool = False
    uniform: bool = True
    float_queue: bool = False
    still: bool = False
    quiet: bool = False
    prompted: bool = False
