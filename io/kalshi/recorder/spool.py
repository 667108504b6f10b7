"""What `pull` has fetched from the exchange and not yet stored, and what it stored: a small database beside the store.

A kill at any moment leaves it as of the last page. Rows go into the store in batches whose content is fixed before
they are imported, so that a batch whose import was cut off is imported again as the same one.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...ground.errors import DISK_FULL, DiskError, InputError
from ...ground.locks import take_lock

_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS covered (
    kind TEXT NOT NULL, ticker TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    PRIMARY KEY (kind, ticker));
CREATE TABLE IF NOT EXISTS unit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, as batches are named by it
    kind TEXT NOT NULL, ticker TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    position TEXT, complete INTEGER NOT NULL DEFAULT 0, batch INTEGER);
CREATE TABLE IF NOT EXISTS item (
    id INTEGER PRIMARY KEY, unit INTEGER NOT NULL, key TEXT NOT NULL, ts INTEGER NOT NULL, row BLOB NOT NULL,
    UNIQUE (unit, key));
"""


@dataclass(frozen=True)
class Unit:
    """A stretch of one market's records to fetch: from ``first`` up to, not including, ``last`` (ns UTC)."""

    id: int
    kind: str  # the table its rows are for
    ticker: str
    first: int
    last: int
    position: Any = None  # where fetching stands, as its fetcher wrote it


@contextmanager
def on_disk(path: Path) -> Iterator[None]:
    """Say plainly that the disk took no more of a spool."""
    try:
        yield
    except sqlite3.OperationalError as error:
        safe = "what was fetched before is safe. Free some space and run the same command again"
        raise DiskError(f"cannot write {path}: {error}; {safe}") from None


class Spool:
    """Fetched records on their way into the store; one pull at a time."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = take_lock(path.with_suffix(".lock"))
        except OSError as error:
            kind = DiskError if error.errno in DISK_FULL else InputError
            raise kind(f"cannot write {path.parent}: {error.strerror}") from None
        if lock is None:
            raise InputError(f"another pull into this store is running ({path.parent}); wait for it to end")
        with ExitStack() as held:
            held.callback(os.close, lock)
            with on_disk(path):
                self._db = held.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._db.executescript(_SCHEMA)
                self._db.execute(
                    "INSERT INTO identity SELECT ? WHERE NOT EXISTS (SELECT * FROM identity)", (str(uuid.uuid4()),)
                )
            self._identity: str = self._db.execute("SELECT id FROM identity").fetchone()[0]
            self.waiting = self._count()
            self._held = held.pop_all()

    def close(self) -> None:
        """Let another pull in."""
        self._held.close()

    def needed(self, kind: str, ticker: str, first: int, last: int, overlap: int = 0) -> list[Unit]:
        """What is left to fetch so that first … last is covered: an unfinished unit, then what lies around the covered.

        What was fetched up to now is asked for again from ``overlap`` before its end.
        """
        units = [
            Unit(number, kind, ticker, begun, ended, None if position is None else msgspec.json.decode(position))
            for number, begun, ended, position in self._db.execute(
                "SELECT id, first, last, position FROM unit WHERE kind = ? AND ticker = ? AND NOT complete",
                (kind, ticker),
            )
        ]
        low, high = self._reach(kind, ticker)
        if low is None or high is None:
            spans = [(first, last)]
        else:
            spans = [(first, low), (max(low, high - overlap) if last > high else high, last)]
        for begun, ended in spans:
            if begun < ended:
                cursor = self._db.execute(
                    "INSERT INTO unit (kind, ticker, first, last) VALUES (?, ?, ?, ?)", (kind, ticker, begun, ended)
                )
                units.append(Unit(cursor.lastrowid or 0, kind, ticker, begun, ended))
        return units

    def _reach(self, kind: str, ticker: str) -> tuple[int | None, int | None]:
        """From when to when records are covered or in units."""
        return self._db.execute(
            "SELECT min(first), max(last) FROM (SELECT first, last FROM covered WHERE kind = ?1 AND ticker = ?2"
            " UNION ALL SELECT first, last FROM unit WHERE kind = ?1 AND ticker = ?2)",
            (kind, ticker),
        ).fetchone()

    def add(self, unit: Unit, rows: Iterable[tuple[str, int, tuple[Any, ...]]], position: Any) -> int:
        """Keep a page, (key, time, row) each, and where to go on; returns how many rows were new."""
        encode = msgspec.json.encode
        self._db.execute("BEGIN IMMEDIATE")
        cursor = self._db.executemany(
            "INSERT OR IGNORE INTO item (unit, key, ts, row) VALUES (?, ?, ?, ?)",
            ((unit.id, key, ts, encode(row)) for key, ts, row in rows),
        )
        self._db.execute("UPDATE unit SET position = ? WHERE id = ?", (encode(position), unit.id))
        self._db.execute("COMMIT")
        added = max(cursor.rowcount, 0)
        self.waiting += added
        return added

    def complete(self, unit: Unit) -> None:
        """Say that all of a unit was fetched."""
        self._db.execute("UPDATE unit SET complete = 1 WHERE id = ?", (unit.id,))

    def batches(self) -> Iterator[tuple[str, int]]:
        """Fix what is complete as a batch; give the digest and number of each batch that waits to be stored."""
        self._db.execute("BEGIN IMMEDIATE")
        number = self._db.execute("SELECT coalesce(max(id), 0) FROM unit").fetchone()[0]
        self._db.execute("UPDATE unit SET batch = ? WHERE complete AND batch IS NULL", (number,))
        self._db.execute("COMMIT")
        for (batch,) in self._db.execute("SELECT DISTINCT batch FROM unit WHERE batch NOT NULL ORDER BY 1").fetchall():
            yield hashlib.sha256(f"pull {self._identity} {batch}".encode()).hexdigest(), batch

    def rows(self, batch: int, size: int) -> Iterator[tuple[str, list[list[Any]]]]:
        """A batch's rows by kind, oldest first and the later of a page's ties first, as pages come newest first."""
        for (kind,) in self._db.execute(
            "SELECT DISTINCT kind FROM unit WHERE batch = ? ORDER BY 1", (batch,)
        ).fetchall():
            cursor = self._db.execute(
                "SELECT row FROM item WHERE unit IN (SELECT id FROM unit WHERE batch = ? AND kind = ?)"
                " ORDER BY ts, unit, id DESC",
                (batch, kind),
            )
            while found := cursor.fetchmany(size):
                yield kind, [msgspec.json.decode(row) for (row,) in found]

    def stored(self, batch: int) -> None:
        """A batch is in the store: its units are covered, its rows can go."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("DELETE FROM item WHERE unit IN (SELECT id FROM unit WHERE batch = ?)", (batch,))
        self._db.execute(
            "INSERT INTO covered SELECT kind, ticker, min(first), max(last) FROM unit WHERE batch = ?"
            " GROUP BY kind, ticker ON CONFLICT (kind, ticker) DO UPDATE SET"
            " first = min(first, excluded.first), last = max(last, excluded.last)",
            (batch,),
        )
        self._db.execute("DELETE FROM unit WHERE batch = ?", (batch,))
        self._db.execute("COMMIT")
        self.waiting = self._count()

    def _count(self) -> int:
        return self._db.execute("SELECT count(*) FROM item").fetchone()[0]
