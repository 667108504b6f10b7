"""Faults on demand: what can go wrong between a client and the exchange, drawn from one seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, fields

from ...io.ground.errors import InputError


@dataclass(frozen=True)
class Faults:
    """What to break and how often. A chance is from 0 to 1; a delay is in milliseconds."""

    gap: float = 0.0  #: chance that a stream message is preceded by a skipped sequence number
    drop: float = 0.0  #: chance that a stream message is never sent (its sequence number is used up)
    dup: float = 0.0  #: chance that a stream message is sent twice
    overflow: float = 0.0  #: chance that a message ends its subscription with error 25
    disconnect: float = (
        0.0  #: below 1: chance a message cuts the connection; from 1: this many cuts in the whole replay
    )
    missing_side: float = 1.0  #: chance that an empty side's key is left out of a snapshot (the exchange always does)
    too_many: float = field(default=0.0, metadata={"name": "429"})  #: chance of a 429 on any call
    server_error: float = field(
        default=0.0, metadata={"name": "5xx"}
    )  #: chance of a 500/502/503; half after the work was done
    lost_ack: float = 0.0  #: chance that a write is done and the connection closed without an answer
    delay: float = 0.0  #: longest delay of an answer, ms
    lag: float = 0.0  #: portfolio reads show what was true this many ms ago
    close_in_cancel: float = 0.0  #: chance that the market closes just before a cancel reaches it
    cancel_all: float = 0.0  #: chance that an order placed within a minute of a cancel-all is cancelled too
    plain_429: float = 0.5  #: share of 429 answers in the plain-string form instead of the nested one

    @staticmethod
    def parse(text: str) -> Faults:
        """Read ``name=value,…`` as the command line has it.

        >>> Faults.parse("gap=0.01,429=0.1,lag=300").too_many
        0.1
        """
        known = {_written(each): each.name for each in fields(Faults)}
        values: dict[str, float] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, _, number = part.partition("=")
            if name not in known:
                raise InputError(f"unknown fault {name!r}; known are {', '.join(known)}")
            try:
                values[known[name]] = float(number)
            except ValueError:
                raise InputError(f"fault {name} needs a number, not {number!r}") from None
        return Faults(**values)

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            bound = float("inf") if each.name in ("delay", "lag", "disconnect") else 1
            if not 0 <= value <= bound:
                raise InputError(f"fault {_written(each)} must lie between 0 and {bound}, not {value}")


def _written(each: object) -> str:
    return getattr(each, "metadata", {}).get("name") or getattr(each, "name", "").replace("_", "-")


class Dice:
    """Draws the faults. One stream of chance for calls and one for the stream, so that neither disturbs the other."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._calls = random.Random(f"calls{seed}")
        self._stream = random.Random(f"stream{seed}")
        self.counts: Counter[tuple[str, str]] = Counter()  #: (fault, channel) -> how often it struck
        self.any_stream = any((faults.gap, faults.drop, faults.dup, faults.overflow, 0 < faults.disconnect < 1))

    def calm(self) -> None:
        """No more faults, but for late reads."""
        self.faults = Faults(lag=self.faults.lag)
        self.any_stream = False

    def call(self, chance: float) -> bool:
        """Draw for a REST call."""
        return chance > 0 and self._calls.random() < chance

    def stream(self, chance: float, fault: str, channel: str) -> bool:
        """Draw for a stream message and count what was drawn."""
        drawn = chance > 0 and self._stream.random() < chance
        if drawn:
            self.counts[fault, channel] += 1
        return drawn

    def delay(self) -> float:
        """Seconds by which the next answer is late."""
        return self._calls.random() * self.faults.delay / 1000 if self.faults.delay else 0.0

    def pick(self, options: tuple[int, ...]) -> int:
        """Choose one of several kinds of failure."""
        return self._calls.choice(options)

    def cuts(self, rows: int) -> list[int]:
        """The positions in the replay at which all connections are cut, when a number of cuts was asked for."""
        wanted = int(self.faults.disconnect) if self.faults.disconnect >= 1 else 0
        return sorted(self._stream.sample(range(1, max(rows, wanted + 1)), wanted))
