"""The import of files in a process of its own, which says what came of each in one line of JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from subprocess import STDOUT, Popen
from typing import IO

import msgspec

from ..ground.children import start_python
from ..ground.errors import TouchlineError

_PROGRAM = "from touchline.io.importers.child import main; main()"


class Brought(msgspec.Struct):
    """What came of one file."""

    path: str
    rows: dict[str, int]
    quarantined: int
    quarantine: str | None  #: where the records lie that could not be read


def start(store: str, paths: list[Path], output: IO[bytes]) -> Popen[bytes]:
    """Start importing files; ``output`` gets what is said of it. An interrupt from the keyboard does not reach it."""
    arguments = [store, *map(str, paths)]
    return start_python(_PROGRAM, *arguments, stdout=output, stderr=STDOUT, start_new_session=True)


def brought(said: bytes) -> list[Brought] | None:
    """Read what an import that has ended said; None if it came to no end."""
    lines = [line for line in said.splitlines() if line.startswith(b"[")]
    return msgspec.json.decode(lines[-1], type=list[Brought]) if lines else None


def main() -> None:
    """Import the files named after the store."""
    from ..store.store import Store
    from .base import Options
    from .importing import import_files, plan

    store, *paths = sys.argv[1:]
    try:
        files, _ = plan(map(Path, paths), Options())
        done = [
            Brought(one.recognised.name, one.report.rows, one.report.quarantined, one.report.quarantine)
            for one in import_files(Store(store), files, Options())
        ]
    except TouchlineError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(error.exit_code) from None
    sys.stdout.write(msgspec.json.encode(done).decode() + "\n")
