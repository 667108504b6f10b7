"""The command `engine`: one group of commands a file, imported only when it is called."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress


def command() -> None:
    """The program `engine`: runs, and ends without taking itself apart.

    Looking through every object once more takes a sixth of a warm sweep, and the system frees all of them anyway.
    """
    codes: list[int] = []
    atexit.register(_leave, codes)  # registered before all others, so called after them
    try:
        main()
    except SystemExit as ended:
        if isinstance(ended.code, int):
            codes.append(ended.code)
        raise


def _leave(codes: list[int]) -> None:
    if codes:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(codes[0])


def main() -> None:
    """Run the application; a user's mistake is one line on stderr, never a traceback."""
    gc.set_threshold(200_000, 20, 100)  # compiling makes many objects that stay; looking at them takes a tenth of it
    from ...io.ground.errors import DISK_FULL, TouchlineError
    from ...io.ground.names import plain
    from .app import app

    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except TouchlineError as error:
        from .console import spelled

        sys.stderr.write(f"error: {spelled(plain(str(error)))}\n")
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:  # the reader of our output went away
        raise SystemExit(0) from None
    except OSError as error:
        if error.filename is None and error.errno not in DISK_FULL:
            raise
        sys.stderr.write(f"error: {plain(str(error.filename or 'cannot write'))}: {error.strerror}\n")
        raise SystemExit(1 if error.errno in DISK_FULL else 2) from None
