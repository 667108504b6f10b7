"""A session's folder: what it was told, what it wrote down, how it stands, and the letters that order it about.

Whoever may write into the folder may command the session, and nobody else: it is made for its owner alone.
"""

from __future__ import annotations

import json
import secrets
import time
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...io.ground import atomic
from ...io.ground.errors import InputError
from ..results.params import load_params, to_toml
from .journal import is_locked, latest_state, read
from .ledger import CHOSEN, ENDING, LEFT, LedgerState, OwnOrder, TradeLedger
from .lines import Command
from .orders.jobs import Answer, Job
from .settings import TradeSettings

_SETTINGS, _STATUS, _COMMANDS, _JOURNAL = "settings.toml", "status.json", "commands", "journal"
_BAR = "bar.json"


class SessionFolder:
    """The files of one session."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.journal = self.path / _JOURNAL

    @classmethod
    def existing(cls, path: str | Path) -> SessionFolder:
        """Open the folder of a session that was begun."""
        made = cls(path)
        if not made.is_begun:
            raise InputError(f"{path} is no session: engine trade PARAMS --session {path} begins one")
        return made

    @property
    def is_begun(self) -> bool:
        """Whether a session lives here."""
        return (self.path / _SETTINGS).exists()

    @property
    def is_running(self) -> bool:
        """Whether a process trades this session now."""
        return is_locked(self.journal)

    def begin(self, params: str | Path, settings: TradeSettings) -> None:
        """Write down what a new session is told; one that was begun keeps its mode and its name."""
        name = f"params-{load_params(params).content_hash.removeprefix('sha256:')[:12]}.toml"
        self._begin("quotes", name, Path(params).read_text(encoding="utf-8"), settings)

    def begin_bets(self, pipeline: Mapping[str, Any], settings: TradeSettings) -> None:
        """Write down what a new session of bets is told; one that was begun goes on with the same pipeline alone."""
        told = json.dumps(pipeline, sort_keys=True)
        name = "pipeline.json"
        if self.is_begun and self.is_of_bets and (self.path / name).read_text(encoding="utf-8") != told:
            raise InputError(f"{self.path} bets by another pipeline; name another folder for this one")
        self._begin("bets", name, told, settings)

    def _begin(self, kind: str, name: str, text: str, settings: TradeSettings) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        prefix = f"tl-{secrets.token_hex(4)}-"
        if self.is_begun:
            before = self.document()
            if before["settings"]["mode"] != settings.mode:
                raise InputError(
                    f"{self.path} is a session in {before['settings']['mode']}; a session keeps its mode: "
                    f"name another folder for {settings.mode}"
                )
            if self.is_of_bets != (kind == "bets"):
                raise InputError(f"{self.path} is a session of another kind; name another folder for this one")
            prefix = before["prefix"]
        atomic.write(self.path / name, text, durable=True)
        document = {"prefix": prefix, "params": name, "settings": settings.document()}
        if kind == "bets":
            document["kind"] = kind
        atomic.write(self.path / _SETTINGS, to_toml(document), durable=True)

    @property
    def is_of_bets(self) -> bool:
        """Whether the session holds bets by a pipeline; others quote markets."""
        return self.document().get("kind") == "bets"

    def document(self) -> dict[str, Any]:
        """What the session was told: the prefix of its orders and its settings."""
        try:
            return tomllib.loads((self.path / _SETTINGS).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise InputError(f"{self.path / _SETTINGS} cannot be read: {error}") from None

    @property
    def params(self) -> Path:
        """The parameter file that the session trades by: its own copy."""
        return self.path / self.document()["params"]

    def pipeline(self) -> dict[str, Any]:
        """The pipeline that a session of bets goes by, as it was written down."""
        return json.loads(self.params.read_text(encoding="utf-8"))

    def settings(self) -> TradeSettings:
        """How the session trades."""
        return TradeSettings().with_options(self.document()["settings"])

    # How it stands

    def write_status(self, status: dict[str, Any]) -> None:
        """Write how the session stands, for whoever looks."""
        atomic.write(self.path / _STATUS, json.dumps(status))

    def status(self) -> dict[str, Any]:
        """How the session stood when its process last said so, and whether that runs."""
        try:
            told = json.loads((self.path / _STATUS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            told = {}
        waiting = len(list((self.path / _COMMANDS).glob("*.json"))) if (self.path / _COMMANDS).is_dir() else 0
        return {"session": str(self.path), "running": self.is_running, "commands_waiting": waiting, **told}

    def write_bar(self, told: dict[str, Any]) -> None:
        """Write what the last bar of a session of bets came to."""
        atomic.write(self.path / _BAR, json.dumps(told))

    def bar(self) -> dict[str, Any] | None:
        """What the last bar of a session of bets came to; None before the first one."""
        try:
            return json.loads((self.path / _BAR).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None

    # Commands

    def order(self, command: Command) -> None:
        """Leave a command for the session's process; one that does not run finds it when it starts."""
        box = self.path / _COMMANDS
        box.mkdir(mode=0o700, exist_ok=True)
        atomic.write(box / f"{time.time_ns():020d}-{secrets.token_hex(3)}.json", msgspec.json.encode(command).decode())

    def commands(self) -> list[tuple[Path, Command]]:
        """The commands that wait, oldest first; what is no command is put aside."""
        found: list[tuple[Path, Command]] = []
        for path in sorted((self.path / _COMMANDS).glob("*.json")):
            try:
                found.append((path, msgspec.json.decode(path.read_bytes(), type=Command)))
            except (msgspec.DecodeError, OSError):
                path.rename(path.with_suffix(".refused"))
        return found


