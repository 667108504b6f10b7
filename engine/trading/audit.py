"""The audit: a session's journal goes through the kernel again, and every line that went out must come out again."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ...io.ground.errors import CheckError
from ...strategies.own_file import Trust
from .folder import SessionFolder
from .journal import JournalLine, read, segments
from .lines import INCOMING
from .machine import Machine


class TakesLines(Protocol):
    """What a journal goes through again."""

    def take(self, line: JournalLine) -> str | None:
        """Take a line; returns what differs."""
        ...


@dataclass
class AuditDone:
    """What was replayed, and the first difference if there is one."""

    lines: int = 0
    runs: int = 0
    span_ns: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    difference: str | None = None
    bets: dict[str, Any] | None = None  #: of a session of bets: each with its result, and their calibration

    @property
    def facts(self) -> dict[str, Any]:
        """The counts by name."""
        return {
            "lines": self.lines, "runs": self.runs, "seconds": round(self.span_ns / 1e9, 3),
            "equal": self.difference is None,
            **{f"{kind} lines": count for kind, count in sorted(self.counts.items())}, "difference": self.difference,
            **({} if self.bets is None else {"bets": self.bets}),
        }  # fmt: skip


def audit(session: str | Path, *, trust: Trust = ()) -> AuditDone:
    """Replay a session's journal through the kernel and compare every quote, order and position byte for byte.

    Args:
        session: The session's folder.
        trust: The file of a model of one's own, which is not imported for the session's sake alone.

    Returns:
        How much was replayed, and the first difference, if there is one.
    """
    folder = SessionFolder.existing(session)
    return replayed(folder, Replayer(folder.path, trust))


def replayed(folder: SessionFolder, replayer: TakesLines) -> AuditDone:
    """Let a journal's lines go through something that says where it differs, up to the first such line."""
    done = AuditDone()
    first: int | None = None
    for line in read(segments(folder.journal)):
        done.lines += 1
        if line.kind == "run":
            done.runs, first = done.runs + 1, None
        first = line.ts if first is None else first
        done.span_ns += max(line.ts - first, 0) if line.kind == "turn" else 0
        first = line.ts if line.kind == "turn" else first
        if line.kind not in ("<", "turn"):
            done.counts[line.kind] += 1
        done.difference = replayer.take(line)
        if done.difference is not None:
            done.difference = f"line {done.lines}: {done.difference}"
            return done
    return done


class Replayer:
    """A machine that the journal's incoming lines go through again, run after run."""

    def __init__(self, folder: Path, trust: Trust, kind: type[Machine] = Machine) -> None:
        self._folder, self._trust, self._kind = folder, trust, kind
        self.machine: Machine | None = None
        self._state: JournalLine | None = None
        self._due: deque[JournalLine] = deque()

    def take(self, line: JournalLine) -> str | None:
        """Take a line; returns what differs."""
        if line.kind == "run":
            return self._begin(line)
        if line.kind == "start":  # of the next run, before its machine is there
            self.machine = None
        if line.kind == "state":
            self._state = line
            machine = self.machine
            if machine is not None and machine.state().payload != line.payload:
                return "the account is another than the segment begins with"
            return None
        if self.machine is None:
            return None  # of the start, before the machine was there
        if line.kind in INCOMING:
            if self._due:
                return missing(self._due[0])
            self.machine.take(line)
            self._due.extend(self.machine.drain()[0])
            return None
        made = self._due.popleft() if self._due else None
        if made == line:
            return None
        return f"the journal has {told_line(line)}, the replay {told_line(made) if made else 'nothing'}"

    def _begin(self, line: JournalLine) -> str | None:
        if self._state is None:
            raise CheckError("a run of the journal begins without a state")
        self.machine = self._kind.of(line.payload, self._state.payload, self._folder, self._trust)
        self._due.clear()
        return None


def missing(line: JournalLine) -> str:
    """Say that a line should have been in the journal."""
    return f"the journal lacks {told_line(line)}, which the replay made"


def told_line(line: JournalLine) -> str:
    """Write a line for a person."""
    return f"{line.kind} at {line.ts}: {line.payload.decode('utf-8', 'replace')[:300]}"
