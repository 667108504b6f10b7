"""Prices of an underlying from a source of one's own: a file that grows, what a command prints, or a socket.

A line is a price, ``time,price``, or JSON with ``time`` and ``value``. A source tells how late it is; a price counts so
long after its own time, and never before it was read. One without a time counts when it is read.
"""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from ....io.ground.children import start_command
from ....io.ground.errors import InputError
from ....io.ground.times import nanoseconds

_LONGEST_LINE, _LOOK_S, _READ_S, _TAIL = 4096, 0.05, 0.5, 1 << 14
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_KINDS = "file:PATH, command:WORDS or socket:HOST:PORT, with ;delay=MS behind it where it is late"
#: Numbers of a time from this on are milliseconds, microseconds and nanoseconds.
_UNITS = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000), (0.0, 1_000_000_000))


@dataclass(frozen=True)
class SourceSpec:
    """Where lines come from and how late they are.

    >>> source_of("file:/data/spx.csv;delay=250")
    SourceSpec(kind='file', where='/data/spx.csv', delay_ns=250000000)
    """

    kind: str
    where: str
    delay_ns: int = 0


@dataclass(frozen=True)
class SourcePrice:
    """A price that was read: its own time if it has one (ns UTC)."""

    value: float
    time: int | None = None


def source_of(text: str) -> SourceSpec:
    """Read what a person calls a source."""
    head, _, options = text.partition(";delay=")
    kind, _, where = head.partition(":")
    if kind not in ("file", "command", "socket") or not where.strip():
        raise InputError(f"a source is {_KINDS}; not {text!r}")
    if kind == "socket" and not where.rpartition(":")[2].isdigit():
        raise InputError(f"a socket is HOST:PORT, as in socket:127.0.0.1:9000; not {where!r}")
    try:
        delay = float(options or 0)
    except ValueError:
        delay = math.nan
    if not 0 <= delay <= 86_400_000:
        raise InputError(f"a delay is a number of ms from 0 to 86400000, not {options!r}")
    return SourceSpec(kind, where, round(delay * 1e6))


def price_of(line: bytes) -> SourcePrice | None:
    """Read a line; None where it is no price.

    >>> price_of(b"6737.5"), price_of(b"2026-10-06T15:00:00Z,6738")
    (SourcePrice(value=6737.5, time=None), SourcePrice(value=6738.0, time=1791298800000000000))
    >>> price_of(b'{"time": 1791298800, "value": 6739}'), price_of(b"time,price")
    (SourcePrice(value=6739.0, time=1791298800000000000), None)
    """
    text = line.decode("utf-8", "replace").strip()
    moment: Any = None
    value: Any = text
    if text.startswith("{"):
        try:
            told = msgspec.json.decode(text, type=dict[str, Any])
        except msgspec.MsgspecError:
            return None
        moment, value = told.get("time"), told.get("value")
    elif "," in text:
        moment, _, value = text.partition(",")
    try:
        price = float(value)
        when = None if moment is None else _moment(moment)
    except (TypeError, ValueError, OverflowError, InputError):
        return None
    return SourcePrice(price, when) if math.isfinite(price) else None


def _moment(given: str | float) -> int:
    with contextlib.suppress(ValueError):
        number = float(given)
        if math.isfinite(number):
            unit = next(unit for least, unit in _UNITS if abs(number) >= least)
            whole = int(given) if isinstance(given, int) or str(given).strip().lstrip("-").isdigit() else number
            return round(whole * unit)
    return nanoseconds(str(given), "time")


class LineSource:
    """A thread that reads a source's lines for as long as it is wanted; what ends or breaks is begun again."""

    def __init__(
        self, symbol: str, spec: SourceSpec, put: Callable[[str, SourcePrice, int], None],
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self.symbol, self.spec, self._put, self._tell = symbol, spec, put, tell
        self.lines = self.refused = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"source-{symbol}", daemon=True)

    def start(self) -> LineSource:
        """Begin to read."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Read no more, and end what was started for it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            before = self.lines
            try:
                for line in getattr(self, f"_{self.spec.kind}")():
                    self._take(line)
                why = "it ended"
            except OSError as error:
                why = error.strerror or str(error)
            if self._stopping.is_set():
                return
            pause = _FIRST_PAUSE_S if self.lines > before else min(2 * pause, _LONGEST_PAUSE_S)
            self._tell(f"source {self.symbol}: {why}; it is begun again in {pause:g} s")
            self._stopping.wait(pause)

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        found = price_of(line)
        if found is None:
            self.refused += 1
            if self.refused == 1 and self.lines:
                self._tell(f"source {self.symbol}: a line is no price; such lines are left out")
            return
        self.lines += 1
        self._put(self.symbol, found, self.spec.delay_ns)

    def _file(self) -> Iterator[bytes]:
        """The last line that stands in the file, and all that come; a file that is replaced is read from its start."""
        path = Path(self.spec.where)
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            standing = file.read().rsplit(b"\n", 1)
            yield standing[0].rsplit(b"\n", 1)[-1] if len(standing) > 1 else b""
            rest = standing[-1]
            while not self._stopping.is_set():
                lines, rest = _cut(rest, file.read(1 << 16))
                yield from lines
                if not lines:
                    self._stopping.wait(_LOOK_S)
                    if _is_replaced(path, file):
                        return

    def _command(self) -> Iterator[bytes]:
        """What the command prints. It runs without a shell, and with nothing to read."""
        words = shlex.split(self.spec.where)
        with start_command(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            closer = threading.Thread(target=self._end, args=(process,), daemon=True)
            closer.start()
            assert process.stdout is not None
            rest = b""
            while data := process.stdout.read1(1 << 16):  # pyright: ignore[reportAttributeAccessIssue]  # a pipe is buffered
                lines, rest = _cut(rest, data)
                yield from lines

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        while process.poll() is None:
            if self._stopping.wait(0.2):
                process.terminate()
                return

    def _socket(self) -> Iterator[bytes]:
        """What a server sends after it is connected to."""
        host, _, port = self.spec.where.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), 5.0) as wire:
            wire.settimeout(_READ_S)
            rest = b""
            while not self._stopping.is_set():
                try:
                    data = wire.recv(1 << 16)
                except TimeoutError:
                    continue
                if not data:
                    return
                lines, rest = _cut(rest, data)
                yield from lines


def _cut(rest: bytes, data: bytes) -> tuple[list[bytes], bytes]:
    """Whole lines, and what is left of one; a line without an end is not kept for ever."""
    *lines, rest = (rest + data).split(b"\n")
    return lines, rest if len(rest) <= _LONGEST_LINE else b""


def _is_replaced(path: Path, file: IO[bytes]) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    held = os.fstat(file.fileno())
    return now.st_ino != held.st_ino or now.st_size < file.tell()


def counts_at(price: SourcePrice, delay_ns: int, now: int) -> int:
    """When a price counts: so long after its own time as the source is late, and not after now.

    >>> counts_at(SourcePrice(1.0, time=100), 50, 1000), counts_at(SourcePrice(1.0), 50, 1000)
    (150, 1000)
    """
    return now if price.time is None else min(price.time + delay_ns, now)
