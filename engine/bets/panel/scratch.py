"""A folder that lives as long as the thing that holds it, and columns of numbers in its files."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....io.ground.errors import DISK_FULL, DiskError


class Scratch:
    """A temporary folder, gone when nobody holds this any more or the program ends.

    >>> kept = Scratch("work-")
    >>> kept.path.is_dir()
    True
    """

    def __init__(self, prefix: str) -> None:
        with _told(Path(tempfile.gettempdir())):
            self.path = Path(tempfile.mkdtemp(prefix=prefix))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def append(self, name: str, values: npt.NDArray[Any]) -> None:
        """Write more rows behind a column's others."""
        with _told(self.path), (self.path / name).open("ab") as file:
            file.write(np.ascontiguousarray(values).data)

    def mapped(self, name: str, kind: Any) -> npt.NDArray[Any]:
        """Map a column that was written."""
        return np.memmap(self.path / name, kind, mode="r+")

    def column(self, name: str, kind: Any, rows: int) -> npt.NDArray[Any]:
        """Map a new column of so many zeros.

        Its place on the disk is taken now: a file that is mapped and then finds the disk full ends the process.
        """
        size = max(rows, 1) * np.dtype(kind).itemsize
        with _told(self.path), (self.path / name).open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        return np.memmap(self.path / name, kind, mode="r+", shape=(max(rows, 1),))[:rows]


@contextmanager
def _told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise DiskError(f"cannot write to {place}: {error.strerror}; free some space, or set TMPDIR") from None
