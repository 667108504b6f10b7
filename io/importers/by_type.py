"""Recordings with a file for each type of message: their files are joined into the one stream that they were."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..ground.errors import InputError
from .recognise import Recognised
from .stream.envelopes import Envelope, receive_time
from .stream.frames import DELTA, OTHER, SNAPSHOT, kinds, moments, whole_numbers
from .stream.websocket import WebSocketCapture, envelope_in, scanner_for
from .values.lines import TextBlock, Unzipped, blocks, open_bytes
from .values.scan import decode
from .values.text import NULL
from .values.unpacking import FilePart, ScratchFolder

#: What a file name says about the messages in it, and the type that stands for.
_NAMES = {
    r"(order_?book|book|l2)?[_.-]?snapshots?": "orderbook_snapshot",
    r"(order_?book|book|l2)?[_.-]?(deltas?|updates?)": "orderbook_delta",
    r"(public[_.-]?)?trades?": "trade",
    r"tickers?": "ticker",
    r"(market[_.-]?)?lifecycles?(_v2)?": "market_lifecycle_v2",
    r"(user[_.-]?)?fills?": "fill",
    r"user[_.-]?orders?": "user_order",
    r"(un)?subscribed|subscriptions?|acks?|ok|errors?|control": "subscribed",
}
_OF_BOOKS = {DELTA, SNAPSHOT}
_WRITTEN_LINES = 50_000
_RECORD = msgspec.json.Decoder(dict[str, msgspec.Raw])


def said_by(name: str) -> tuple[str, str | None]:
    """Return what a file name says beside the type of its messages, and that type.

    >>> said_by("KXA_orderbook_delta.jsonl.gz"), said_by("KXA.jsonl")
    (('kxa_.jsonl', 'orderbook_delta'), ('kxa.jsonl', None))
    """
    low = re.sub(r"\.(gz|bz2|xz)$", "", name.lower())
    for pattern, kind in _NAMES.items():
        found = re.search(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])", low)
        if found is not None:
            return low[: found.start()] + low[found.end() :], kind
    return low, None


def framed(parts: Sequence[FilePart]) -> list[FilePart]:
    """Write the files of a recording that hold the bodies of messages alone as files of frames."""
    groups = defaultdict[tuple[Path, str], dict[str, int]](dict)
    for index, part in enumerate(parts):
        rest, kind = said_by(Path(part.name).name)
        if kind is not None:
            groups[Path(part.name).parent, rest].setdefault(kind, index)
    made = list(parts)
    for group in groups.values():
        if {"orderbook_delta", "orderbook_snapshot"} <= group.keys() and _is_body(parts[group["orderbook_delta"]]):
            for kind, index in group.items():
                made[index] = _framed(parts[index], kind)
    return made


def _is_body(part: FilePart) -> bool:
    """Whether a file's first record is the body of a change of a book, without its frame."""
    with open_bytes(part.path) as file:
        record, reason = decode(file.readline(1 << 20))
    return (
        reason is None and "msg" not in record and "market_ticker" in record and bool({"delta", "delta_fp"} & {*record})
    )


def _framed(part: FilePart, kind: str) -> FilePart:
    """Put each body into a frame of its type; a line that is no object stays as it is."""
    folder = ScratchFolder()
    target = folder.path / f"{said_by(part.path.name)[1] or kind}.jsonl"
    with target.open("wb") as file:
        for block in blocks(part.path, quoted=False):
            if block.damage:
                raise InputError(f"{part.name}: {block.damage}")
            for line in block.text.split(b"\n"):
                if line.strip():
                    file.write(_frame(line, kind) + b"\n")
    return FilePart(target, part.name, folder)


def _frame(line: bytes, kind: str) -> bytes:
    try:
        record = _RECORD.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return line
    received = receive_time(record, wrapped=False)
    outer = [b'"recv_ts":%b' % bytes(record[received])] if received else []
    numbers = [b'"%b":%b' % (name.encode(), bytes(record[name])) for name in ("sid", "seq") if name in record]
    inner = b",".join([b'"type":"%b"' % kind.encode(), *numbers, b'"msg":%b' % line.strip()])
    return b"{" + b",".join([*outer, b'"frame":{%b}' % inner]) + b"}"


def joined(files: Sequence[Recognised]) -> list[Recognised]:
    """Join the files of each recording that has its books' snapshots and changes in files apart."""
    groups = defaultdict[tuple[Path, str], list[int]](list)
    for index, one in enumerate(files):
        rest, kind = said_by(Path(one.name).name)
        if kind is not None and isinstance(one.importer, WebSocketCapture):
            groups[Path(one.name).parent, rest].append(index)
    replaced: dict[int, Recognised | None] = {}
    for group in groups.values():
        streams = _streams([files[index] for index in group]) if len(group) > 1 else []
        if streams:
            replaced |= dict.fromkeys(group)
            replaced[group[0]] = _written(streams, [files[index] for index in group])
    settled = (replaced.get(index, one) for index, one in enumerate(files))
    return [one for one in settled if one is not None]


