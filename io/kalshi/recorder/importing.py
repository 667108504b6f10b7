"""From the journal to the store: closed segments are imported by a child process, so that the recorder stays small."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from subprocess import Popen
from typing import IO

from ...importers import child


class JournalImporter:
    """Imports segments of the journal, one child at a time.

    A segment goes (with ``keep``: to ``done/``) only once it is stored.
    """

    def __init__(self, store: str, *, keep: bool = False, tell: Callable[[str], None] = lambda line: None) -> None:
        self._store, self._keep, self._tell = store, keep, tell
        self._waiting: list[Path] = []
        self._child: Popen[bytes] | None = None
        self._working: list[Path] = []
        self._seen: set[Path] = set()
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self.rows: dict[str, int] = {}
        self.failed = False

    def add(self, segments: Iterable[Path]) -> None:
        """Import these when the ones before them are done."""
        new = [segment for segment in segments if segment not in self._seen]
        self._seen.update(new)
        self._waiting += new
        self.look()

    def look(self) -> None:
        """Take the result of a child that ended, and start the next one."""
        if self._child is not None and self._child.poll() is not None:
            self._ended(self._child.returncode)
        if self._child is None and self._waiting:
            self._start()

    def finish(self) -> None:
        """Wait until everything is imported."""
        while self._child is not None or self._waiting:
            if self._child is not None:
                self._child.wait()
            self.look()
        self._output.close()

    def _start(self) -> None:
        self._working, self._waiting = self._waiting, []
        self._output.seek(0)
        self._output.truncate()
        self._child = child.start(self._store, self._working, self._output)

    def _ended(self, code: int) -> None:
        self._child = None
        self._output.seek(0)
        said = self._output.read()
        done = child.brought(said)
        if done is None:
            self.failed = True
            last = said.decode("utf-8", "replace").strip().splitlines()[-1:]
            self._tell(f"the journal could not be imported ({' '.join(last) or code}); its segments are kept")
            return
        for one in done:
            for table, rows in one.rows.items():
                self.rows[table] = self.rows.get(table, 0) + rows
            if one.quarantined:
                self._tell(f"{one.quarantined} records of {one.path} could not be read: see {one.quarantine}")
        for path in self._working:
            if self._keep:
                done = path.parent / "done"
                done.mkdir(exist_ok=True)
                path.rename(done / path.name)
            else:
                path.unlink(missing_ok=True)
