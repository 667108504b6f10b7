"""A session of bets on paper: one thread that listens, writes down, and at each bar's end bets."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from ....io.ground.errors import InputError
from ....io.kalshi.client import Client
from ....io.kalshi.stream.frames import Ok
from ....io.kalshi.stream.stream import BOOK, LIFECYCLE, TRADES, Gap, Message, Stream
from ....strategies.pipeline.pipeline import Pipeline
from ...bets.backtest import maker_of
from ...bets.served import check_live
from ...version import __version__
from ..around.word import SessionWord
from ..audit import AuditDone
from ..folder import SessionFolder
from ..journal import JournalLine, SessionJournal, read, segments
from ..lines import INCOMING
from ..orders.jobs import encode
from .audit import audit_bets
from .bar import bar_in_short
from .history import LATE_NS, listed_now
from .machine import BetHeader, BetMachine

_TURN_S, _STATUS_S, _QUIET_S, _PATIENCE_S = 0.25, 1.0, 1.0, 10.0


def check_bets(pipeline: Pipeline, mode: str) -> None:
    """Refuse what a session of bets does not do."""
    if mode != "paper":
        raise InputError(f"bets are held on paper, not in {mode}: leave the mode out")
    if maker_of((pipeline,)) is not None:
        raise InputError("a session's bets take what is offered: set entry=taker in the pipeline")
    if pipeline.limits().get("close_at_end") == "yes":
        raise InputError("a session has no last bar: set close_at_end=no in the pipeline")


class BetSession:
    """A session of bets by its folder; :meth:`run` lets it go on.

    Example:
        >>> from touchline import engine
        >>> with engine.trade("pipeline.toml", series="KXHIGHNY") as session:  # doctest: +SKIP
        ...     session.run(seconds=3600)
    """

    def __init__(
        self, folder: SessionFolder, client: Client, pipeline: Pipeline, tickers: list[str], *,
        clock: Callable[[], int] | None = None, owns_client: bool = False, tell: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.folder, self._client, self._owns, self._clock = folder, client, owns_client, clock
        client.market_data.status()  # its answer tells a replay's time
        self._replays = client.transport.is_replay
        self._stream_now = client.now() if self._replays else 0
        self._late = 0 if self._replays or clock is not None else LATE_NS
        self.stop = threading.Event()  #: set it to end :meth:`run` cleanly
        self.messages, self._heard, self._next_status = 0, self.now(), 0.0
        self._quiet_since = time.monotonic()
        check_live(pipeline, self.now())
        self.journal = SessionJournal(folder.journal)
        self._tell = SessionWord(folder.path, tell)
        try:
            self.machine = self._recovered()
            held = (one["market"] for one in self.machine.bets.values() if one["exit"] is None)
            tickers = list(dict.fromkeys([*tickers, *held]))
            self._tickers = frozenset(tickers)
            if not tickers:
                raise InputError("no market to bet on is open: name markets, or another series")
            now = self.now()
            header = BetHeader(
                1, pipeline.as_dict(), listed_now(client, tickers, now if self.machine.runs else 0), now, __version__
            )
            self._take(JournalLine("run", now, encode(header)))
            self.journal.commit()
        except BaseException:
            self._tell.close()
            self.journal.close()
            raise
        self.stream = Stream(client.settings, tickers, channels=(BOOK, TRADES, LIFECYCLE))

    def _recovered(self) -> BetMachine:
        """The machine as the journal leaves it; what it had to say and could not write down is written down."""
        place = self.folder.path / "history"
        shutil.rmtree(place, ignore_errors=True)
        machine, due = BetMachine(place), deque[JournalLine]()
        for line in read(segments(self.folder.journal)):
            if line.kind in INCOMING and line.kind != "state":
                due.extend(machine.take(line))
            elif due:
                due.popleft()
        for line in due:
            self.journal.append(line)
        return machine

    @property
    def path(self) -> Path:
        """The session's folder."""
        return self.folder.path

    def now(self) -> int:
        """The exchange's time, ns UTC."""
        return self._clock() if self._clock is not None else self._stream_now or self._client.now()

    # The loop

    def run(self, seconds: float | None = None) -> dict[str, Any]:
        """Bet until every market has paid, ``seconds`` are over or ``stop`` is set; returns the last status."""
        end = None if seconds is None else time.monotonic() + seconds
        self._catch_up()  # every channel is there before a bar is worked on
        while not self.stop.is_set() and (end is None or time.monotonic() < end) and not self.machine.over:
            came = self.stream.poll(_TURN_S)
            self._hear(came)
            if came:
                self._quiet_since = time.monotonic()
            elif self._replays and time.monotonic() - self._quiet_since > _QUIET_S:
                self._ask_time()
            self._turn()
        return self.told()

    def step(self) -> None:
        """Take in all that the exchange sent before now, and bet on the bars that are over."""
        self._catch_up()
        self._turn()

    def _ask_time(self) -> None:
        """Ask a replay how late it is there, as nothing is told that would say so."""
        self._client.market_data.status()
        told = self._client.now()
        self._catch_up()
        self._stream_now = max(self._stream_now, told)
        self._quiet_since = time.monotonic()

    def _catch_up(self) -> None:
        """Take in all that the exchange sent before now: what it is asked comes after that."""
        deadline = time.monotonic() + _PATIENCE_S
        self._hear(self.stream.poll(0))
        asked = self.stream.ask_list()
        while asked is None and time.monotonic() < deadline:
            self._hear(self.stream.poll(0.1))
            asked = self.stream.ask_list()
        while asked is not None and time.monotonic() < deadline:
            came = self.stream.poll(0.1)
            self._hear(came)
            if any(isinstance(m, Message) and isinstance(m.frame, Ok) and m.frame.id == asked for m in came):
                break

    def _hear(self, items: list[Message | Gap]) -> None:
        for item in items:
            if isinstance(item, Gap):
                self._take(JournalLine("gap", self.now(), encode(item)))
                continue
            body = getattr(item.frame, "msg", None)
            if getattr(body, "market_ticker", None) not in self._tickers:
                continue
            if self._replays:
                self._stream_now = max(self._stream_now, (getattr(body, "ts_ms", 0) or 0) * 1_000_000)
            self._heard = self.now()
            self.messages += 1
            self._take(JournalLine("<", self._heard if self._replays else item.recv_ts, item.raw))
        self.journal.commit()

    def _turn(self) -> None:
        now = self.now()
        due = self.machine.due(now - self._late)
        if due is not None:
            self._take(JournalLine("turn", now, encode({"until": due})))
            self.journal.commit()
        if self.machine.refused is not None:
            raise InputError(self.machine.refused)
        if due is not None or time.monotonic() >= self._next_status:
            self._next_status = time.monotonic() + _STATUS_S
            self.folder.write_status(self.told())
        if due is not None and self.machine.found is not None:
            self.folder.write_bar(bar_in_short(self.machine.found))
        if self.journal.full:
            self.journal.rotate(JournalLine("state", now, encode({"bar": self.machine.done})))

    def _take(self, line: JournalLine) -> None:
        self.journal.append(line)
        for made in self.machine.take(line):
            self.journal.append(made)
            if made.kind in ("bet", "halt"):
                self._tell(f"{made.kind}: {made.payload.decode()}")

    def told(self) -> dict[str, Any]:
        """How the session stands: money in micros, sizes in lots, prices in ticks."""
        machine, found, now = self.machine, self.machine.found, self.now()
        bets = list(machine.bets.values())
        open_now = [one for one in bets if one["exit"] is None]
        account = None if found is None else found.run.account
        return {
            "mode": "paper", "kind": "bets", "now": now, "feed_age_s": max(now - self._heard, 0) / 1e9,
            "killed": machine.refused, "waits": None, "messages": self.messages, "run": machine.runs,
            "journal_bytes": self.journal.bytes, "pnl": 0 if found is None else found.run.pnl, "orders": 0,
            "markets": {}, "bar": machine.done, "cash": None if account is None else int(account["cash"]),
            "bets": open_now, "bets_over": len(bets) - len(open_now),
        }  # fmt: skip

    def status(self) -> dict[str, Any]:
        """How the session stood when it last wrote that down."""
        return self.folder.status()

    def audit(self) -> AuditDone:
        """Replay the journal and compare every bet byte for byte."""
        return audit_bets(self.path)

    def close(self) -> None:
        """Write down how it stands; bets are held, and the next start goes on with them."""
        try:
            self.stream.close()
            self.folder.write_status({**self.told(), "ended": True})
        finally:
            self._tell.close()
            self.journal.close()
            if self._owns:
                self._client.close()

    def __enter__(self) -> BetSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