@dataclass(frozen=True)
class _Stream:
    """The lines of one file: where each begins, and what its frame says of its place among the others."""

    path: Path
    name: str
    envelope: Envelope
    kinds: set[int]
    begins: NDArray[np.int64]  # and where the last one ends
    received: NDArray[np.int64]
    stamped: NDArray[np.int64]
    sid: NDArray[np.int64]
    seq: NDArray[np.int64]
    folder: ScratchFolder | None = None


def _streams(files: Sequence[Recognised]) -> list[_Stream]:
    """Look through the files; none if they are no recording with a file a type."""
    found: list[_Stream] = []
    for one in files:
        stream = _stream(one)
        if stream is None:
            return []
        found.append(stream)
    held = [kind for stream in found for kind in stream.kinds]
    return found if {*held} >= _OF_BOOKS and len(held) == len({*held}) else []


def _stream(one: Recognised) -> _Stream | None:
    """Look through a file; None if it holds messages of several types, which is seen as soon as the second comes."""
    path, folder = _plain(one.path)
    envelope, scanner = None, None
    held, ends = set[int](), [np.zeros(1, np.int64)]
    columns: list[list[NDArray[np.int64]]] = [[], [], [], []]
    at = 0
    for block in blocks(path, quoted=False):
        if envelope is None or scanner is None:
            envelope = envelope_in(block)
            scanner = scanner_for(envelope)
        text = block.text if block.text.endswith(b"\n") else block.text + b"\n"
        spans = scanner.scan(envelope.opened(TextBlock(text, block.line, block.count)))
        held |= {*np.unique(kinds(spans)).tolist()} - {OTHER}
        if len(held) > 1:
            return None
        received = moments(spans, "recv_ts") if scanner.received else np.full(spans.height, NULL, np.int64)
        stamped = moments(spans, "msg.ts_ms", "msg.ts")
        for column, values in zip(
            columns, (received, stamped, whole_numbers(spans, "sid"), whole_numbers(spans, "seq")), strict=True
        ):
            column.append(np.full(block.count, NULL, np.int64))
            column[-1][spans.lines - block.line] = values
        ends.append(at + 1 + np.flatnonzero(np.frombuffer(text, np.uint8) == ord("\n")))
        at += len(text)
    if envelope is None:
        return None
    whole = [np.concatenate(column) for column in columns]
    return _Stream(path, one.name, envelope, held, np.concatenate(ends), *whole, folder=folder)


def _plain(path: Path) -> tuple[Path, ScratchFolder | None]:
    """Return a file whose bytes are its text: itself, or a copy of one that is compressed or marks its encoding."""
    with open_bytes(path) as file:
        if not isinstance(file, Unzipped) and file.read(3) != b"\xef\xbb\xbf":
            return path, None
    folder = ScratchFolder()
    target = folder.path / path.name
    with target.open("wb") as copy:
        for block in blocks(path, quoted=False):
            if block.damage:
                raise InputError(f"{path}: {block.damage}")
            copy.write(block.text)
    return target, folder


def _written(streams: Sequence[_Stream], files: Sequence[Recognised]) -> Recognised:
    """Write the lines of some files in the order of receipt, and say what they are."""
    listed = f"{Path(files[0].name).name} and {len(files) - 1} more"
    if len({stream.envelope for stream in streams}) > 1:
        raise InputError(_refused(files, "their frames stand in different places of a line"))
    order, owner = _order(streams, files)
    folder = ScratchFolder()
    target = folder.path / listed
    contents = [np.memmap(stream.path, np.uint8, "r") if stream.path.stat().st_size else b"" for stream in streams]
    with target.open("wb") as file:
        for first in range(0, order.size, _WRITTEN_LINES):
            lines: list[bytes] = []
            for who, at in zip(
                owner[first : first + _WRITTEN_LINES].tolist(),
                order[first : first + _WRITTEN_LINES].tolist(),
                strict=True,
            ):
                begin, end = streams[who].begins[at : at + 2]
                lines.append(bytes(contents[who][begin:end]).rstrip(b"\n"))
            file.write(b"\n".join(lines) + b"\n")
    return replace(
        files[0],
        path=target,
        why=f"frames of {len(files)} files, one a type of message, joined in their order",
        name=str(Path(files[0].name).parent / listed),
        part=FilePart(target, listed, folder),
    )


