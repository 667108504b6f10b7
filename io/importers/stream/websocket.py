"""Raw WebSocket captures, one frame a line: books with their gaps, trades, tickers and the life of markets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.units import TICKS_PER_DOLLAR
from ...store.chunk import BadRow, Chunk
from ...store.schema import BookKind, Side
from ..base import Options, Sample
from ..books.levels import level_lists
from ..books.rows import BookRows, SourceBooks
from ..books.state import ANY
from ..tables.trades import TRADES
from ..values.convert import NULL, SourceRows
from ..values.lines import TextBlock, blocks
from ..values.scan import Spans, decode
from ..values.text import EMPTY, FAULTS, OK
from . import sequence
from .envelopes import Envelope, envelope_of
from .frames import DELTA, OTHER, SNAPSHOT, TICKER, TRADE, FrameScanner, kinds, moments, whole_numbers
from .lifecycle import StreamedLives
from .own import OWN_TYPES, own_rows
from .ticker import emit_tickers
from .values import VALUE_TYPES, value_rows

#: Clocks further apart than this are not clocks of the same world: the exchange was a replay.
_SAME_CLOCK_NS = 3600 * 1_000_000_000
#: By place among yes and no; the last is for neither.
_SIDES = np.array([Side.BID, Side.ASK, 0], dtype=np.int64)


class WebSocketCapture:
    """Frames as the exchange sent them, bare or wrapped with their receive time."""

    name = "websocket"
    title = "WebSocket capture, one frame a line"

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        for record in sample.records:
            found = envelope_of(record)
            if found is not None:
                return f"frames of type {found[1].get('type', found[1].get('cmd'))}"
        return None

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have."""
        return set() if self.recognises(sample) else {"type", "sid", "seq", "msg"} - set(sample.columns) or {"type"}

    def beside(self, path: Path) -> list[Path]:
        """Files that are read together with this one."""
        return []

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read the capture; every block is read, as the books before a chunk decide what is in it."""
        reader: CaptureReader | None = None
        envelope = Envelope((), text=False, received=None)
        for index, block in enumerate(blocks(path, quoted=False)):
            if reader is None:
                envelope = envelope_in(block)
                reader = CaptureReader(scanner_for(envelope), options)
            chunk = reader.chunk(envelope.opened(block))
            if index >= skip:
                yield chunk


def envelope_in(block: TextBlock) -> Envelope:
    """Look at the first lines for where frames stand and what their receive time is called."""
    for line in block.text.split(b"\n", 200)[:200]:
        found = envelope_of(decode(line)[0])
        if found is not None:
            return found[0]
    return Envelope((), text=False, received=None)


def scanner_for(envelope: Envelope) -> FrameScanner:
    """Return what scans frames that stand there."""
    if envelope.text:
        return FrameScanner(("frame",), "recv_ts" if envelope.received else None)
    return FrameScanner(envelope.path, envelope.received)


class CaptureReader:
    """Reads the blocks of one capture, one after the other, as it grows."""

    def __init__(self, scanner: FrameScanner, options: Options) -> None:
        self.scanner, self.options = scanner, options
        self.tracks: dict[int, sequence.Track] = {}
        self.books = SourceBooks()
        self.lives = StreamedLives(options.grid)
        self.yes_prices = options.use_yes_price
        self.said: set[str] = set()
        self.facts: list[str] = []
        self.notes = Counter[str]()
        self.last_ts = NULL
        self.snapshots = False  # whether it was looked for

    def chunk(self, block: TextBlock) -> Chunk:
        """Turn a block of frames into rows."""
        spans = self.scanner.scan(block)
        self.facts, self.notes = [], Counter()
        kind, sid, seq = kinds(spans), whole_numbers(spans, "sid"), whole_numbers(spans, "seq")
        received = moments(spans, "recv_ts") if self.scanner.received else np.full(spans.height, NULL, np.int64)
        stamped = moments(spans, "msg.ts_ms", "msg.ts")
        bad: dict[int, str] = {}
        if self.scanner.received:
            given = spans.at("recv_ts")[0] >= 0
            bad |= dict.fromkeys(np.flatnonzero(given & (received == NULL)).tolist(), "the receive time cannot be read")
        others = [(int(row), self.scanner.whole(spans, int(row))) for row in np.flatnonzero(kind == OTHER)]
        checked = self._sequence(spans, kind, sid, seq, stamped, others)
        kept = ~checked.repeated
        kept[list(bad)] = False
        when = self._fill(stamped, received)
        if not self.snapshots and (kind == DELTA).any():
            if not (kind == SNAPSHOT).any():
                self.facts.append(
                    "no snapshot of a book comes before these changes, which are left out; if the snapshots are in "
                    "another file, import the folder of the recording at once, its files named for their types of "
                    "message (orderbook_snapshot.jsonl, orderbook_delta.jsonl)"
                )
            self.snapshots = True
        books = np.flatnonzero(kept & ((kind == DELTA) | (kind == SNAPSHOT)))
        if books.size:
            self._markets(spans, books, {})  # a gap concerns the markets of its own block too
        ops = BookRows()
        for row, which, missing, last_ts in checked.gaps:
            self._hole(ops, row, which, missing, last_ts if last_ts != NULL else int(when[row]))
        tables: dict[str, list[pl.DataFrame]] = {}
        self._others(others, kept, sid, seq, received, when, ops, bad)
        for what in OWN_TYPES:
            own = [
                (row, frame["msg"])
                for row, frame in others
                if kept[row] and frame.get("type") == what and row not in bad
            ]
            for table, made in self._own(own, when, bad).items():
                tables.setdefault(table, []).append(made)
        values = [(row, frame) for row, frame in others if kept[row] and frame.get("type") in VALUE_TYPES]
        if values:
            at = [row for row, _ in values]
            made, refused = value_rows(values, when[at].tolist(), received[at].tolist())
            tables["underlying"] = [made]
            bad |= refused
        self._changes(spans, kept & (kind == DELTA), sid, seq, when, ops, bad)
        self._snapshots(spans, kept & (kind == SNAPSHOT), sid, seq, stamped, when, ops, bad)
        book, notes = self.books.frame(ops, received)
        self.notes += notes
        tables["book"] = [book]
        for code, emit in ((TRADE, _emit_trades), (TICKER, emit_tickers)):
            rows = np.flatnonzero(kept & (kind == code))
            if rows.size:
                frame = _frame(spans, rows, when, received, seq)
                given = SourceRows(frame, self.options, self.facts)
                emit(given)
                bad |= {int(rows[row]): reason for row, reason in given.reasons.items()}
                for table, made in given.tables().items():
                    tables.setdefault(table, []).append(made)
        tables["markets"] = [self.lives.rows()]
        full = {name: pl.concat(frames) for name, frames in tables.items() if any(frame.height for frame in frames)}
        refusals = [BadRow(int(spans.lines[row]), reason, spans.raw(row)) for row, reason in bad.items()]
        new = [fact for fact in self.facts if fact not in self.said]
        self.said.update(new)
        return Chunk(full, sorted([*spans.bad, *refusals], key=lambda one: one.line), dict(self.notes), new)

    def _sequence(
        self,
        spans: Spans,
        kind: NDArray[np.int8],
        sid: NDArray[np.int64],
        seq: NDArray[np.int64],
        ts: NDArray[np.int64],
        others: list[tuple[int, dict[str, Any]]],
    ) -> sequence.Numbering:
        firsts = np.flatnonzero((kind == SNAPSHOT) & (seq == 1))
        keys = ("msg.market_ticker", "msg.yes_dollars_fp", "msg.no_dollars_fp", "msg.yes", "msg.no")
        said = [spans.texts(key, firsts).to_list() for key in keys]
        snapshots = {int(row): tuple(column[at] for column in said) for at, row in enumerate(firsts)}
        acks = [
            (row, frame["msg"]["sid"])
            for row, frame in others
            if frame.get("type") == "subscribed"
            and isinstance(frame.get("msg"), dict)
            and _is_sid(frame["msg"].get("sid"))
        ]
        checked = sequence.check(self.tracks, sid, seq, ts, acks, snapshots)
        self.notes += Counter(
            {
                "repeated frames left out": int(checked.repeated.sum()),
                "frames missed by the recorder": checked.missed,
                "new connections": checked.restarts,
            }
        )
        if not (seq != NULL).any() and (kind != OTHER).any():
            self.facts.append("frames carry no seq: missing ones cannot be noticed")
        return checked

    def _fill(self, stamped: NDArray[np.int64], received: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the exchange's time of every frame: its own, else about when it was received.

        A frame without a time of its own is no later than the next that has one: the clocks differ a little, and by
        far when the exchange was a replay.
        """
        when = np.where(stamped != NULL, stamped, received)
        timed = np.flatnonzero(stamped != NULL)
        if timed.size:
            after = np.searchsorted(timed, np.arange(when.size))
            following = stamped[timed[np.minimum(after, timed.size - 1)]]
            when = np.where((after < timed.size) & ((when == NULL) | (when > following)), following, when)
            last = int(timed[-1])
            lag = int(received[last]) - int(stamped[last])
            if received[last] != NULL and abs(lag) > _SAME_CLOCK_NS:
                when[last + 1 :] = np.where(when[last + 1 :] == NULL, NULL, when[last + 1 :] - lag)
        known = np.flatnonzero(when != NULL)
        if not known.size:
            return np.full(when.size, self.last_ts)
        after = np.searchsorted(known, np.arange(when.size))
        filled = when[known[np.minimum(after, known.size - 1)]]
        self.last_ts = int(when[known[-1]])
        return filled

    def _hole(self, ops: BookRows, row: int, sid: int, seq: int, ts: int, only: list[int] | None = None) -> None:
        """Say that the books of a subscription are unknown: those it had before this block or may have got in it."""
        markets = np.array(only if only is not None else range(len(self.books.codes)), dtype=np.int64)
        ops.add(
            frame=np.full(markets.size, row), kind=int(BookKind.GAP), market=markets, side=0, price=0, size=0, sid=sid,
            ts=ts, seq=seq,
        )  # fmt: skip

    def _others(
        self,
        others: list[tuple[int, dict[str, Any]]],
        kept: NDArray[np.bool_],
        sid: NDArray[np.int64],
        seq: NDArray[np.int64],
        received: NDArray[np.int64],
        when: NDArray[np.int64],
        ops: BookRows,
        bad: dict[int, str],
    ) -> None:
        """Read acknowledgements, life cycle messages, commands and the recorder's own notes."""
        for row, frame in others:
            if not kept[row]:
                continue
            kind, message = frame.get("type"), frame.get("msg")
            message = message if isinstance(message, dict) else {}
            if "cmd" in frame and kind is None:
                self._mode(frame.get("params"))
            elif kind == "recording":
                self._mode(message)
            elif kind == "gap":
                listed = message.get("market_tickers")
                listed = listed if isinstance(listed, list) else []
                only = [self.books.code(str(name)) for name in listed] or None
                begun = message.get("start_ts")
                known = isinstance(begun, int) and 0 < begun < when[row]
                self._hole(ops, row, ANY, NULL, int(begun if known else when[row]), only)  # pyright: ignore[reportArgumentType] - known is an int
            elif kind == "ok" and isinstance(message.get("market_tickers"), list) and sid[row] != NULL:
                left = {str(name) for name in message["market_tickers"]}
                gone = [code for name, code in self.books.codes.items() if name not in left]
                self._hole(ops, row, int(sid[row]), int(seq[row]), int(when[row]), gone)
            elif kind == "unsubscribed" and sid[row] != NULL:
                self._hole(ops, row, int(sid[row]), int(seq[row]), int(when[row]))
            elif kind in ("market_lifecycle_v2", "event_lifecycle", "event_fee_update"):
                reason = self.lives.take(kind, message, int(received[row]) if received[row] != NULL else int(when[row]))
                if reason:
                    bad[row] = reason
            elif kind is None:
                bad[row] = "no frame: type is missing"
            elif kind in OWN_TYPES:
                if not message:
                    bad[row] = f"the {kind} has no msg"
            elif kind not in ("subscribed", "error", "ended", "missed", "ok", *VALUE_TYPES):
                self.notes[f"frames of type {str(kind)[:40]} not used"] += 1

    def _own(
        self, messages: list[tuple[int, dict[str, Any]]], when: NDArray[np.int64], bad: dict[int, str]
    ) -> dict[str, pl.DataFrame]:
        """Read messages about the own account, of one type."""
        if not messages:
            return {}
        made, refused = own_rows(messages, [int(when[row]) for row, _ in messages], self.options, self.facts)
        bad |= refused
        return made

    def _mode(self, said: object) -> None:
        """Take the price mode of the NO side from a recorded command or header."""
        if (
            isinstance(said, dict)
            and isinstance(said.get("use_yes_price"), bool)
            and self.options.use_yes_price is None
        ):
            self.yes_prices = said["use_yes_price"]
            self.facts.append(
                f"NO levels are in {'YES' if self.yes_prices else 'NO'} prices (use_yes_price of the recording)"
            )

    def _markets(self, spans: Spans, rows: NDArray[np.int64], bad: dict[int, str]) -> NDArray[np.int64]:
        """Return the market of each row as a small number; -1 if it has none."""
        tickers = spans.texts("msg.market_ticker", rows).fill_null("")
        good = tickers.unique(maintain_order=True).to_list()
        codes = [self.books.code(name) if name and name.isprintable() and " " not in name else -1 for name in good]
        found = tickers.replace_strict(good, codes, return_dtype=pl.Int64).to_numpy()
        bad |= dict.fromkeys(rows[found < 0].tolist(), "market_ticker is missing or no name")
        return found

    def _flip(self, price: NDArray[np.int64], side: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn NO prices into YES ticks."""
        if self.yes_prices is None:
            self.yes_prices = False
            self.facts.append(
                "NO levels are taken to be in NO prices (as use_yes_price=False asks for them; "
                "use_yes_price=True says otherwise)"
            )
        return price if self.yes_prices else np.where(side == Side.ASK, TICKS_PER_DOLLAR - price, price)

    def _number(
        self, spans: Spans, rows: NDArray[np.int64], new: tuple[str, int], old: tuple[str, int], bad: dict[int, str]
    ) -> NDArray[np.int64]:
        """Read a number by its present name, else by its old one."""
        values, faults = spans.decimals(new[0], new[1], rows)
        if (faults == EMPTY).any():
            older, old_faults = spans.decimals(old[0], old[1], rows)
            values, faults = np.where(faults == EMPTY, older, values), np.where(faults == EMPTY, old_faults, faults)
        for at in np.flatnonzero(faults != OK):
            bad[int(rows[at])] = f"{new[0].removeprefix('msg.')} {FAULTS[int(faults[at])]}"
        return values

    def _changes(
        self,
        spans: Spans,
        wanted: NDArray[np.bool_],
        sid: NDArray[np.int64],
        seq: NDArray[np.int64],
        when: NDArray[np.int64],
        ops: BookRows,
        bad: dict[int, str],
    ) -> None:
        """Read the changes of levels; one that cannot be read leaves its market's book unknown."""
        rows = np.flatnonzero(wanted)
        if not rows.size:
            return
        faulty: dict[int, str] = {}
        market = self._markets(spans, rows, faulty)
        price = self._number(spans, rows, ("msg.price_dollars", 4), ("msg.price", 2), faulty)
        size = self._number(spans, rows, ("msg.delta_fp", 2), ("msg.delta", 2), faulty)
        side = _SIDES[spans.words("msg.side", ("yes", "no"), rows)]
        faulty |= dict.fromkeys(rows[side == 0].tolist(), "side is not yes or no")
        outside = (price < 0) | (price > TICKS_PER_DOLLAR)
        faulty |= dict.fromkeys(rows[outside].tolist(), "price is not between 0 and 1 dollar")
        faulty |= dict.fromkeys(rows[when[rows] == NULL].tolist(), "carries no time")
        good = np.ones(rows.size, np.bool_)
        if faulty:
            good = ~np.isin(rows, np.array(list(faulty)))
            broken = ~good & (market >= 0) & (when[rows] != NULL)
            ops.add(
                frame=rows[broken], kind=int(BookKind.GAP), market=market[broken], side=0, price=0, size=0,
                sid=sid[rows[broken]], ts=when[rows[broken]], seq=seq[rows[broken]],
            )  # fmt: skip
            bad |= faulty
        rows = rows[good]
        ops.add(
            frame=rows, kind=int(BookKind.DELTA), market=market[good], side=side[good],
            price=self._flip(price, side)[good], size=size[good], sid=sid[rows], ts=when[rows], seq=seq[rows],
        )  # fmt: skip

    def _snapshots(
        self,
        spans: Spans,
        wanted: NDArray[np.bool_],
        sid: NDArray[np.int64],
        seq: NDArray[np.int64],
        own: NDArray[np.int64],
        when: NDArray[np.int64],
        ops: BookRows,
        bad: dict[int, str],
    ) -> None:
        """Read whole books; a side whose key is missing is empty."""
        rows = np.flatnonzero(wanted)
        if not rows.size:
            return
        ts = np.where(own[rows] != NULL, own[rows], when[rows])
        faulty: dict[int, str] = {}
        market = self._markets(spans, rows, faulty)
        faulty |= {int(row): "carries no time" for row in rows[ts == NULL]}
        read = []
        for side, names in (
            (Side.BID, ("msg.yes_dollars_fp", "msg.yes_dollars", "msg.yes")),
            (Side.ASK, ("msg.no_dollars_fp", "msg.no_dollars", "msg.no")),
        ):
            name = next((name for name in names if (spans.at(name, rows)[0] >= 0).any()), names[0])
            lists = level_lists(spans.data, *spans.at(name, rows), 2 if name.endswith(("yes", "no")) else 4, 2)
            owner = np.repeat(np.arange(rows.size), lists.counts)
            wrong = (lists.prices < 0) | (lists.prices > TICKS_PER_DOLLAR) | (lists.sizes < 0)
            faulty |= dict.fromkeys(rows[lists.faults != OK].tolist(), f"the {name[4:]} levels cannot be read")
            faulty |= dict.fromkeys(rows[owner[wrong]].tolist(), f"a level of {name[4:]} is out of range")
            read.append((int(side), lists, owner))
        good = np.ones(rows.size, np.bool_)
        if faulty:
            good = ~np.isin(rows, np.array(list(faulty)))
            bad |= faulty
        whole = rows[good]
        ops.add(
            frame=whole, kind=int(BookKind.CLEAR), market=market[good], side=0, price=0, size=0, sid=sid[whole],
            ts=ts[good], seq=seq[whole],
        )  # fmt: skip
        for side, lists, owner in read:
            taken = good[owner] & (lists.sizes > 0)
            at = owner[taken]
            prices = self._flip(lists.prices[taken], np.full(at.size, side))
            ops.add(
                frame=rows[at], kind=int(BookKind.LEVEL), market=market[at], side=side, price=prices,
                size=lists.sizes[taken], sid=sid[rows[at]], ts=ts[at], seq=seq[rows[at]],
            )  # fmt: skip


def _is_sid(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _frame(
    spans: Spans, rows: NDArray[np.int64], when: NDArray[np.int64], received: NDArray[np.int64], seq: NDArray[np.int64]
) -> pl.DataFrame:
    """Return the fields of some frames that carry anything, with their times as numbers."""
    fields = [name for name in spans.names if name.startswith("msg.") and name not in ("msg.ts", "msg.ts_ms")]
    columns = {
        name.removeprefix("msg."): spans.texts(name, rows) for name in fields if (spans.at(name, rows)[0] >= 0).any()
    }
    times = {"ts_ms": when[rows], "recv_ts": received[rows], "seq": seq[rows]}
    return pl.DataFrame(columns | {name: pl.Series(value).replace(NULL, None) for name, value in times.items()})


def _emit_trades(rows: SourceRows) -> None:
    """Read trade frames as any other trades; the old integers are cents."""
    missing = TRADES.missing(rows.frame.columns)
    rows.fail(np.full(rows.frame.height, bool(missing)), lambda row: f"the trade lacks {', '.join(sorted(missing))}")
    if not missing:
        TRADES.convert(rows, {"unit": "cents"})
