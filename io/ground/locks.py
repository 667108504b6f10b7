"""Be the only process at a file or a folder: the system's own lock, which ends with its process however that ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError


def take_lock(file: Path, mode: int = 0o644) -> int | None:
    """Lock a file, made if there is none. Returns its descriptor, which holds the lock, or None if another has it."""
    return _locked(os.open(file, os.O_RDWR | os.O_CREAT, mode))


@contextmanager
def own_folder(folder: Path, taken: str) -> Iterator[None]:
    """Make a folder and be its only writer; ``taken`` is what to say if another is. An empty new one goes again."""
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    handle = _locked(os.open(folder, os.O_RDONLY))
    if handle is None:
        raise InputError(taken)
    try:
        yield
    finally:
        os.close(handle)
        if new:
            with suppress(OSError):  # it holds something
                folder.rmdir()


def _locked(handle: int) -> int | None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
