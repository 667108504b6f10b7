"""Where the program keeps what is the user's: what can be made again, and what is secret.

Kernels are machine code and tapes are numbers that are believed, so a folder that another user can change is not used.
"""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import cache
from grp import getgrgid
from pathlib import Path

from .errors import InputError, note


def cache_dir() -> Path:
    """Return TOUCHLINE_CACHE, the user's cache folder, or a temporary one if neither can be written to.

    A TOUCHLINE_CACHE that another user can change is an error; other folders like that are passed over.
    """
    named = os.environ.get("TOUCHLINE_CACHE")
    folder = _writable(Path(named)) if named else _own("XDG_CACHE_HOME", ".cache")
    if folder is None:
        shared = Path(tempfile.gettempdir()) / f"touchline-{os.getuid()}"
        folder = None if shared.is_symlink() else _writable(shared)
    elif named and not is_private(folder):
        raise InputError(
            f"TOUCHLINE_CACHE is {named}, which other users can change, or a folder above it: take the right to "
            "write there away from them (chmod go-w), or name a folder of your own"
        )
    elif named:
        return folder
    return folder if folder is not None and is_private(folder) else _for_this_process()


def config_dir() -> Path | None:
    """Return the user's folder for settings and secrets, or None where the user has none of his own."""
    folder = _own("XDG_CONFIG_HOME", ".config")
    return folder if folder is not None and is_private(folder) else None


def is_private(folder: Path) -> bool:
    """Whether nobody but this user and the administrator can change what lies in a folder.

    Nobody else may own it or a folder above it, nor write there. In a folder above it that has the sticky bit, as the
    system's temporary one has, others may write: they cannot replace what is not theirs.
    """
    real = folder.resolve() if ".." in folder.parts else folder.absolute()
    trusted = {0, os.getuid(), Path("/").stat().st_uid}
    for place in (real, *real.parents):
        found = place.lstat()
        if stat.S_ISLNK(found.st_mode):
            return is_private(folder.resolve())
        shared = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid))
        kept = place != real and found.st_mode & stat.S_ISVTX
        if found.st_uid not in trusted or (shared and not kept):
            return False
    return True


def _is_own_group(number: int) -> bool:
    """Whether a group is the administrator's, or the one that a system makes for each user alone."""
    if number == 0:
        return True
    try:
        group, user = getgrgid(number), pwd.getpwuid(os.getuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and {*group.gr_mem} <= {user.pw_name}


def _own(variable: str, name: str) -> Path | None:
    """Return this program's folder in one of the user's, if it can be written to."""
    place = os.environ.get(variable)
    try:
        return _writable((Path(place) if place else Path.home() / name) / "touchline")
    except RuntimeError:  # the system does not know where this user is at home
        return None


def _writable(folder: Path) -> Path | None:
    """Make a folder for this user alone, unless it is there; None if it cannot be written to.

    The system is asked for the right to write: to try it would cost more than what the folder is looked for.
    """
    if not folder.is_dir():
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


@cache
def _for_this_process() -> Path:
    """Make a folder that ends with this process."""
    made = tempfile.mkdtemp(prefix="touchline-")
    note("this user has no cache folder that nobody else can change, so nothing is kept; set TOUCHLINE_CACHE to one")

    def remove(owner: int = os.getpid()) -> None:
        if os.getpid() == owner:
            with suppress(OSError):
                shutil.rmtree(made)

    atexit.register(remove)
    return Path(made)
