"""The audit of a session of bets: its journal goes through again, and each bet is held against its result."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from ....strategies.own_file import Trust
from ..audit import AuditDone, Replayer, replayed
from ..folder import SessionFolder
from ..journal import JournalLine
from .bar import calibrations
from .machine import BetMachine

_DOLLAR = 10_000


def audit_bets(session: str | Path, *, trust: Trust = ()) -> AuditDone:
    """Replay a session's journal, compare every bet byte for byte, and hold each against its result once known."""
    folder = SessionFolder.existing(session)
    replayer = _Replayer(folder.path, trust)
    done = replayed(folder, replayer)
    done.bets = judged(replayer.told.values(), replayer.paid())
    return done


class _Replayer(Replayer):
    """What a journal of bets goes through again, with every bet as it was told last."""

    def __init__(self, folder: Path, trust: Trust) -> None:
        super().__init__(folder, trust, BetMachine)
        self.told: dict[tuple[str, int], dict[str, Any]] = {}
        self._last: BetMachine | None = None

    def take(self, line: JournalLine) -> str | None:
        """Take a line; returns what differs."""
        if line.kind == "bet":
            one = msgspec.json.decode(line.payload)
            self.told[one["market"], one["entered"]] = one
        found = super().take(line)
        if isinstance(self.machine, BetMachine):
            self._last = self.machine
        return found

    def paid(self) -> dict[str, int]:
        """What one YES of each market paid, in ticks, where that is known."""
        return {} if self._last is None else self._last.paid(self._last.bets.until)


def judged(bets: Iterable[dict[str, Any]], paid: dict[str, int]) -> dict[str, Any]:
    """Each bet's probability beside its result once known, and how well the probabilities were calibrated."""
    shown: list[dict[str, Any]] = []
    for one in bets:
        worth = paid.get(one["market"])
        own = None if worth is None else (worth if one["side"] == "yes" else _DOLLAR - worth) / _DOLLAR
        shown.append({**one, "result": own})
    return {"bets": shown, **calibrations(shown)}
