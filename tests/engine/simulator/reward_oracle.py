"""What resting orders earn on a tape, in plain Python and fractions: the book of every snapshot, walked as written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import polars as pl
from touchline.engine.rewards.exact import Distance, side_score
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


def own_levels(tape: Tape, made: Replay, ts: int) -> tuple[dict[int, int], dict[int, int]]:
    """The same by levels of each side's own scale."""
    ticks, top = tape.grid.ticks.tolist(), int(tape.grid.top)
    bids, asks = own_at(made, ts)
    return (
        {ticks.index(price): lots for price, lots in bids.items()},
        {top - ticks.index(price): lots for price, lots in asks.items()},
    )


def distance_of(tape: Tape, side: int, how: RewardRules) -> Distance:
    """Steps from a reference down to a level of a side."""
    ticks, top = tape.grid.ticks.tolist(), int(tape.grid.top)

    def distance(reference: int, level: int) -> Fraction:
        if how.unit == "ticks":
            return Fraction(reference - level)
        if side == 0:
            return Fraction(ticks[reference] - ticks[level], 100)
        return Fraction(ticks[top - level] - ticks[top - reference], 100)

    return distance


class Books:
    """Others' books along a tape, by levels of each side's own scale."""

    def __init__(self, tape: Tape) -> None:
        self.columns = tape.columns
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.is_open, self.is_known, self.at = open_at_start(tape), False, 0

    def go(self, ts: int) -> None:
        """Take in the events up to a moment."""
        columns = self.columns
        while self.at < len(columns.ts) and columns.ts[self.at] <= ts:
            kind, side, level = (int(column[self.at]) for column in (columns.kind, columns.side, columns.level))
            if kind & KIND == BOOK:
                self.is_known = True
                self.sides[side].pop(level, None)
                if size := int(columns.size[self.at]):
                    self.sides[side][level] = size
            elif kind & KIND == GAP:
                self.is_known = False
                self.sides[0].clear(), self.sides[1].clear()
            elif kind & KIND == STATUS:
                self.is_open = side > 0
            self.at += 1

    @property
    def is_over(self) -> bool:
        """Whether there are no further events."""
        return self.at >= len(self.columns.ts)


def books_at(tape: Tape, ts: int) -> tuple[dict[int, int], dict[int, int]]:
    """The book of a moment."""
    books = Books(tape)
    books.go(ts)
    return books.sides


def scored(
    tape: Tape, made: Replay, programs: list[Program], rules: list[RewardRules], times: list[int]
) -> list[Plain]:
    """Score every snapshot of every program."""
    found, books = [Plain() for _ in programs], Books(tape)
    for ts in times:
        books.go(ts)
        if books.is_over:
            return found  # the walk ends with the last event
        if not (books.is_open and books.is_known):
            continue
        own = own_levels(tape, made, ts)
        for one, how, into in zip(programs, rules, found, strict=True):
            if not one.start <= ts < one.end:
                continue
            scores = []
            for side in range(2):
                levels = books.sides[side]
                if how.highest == "excluded" and max({**levels, **own[side]}, default=0) >= tape.grid.top - 1:
                    scores.append(None)
                else:
                    distance = distance_of(tape, side, how)
                    scores.append(side_score(levels, own[side], one.target, one.discount, how, distance))
            if scores[0] is not None and scores[1] is not None:
                into.included += 1
                into.bid += scores[0].share
                into.ask += scores[1].share
    return found
