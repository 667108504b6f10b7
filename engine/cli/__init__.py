"""The command `engine`: one group of commands a file, imported only when it is called."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Entry point: runs the application; a user's mistake is one line on stderr, never a traceback."""
    gc.set_threshold(200_000, 20, 100)  # compiling makes many objects that stay; looking at them takes a tenth of it
    from ...io.errors import DISK_FULL, TouchlineError
    from .app import app

    try:
        app()
    except TouchlineError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:  # the reader of our output went away
        raise SystemExit(0) from None
    except OSError as error:
        if error.filename is None and error.errno not in DISK_FULL:
            raise
        sys.stderr.write(f"error: {error.filename or 'cannot write'}: {error.strerror}\n")
        raise SystemExit(1 if error.errno in DISK_FULL else 2) from None
