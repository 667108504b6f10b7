"""A folder that lives as long as the thing that holds it."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path


class Scratch:
    """A temporary folder, gone when nobody holds this any more or the program ends.

    >>> kept = Scratch("work-")
    >>> kept.path.is_dir()
    True
    """

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
