"""Files and folders that are there whole or not at all: written beside their place, then renamed into it.

What is under way has a name of its own, so that two writers never meet, whatever their process ids. What a killed
writer left behind is removed a day later, by whoever writes into the same folder next.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

#: What nobody has touched for so many seconds, nobody is writing.
ABANDONED_S = 86_400
#: Names of what is under way, here and in 0.1.0, which called tapes and kernels by process ids.
_UNDER_WAY = re.compile(r"\..+\.[0-9a-f]{12}\.tmp|([0-9a-f]{24}|kernel_[0-9a-f]{20})\.[0-9]+")
#: Folders that this process has looked through for what killed writers left.
_cleared: set[Path] = set()


@contextmanager
def writing(path: Path, *, durable: bool = False, mode: int = 0o666) -> Iterator[Path]:
    """Give an empty file to write to, and rename it to ``path`` at the end; an error leaves ``path`` as it was.

    The folder is made if it is not there. ``durable`` waits until the disk has the file and its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    clear(path.parent)
    beside = _beside(path)
    try:
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
        yield beside
        if durable:
            sync(beside)
        beside.replace(path)
        if durable:
            sync(path.parent)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and str(error.filename) == str(beside):
            error.filename, error.filename2 = str(path), None  # the name that the caller knows
        raise


def write(path: Path, content: str | bytes, *, durable: bool = False, mode: int = 0o666) -> Path:
    """Write a whole file, text as UTF-8; returns its path."""
    with writing(path, durable=durable, mode=mode) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def create(path: Path, content: bytes, *, mode: int = 0o666) -> bool:
    """Write a whole file, unless there is one of its name: then False, and nothing is written."""
    beside = _beside(path)
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        os.link(beside, path)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def write_frame(frame: pl.DataFrame, path: Path, **how: Any) -> None:
    """Write Parquet to ``path`` itself; ``how`` is what Polars takes.

    Polars does not always say that the disk is full, so one more write asks.
    """
    from polars.exceptions import ComputeError

    try:
        frame.write_parquet(path, **how)
    except ComputeError as error:
        with path.open("ab") as file:
            file.write(bytes(1 << 20))
        raise OSError(errno.EIO, str(error)) from None


@contextmanager
def writing_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill, and rename it to ``path`` at the end; if another was first, its folder stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear(path.parent)
    beside = _beside(path)
    beside.mkdir()
    try:
        yield beside
        try:
            beside.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def discard(path: Path) -> None:
    """Remove a folder in one step: it is there whole until it is gone."""
    aside = _beside(path)
    with suppress(OSError):
        path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def is_under_way(name: str) -> bool:
    """Whether a name is that of a file or folder which a writer has not finished, or never will.

    >>> is_under_way(".model.onnx.0123456789ab.tmp"), is_under_way("model.onnx")
    (True, False)
    """
    return _UNDER_WAY.fullmatch(name) is not None


def clear(folder: Path) -> None:
    """Remove what killed writers left in a folder, once in the life of a process."""
    if folder in _cleared:
        return
    _cleared.add(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _UNDER_WAY.fullmatch(entry.name):
                remove_abandoned(Path(entry.path))


def remove_abandoned(path: Path) -> None:
    """Remove a file or folder that nobody has touched for a day."""
    with suppress(OSError):
        if time.time() - path.lstat().st_mtime < ABANDONED_S:
            return
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.tmp")


def sync(path: Path) -> None:
    """Wait until the disk has a file's bytes, or a folder's names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
