"""The audit of a session of bets: its journal goes through the backtest again, bar by bar, and every bet comes out."""

from __future__ import annotations

import tempfile
from collections import deque
from pathlib import Path

from ..audit import AuditDone, missing, replayed, told_line
from ..folder import SessionFolder
from ..journal import JournalLine
from ..lines import INCOMING
from .machine import BetMachine, judged


def audit_bets(session: str | Path) -> AuditDone:
    """Replay a session's journal, compare every bet byte for byte, and hold each against its result once known."""
    folder = SessionFolder.existing(session)
    with tempfile.TemporaryDirectory(prefix="bets-") as place:
        replayer = _Replayer(Path(place))
        done = replayed(folder, replayer)
        done.bets = judged(replayer.machine.found)
    return done


class _Replayer:
    def __init__(self, place: Path) -> None:
        self.machine = BetMachine(place)
        self._due: deque[JournalLine] = deque()

    def take(self, line: JournalLine) -> str | None:
        if line.kind == "state":
            return None
        if line.kind in INCOMING:
            if self._due:
                return missing(self._due[0])
            self._due.extend(self.machine.take(line))
            return None
        made = self._due.popleft() if self._due else None
        if made == line:
            return None
        return f"the journal has {told_line(line)}, the replay {told_line(made) if made else 'nothing'}"