def recovered(folder: SessionFolder) -> TradeLedger:
    """The ledger as the journal's lines leave it, whatever ended the process that wrote them."""
    state, paths = latest_state(folder.journal) if folder.journal.is_dir() else (None, [])
    prefix = folder.document()["prefix"]
    ledger = (
        TradeLedger(prefix) if state is None else TradeLedger.of(msgspec.json.decode(state.payload, type=LedgerState))
    )
    jobs: dict[int, Job] = {}
    for line in read(paths):
        if line.kind == "state":
            ledger = TradeLedger.of(msgspec.json.decode(line.payload, type=LedgerState))
        elif line.kind == "ask":
            _asked(ledger, msgspec.json.decode(line.payload, type=Job), line.ts, jobs)
        elif line.kind == "ans":
            _answered(ledger, msgspec.json.decode(line.payload, type=Answer), jobs)
        elif line.kind in _FOLDED:
            _FOLDED[line.kind](ledger, msgspec.json.decode(line.payload), line.ts)
    return ledger


def _asked(ledger: TradeLedger, job: Job, ts: int, jobs: dict[int, Job]) -> None:
    jobs[job.n] = job
    if job.do == "create":
        ledger.counter = max(ledger.counter, int(job.client_id.removeprefix(ledger.prefix)))
        ledger.placed(OwnOrder(job.client_id, job.ticker, job.side, job.price, job.lots, job.expires, ts))


def _answered(ledger: TradeLedger, answer: Answer, jobs: dict[int, Job]) -> None:
    job = jobs.pop(answer.n, None)
    if job is None or answer.is_ != "done":
        return
    order = ledger.known(job.client_id)
    if job.do == "create":
        ledger.confirmed(job.client_id, answer.order_id)
    elif job.do == "amend" and order is not None:
        order.price, order.lots, order.expires = job.price, max(job.lots, order.filled), job.expires
    elif job.do == "settle":
        for found in answer.orders:
            if found.client_id in ledger.orders:
                ledger.confirmed(found.client_id, found.order_id)


def _halted(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.holding(document["market"]).halted = f"{document['guard']}: {document['text']}"


def _killed(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.killed = f"{document['guard']}: {document['text']}"


def _lifted(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.killed = None if document["session"] else ledger.killed
    for ticker in document["markets"]:
        ledger.holding(ticker).halted = None


def _day(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.day = document["day"]
    for ticker, worth in document["worth"].items():
        ledger.holding(ticker).day_cash = worth


def _opened(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.holding(document["market"]).cash = document["cash"]


def _found(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.confirmed(document["client_id"], document["order_id"])


def _grouped(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.holding(document["market"]).group = document["id"]


def _settled(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.settle(document["market"], document["value"], ts)


def _joined(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
    ledger.join(document["market"], document["held"], document["group"])


def _standing(standing: str) -> Callable[[TradeLedger, dict[str, Any], int], None]:
    def fold(ledger: TradeLedger, document: dict[str, Any], ts: int) -> None:
        ledger.holding(document["market"]).standing = standing

    return fold


#: Kinds of lines that change the ledger by themselves.
_FOLDED = {
    "fill": lambda ledger, document, ts: ledger.book(document["market"], document, ts),
    "end": lambda ledger, document, ts: ledger.end(document["client_id"]),
    "halt": _halted, "kill": _killed, "lift": _lifted, "day": _day, "open": _opened,
    "settle": _settled, "found": _found, "group": _grouped,
    "join": _joined, "back": _standing(CHOSEN), "part": _standing(ENDING), "left": _standing(LEFT),
}  # fmt: skip
