"""The parts of a sweep on disk: what was computed is kept, whatever happens to the rest.

A part is named by what it was computed from: the tape, the venue and the program. So a sweep that was stopped goes on,
and a sweep with more cells or markets computes only those.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ...io.book.stream import BookLevels
from ...io.ground.atomic import write
from ...io.ground.checksums import checksum
from ...io.ground.errors import InputError
from ...strategies.quoting.fingerprint import fingerprint
from ...strategies.quoting.model import QuotingModel
from ..simulator.assumptions.venue import Assumptions
from ..simulator.state import F64
from ..simulator.tape.tape import Tape
from ..version import __version__
from .block import BlockPart, worst_queue
from .plan import PER_CELL

FORMAT = 2
#: A part's file: the checksum of what follows, and numpy's archive of arrays.
SUFFIX = ".part"
_ENGINE = Path(__file__).parents[1]
#: What a part's numbers come from.
_FOLDERS = (
    *(_ENGINE / name for name in ("simulator", "sweeps", "results", "figures")),
    Path(inspect.getfile(QuotingModel)).parent,
    Path(inspect.getfile(InputError)).parent,
    Path(inspect.getfile(BookLevels)).parent,
)


def program_files() -> list[Path]:
    """The files that a part's numbers come from."""
    return [path for folder in _FOLDERS for path in sorted(folder.glob("*.py")) + sorted(folder.glob("*/*.py"))]


@cache
def program(model: type[QuotingModel]) -> str:
    """A hash of everything that computes: this program's simulator and the model."""
    made = hashlib.sha256(f"{FORMAT} {__version__} {model.__qualname__}".encode())
    for path in program_files():
        made.update(path.read_bytes())
    made.update(fingerprint(model).encode())
    return made.hexdigest()[:16]


def group_name(tape: Tape, model: type[QuotingModel], assumptions: Assumptions) -> str:
    """The name of the folder for cells of one model on one tape under one venue."""
    venue = {name: _content(value) for name, value in assumptions.as_dict().items() if name not in PER_CELL}
    about = [program(model), tape.digest, worst_queue(tape), venue]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:20]


def _content(value: object) -> object:
    """What stands for an assumption: of a file of delays, its content."""
    is_file = isinstance(value, str) and value.endswith((".csv", ".parquet")) and Path(value).is_file()
    return hashlib.sha256(Path(str(value)).read_bytes()).hexdigest() if is_file else value


@dataclass(frozen=True)
class Parts:
    """The folder of parts."""

    folder: Path

    def load(self, group: str) -> list[BlockPart]:
        """Every part of a group; a file that a crash left broken counts as absent."""
        return [part for path in sorted((self.folder / group).glob(f"*{SUFFIX}")) if (part := _read(path))]

    def write(self, group: str, part: BlockPart) -> None:
        """Keep a part."""
        name = hashlib.sha256(np.ascontiguousarray(part.keys).view(np.uint8).data).hexdigest()[:20]
        columns: dict[str, Any] = {f"column_{name}": column for name, column in part.columns.items()}
        made = BytesIO()
        np.savez(made, keys=part.keys, starts=part.starts, pnl=part.pnl, **columns)
        content = made.getvalue()
        write(self.folder / group / f"{name}{SUFFIX}", checksum(content).encode() + content)


def _read(path: Path) -> BlockPart | None:
    try:
        document = path.read_bytes()
        wanted, content = document[:8], document[8:]
        if checksum(content).encode() != wanted:
            return None
        with np.load(BytesIO(content), allow_pickle=False) as stored:
            columns = {name[7:]: stored[name] for name in stored.files if name.startswith("column_")}
            return BlockPart(stored["keys"], columns, stored["starts"], stored["pnl"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def missing(keys: F64, parts: Sequence[BlockPart]) -> list[int]:
    """Rows of ``keys`` that no part holds; of equal ones the first."""
    known = {row.tobytes() for part in parts for row in part.keys}
    out = []
    for at, row in enumerate(keys):
        if (key := row.tobytes()) not in known:
            known.add(key)
            out.append(at)
    return out


def gather(keys: F64, parts: Sequence[BlockPart]) -> BlockPart:
    """Put the cells that ``keys`` names together, in that order."""
    place = {row.tobytes(): at for at, row in enumerate(row for part in parts for row in part.keys)}
    at = np.array([place[row.tobytes()] for row in keys], np.int64)
    names = parts[0].columns
    columns = {name: np.concatenate([part.columns[name] for part in parts])[at] for name in names}
    return BlockPart(keys, columns, parts[0].starts, np.concatenate([part.pnl for part in parts], axis=1)[:, at])
