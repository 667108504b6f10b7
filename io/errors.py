"""The errors a user can cause. The command line prints them as one line and exits with their code."""

from __future__ import annotations


class TouchlineError(Exception):
    """Base of every error that has a plain-language message; never shown as a traceback by the command line."""

    exit_code = 2


class InputError(TouchlineError):
    """Something the user gave is wrong: says what was expected, what came and what to do."""


class SourceChangedError(InputError):
    """A file was written to while it was read."""


class CheckError(TouchlineError):
    """The work was done and a check on the result failed."""

    exit_code = 1
