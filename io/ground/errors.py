"""The errors a user can cause. The command line prints them as one line and exits with their code."""

from __future__ import annotations

import errno
import sys

from .names import plain

#: What the system says of a full disk, a used-up quota, and a file longer than is allowed.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class TouchlineError(Exception):
    """Base of every error that has a plain-language message; never shown as a traceback by the command line."""

    exit_code = 2


class InputError(TouchlineError):
    """Something the user gave is wrong: says what was expected, what came and what to do."""


class SourceChangedError(InputError):
    """A file was written to while it was read."""


class DiskError(TouchlineError):
    """The disk does not take what is to be written; what was finished before is as it was."""

    exit_code = 1


class CheckError(TouchlineError):
    """The work was done and a check on the result failed."""

    exit_code = 1


class DamagedError(CheckError):
    """A file is not as it was written."""


def note(message: str) -> None:
    """Tell the person at the terminal of something that went wrong and was mended."""
    sys.stderr.write(f"note: {plain(message)}\n")