def _order(streams: Sequence[_Stream], files: Sequence[Recognised]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order the lines of some files: by seq within a subscription, else by the time of receipt."""
    sizes = [stream.sid.size for stream in streams]
    owner = np.repeat(np.arange(len(streams)), sizes)
    line = np.concatenate([np.arange(size) for size in sizes])
    received = all((stream.received != NULL).any() for stream in streams)
    clock = np.concatenate([_filled(stream.received if received else stream.stamped) for stream in streams])
    sid, seq = (np.concatenate([getattr(stream, name) for stream in streams]) for name in ("sid", "seq"))
    numbered = (sid != NULL) & (seq != NULL)
    again = _restarts(owner, sid, seq, numbered) or (received and _resubscribed(streams))
    if again:
        behind = any((np.diff(_filled(stream.received)) < 0).any() for stream in streams)
        if not received or behind:
            raise InputError(
                _refused(files, "a subscription begins again in them and the receive times do not say when")
            )
    else:
        _by_number(clock, sid, seq, numbered)
    if (clock == NULL).any():
        raise InputError(_refused(files, "they carry neither receive times nor numbers (seq)"))
    for which in range(len(streams)):
        here = owner == which
        clock[here & ~numbered] = np.maximum.accumulate(clock[here])[~numbered[here]]
    follows = ~numbered
    sid, seq = np.where(follows, NULL, sid), np.where(follows, NULL, seq)
    order = np.lexsort((line, owner, seq, sid, clock))
    if again and _contradicted(sid[order], seq[order]):
        raise InputError(_refused(files, "their receive times contradict their numbers (seq)"))
    return line[order], owner[order]


def _filled(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give lines without a time that of the next line with one, or of the last."""
    known = np.flatnonzero(times != NULL)
    if not known.size:
        return times.copy()
    after = np.searchsorted(known, np.arange(times.size))
    return times[known[np.minimum(after, known.size - 1)]]


def _by_number(
    clock: NDArray[np.int64], sid: NDArray[np.int64], seq: NDArray[np.int64], numbered: NDArray[np.bool_]
) -> None:
    """Let no frame come before one of its subscription with a smaller seq."""
    for which in np.unique(sid[numbered]).tolist():
        rows = np.flatnonzero(numbered & (sid == which))
        rows = rows[np.argsort(seq[rows], kind="stable")]
        clock[rows] = np.maximum.accumulate(_filled(clock[rows]))


def _contradicted(sid: NDArray[np.int64], seq: NDArray[np.int64]) -> bool:
    """Whether a number that falls fills a gap that the numbers before it left, which is no new beginning."""
    for which in np.unique(sid[sid != NULL]).tolist():
        numbers = seq[sid == which]
        falls = [0, *(np.flatnonzero(np.diff(numbers) < 0) + 1).tolist()]
        for begin, fall in pairwise(falls):
            before = numbers[begin:fall]
            place = np.searchsorted(before, numbers[fall])
            if place > 0 and before[place] != numbers[fall]:
                return True
    return False


def _restarts(
    owner: NDArray[np.int64], sid: NDArray[np.int64], seq: NDArray[np.int64], numbered: NDArray[np.bool_]
) -> bool:
    """Whether a subscription's seq fails to rise from one frame of a file to the next, or stands in two files."""
    rows = np.flatnonzero(numbered)
    rows = rows[np.lexsort((rows, sid[rows], owner[rows]))]
    same = (np.diff(owner[rows]) == 0) & (np.diff(sid[rows]) == 0)
    if (same & (np.diff(seq[rows]) <= 0)).any():
        return True
    rows = rows[np.lexsort((owner[rows], seq[rows], sid[rows]))]
    return bool(((np.diff(sid[rows]) == 0) & (np.diff(seq[rows]) == 0) & (np.diff(owner[rows]) != 0)).any())


def _resubscribed(streams: Sequence[_Stream]) -> bool:
    """Whether an answer to a subscription was received after the first frame with a number."""
    begun = [_filled(one.received)[(one.sid != NULL) & (one.seq != NULL)] for one in streams]
    first = min((int(times.min()) for times in begun if times.size), default=None)
    answers = [_filled(one.received)[one.seq == NULL] for one in streams if not one.kinds]
    return first is not None and any((times > first).any() for times in answers)


def _refused(files: Iterable[Recognised], why: str) -> str:
    names = ", ".join(Path(one.name).name for one in files)
    return (
        f"{Path(next(iter(files)).name).parent}: {names} are one recording with a file a type of message, and {why}; "
        "write its messages into one file in the order of receipt, or each with its receive time (recv_ts, in ns)"
    )
