"""What resting orders earn on a tape, in plain Python and fractions: the book of every snapshot, walked as written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl
from touchline.engine.rewards.exact import side_score
from touchline.engine.rewards.programs import Program
from touchline.engine.rewards.rules import RewardRules
from touchline.engine.simulator.replay import Replay
from touchline.engine.simulator.tape.events import BOOK, GAP, KIND, STATUS
from touchline.engine.simulator.tape.tape import Tape, open_at_start


@dataclass
class Plain:
    """What one program comes to."""

    bid: Fraction = Fraction(0)
    ask: Fraction = Fraction(0)
    included: int = 0


def own_at(made: Replay, ts: int) -> tuple[dict[int, int], dict[int, int]]:
    """Own lots by YES price of bids and asks: what was last written down before a moment.

    With a delay, what filled since is not seen there.
    """
    before = made.quotes.filter(pl.col("ts") < ts)
    own: tuple[dict[int, int], dict[int, int]] = ({}, {})
    if not before.height:
        return own
    row = before.row(-1, named=True)
    for side, word in enumerate(("bid", "ask")):
        for name in (word, *(f"{word}_{level}" for level in range(2, 6))):
            if row.get(name) is not None and row[f"{name}_size"] > 0:
                own[side][row[name]] = own[side].get(row[name], 0) + row[f"{name}_size"]
    return own


def scored(
    tape: Tape, made: Replay, programs: list[Program], rules: list[RewardRules], times: list[int]
) -> list[Plain]:
    """Score every snapshot of every program."""
    columns, grid = tape.columns, tape.grid
    ticks, top = grid.ticks.tolist(), int(grid.top)
    found = [Plain() for _ in programs]
    books: tuple[dict[int, int], dict[int, int]] = ({}, {})
    is_open, is_known, at = open_at_start(tape), False, 0
    for ts in times:
        while at < len(columns.ts) and columns.ts[at] <= ts:
            kind = int(columns.kind[at]) & KIND
            if kind == BOOK:
                is_known = True
                books[int(columns.side[at])][int(columns.level[at])] = int(columns.size[at])
            elif kind == GAP:
                is_known = False
                books[0].clear(), books[1].clear()
            elif kind == STATUS:
                is_open = int(columns.side[at]) > 0
            at += 1
        if at >= len(columns.ts):
            return found  # the walk ends with the last event
        if not (is_open and is_known):
            continue
        mine = own_at(made, ts)
        own = [
            {ticks.index(price): lots for price, lots in mine[0].items()},
            {top - ticks.index(price): lots for price, lots in mine[1].items()},
        ]
        for one, how, into in zip(programs, rules, found, strict=True):
            if not one.start <= ts < one.end:
                continue
            scores = []
            for side in range(2):

                def distance(reference: int, level: int, side: int = side, how: RewardRules = how) -> Fraction:
                    if how.unit == "ticks":
                        return Fraction(reference - level)
                    prices = (
                        (ticks[reference], ticks[level])
                        if side == 0
                        else (-ticks[top - reference], -ticks[top - level])
                    )
                    return Fraction(prices[0] - prices[1], 100)

                levels = {level: lots for level, lots in books[side].items() if lots}
                if how.highest == "excluded" and max({**levels, **own[side]}, default=0) >= top - 1:
                    scores.append(None)
                else:
                    scores.append(side_score(levels, own[side], one.target, one.discount, how, distance))
            if scores[0] is not None and scores[1] is not None:
                into.included += 1
                into.bid += scores[0].share
                into.ask += scores[1].share
    return found
