"""Where frames stand in the lines of a capture: bare, in an object under any name, or as text inside JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from ..values.lines import TextBlock
from ..values.scan import decode
from .frames import RECEIVED, WRAPPERS, is_frame

#: Objects in objects are looked into so deep.
_DEEPEST = 3
#: What the name of a receive time may hold, if it is none of the usual ones.
_RECEIVE_WORDS = ("recv", "receiv", "arriv", "captur", "local")
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Envelope:
    """Where a line has its frame, whether it stands there as text, and the name of the receive time beside it."""

    path: tuple[str, ...]
    text: bool
    received: str | None

    def opened(self, block: TextBlock) -> TextBlock:
        """Give the lines with their frames as objects; one that holds no such text stays as it is."""
        if not self.text:
            return block
        return TextBlock(
            b"\n".join(self._line(line) for line in block.text.split(b"\n")), block.line, block.count, block.damage
        )

    def _line(self, line: bytes) -> bytes:
        try:
            record = _OBJECT.decode(line)
            inner: Any = record
            for step in self.path[:-1]:
                inner = _OBJECT.decode(inner[step])
            text = msgspec.json.decode(inner[self.path[-1]], type=str)
        except (msgspec.DecodeError, KeyError, UnicodeDecodeError, RecursionError):
            return line
        when = b"" if self.received not in record else b'"recv_ts":' + bytes(record[self.received]) + b","
        return b"{" + when + b'"frame":' + text.replace("\n", " ").encode("utf-8") + b"}"


def envelope_of(record: Mapping[str, Any]) -> tuple[Envelope, Mapping[str, Any]] | None:
    """Find the frame in a line: where it stands, and itself."""
    found = _find(record, 0)
    if found is None:
        return None
    path, text, frame = found
    return Envelope(path, text, receive_time(record, wrapped=bool(path))), frame


def _find(record: Mapping[str, Any], depth: int) -> tuple[tuple[str, ...], bool, Mapping[str, Any]] | None:
    if is_frame(record):
        return (), False, record
    if depth == _DEEPEST:
        return None
    for key in (*(name for name in WRAPPERS if name in record), *(name for name in record if name not in WRAPPERS)):
        inner = record[key]
        if isinstance(inner, dict):
            found = _find(inner, depth + 1)
            if found is not None:
                return (key, *found[0]), found[1], found[2]
        elif isinstance(inner, str) and inner.lstrip().startswith("{"):
            frame, reason = decode(inner.encode("utf-8"))
            if reason is None and is_frame(frame):
                return (key,), True, frame
    return None


def receive_time(record: Mapping[str, Any], *, wrapped: bool) -> str | None:
    """Name the receive time of a line, None if it has none: a bare frame's ``ts`` is the exchange's."""
    usual = RECEIVED if wrapped else RECEIVED[:-1]
    names = [name for name in usual if name in record]
    names += [name for name in record if any(word in name.lower() for word in _RECEIVE_WORDS)]
    names += [name for name in ("ts_ms", "ts_ns", "timestamp", "time", "t") if wrapped and name in record]
    return next((name for name in names if not isinstance(record[name], dict | list)), None)
