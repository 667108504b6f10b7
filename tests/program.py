"""The program ``engine`` and users' scripts inside this process: a new one takes most of a second to start.

What belongs to the process itself, such as how it ends, signals or a stream that breaks, is tested with a real one.
"""

from __future__ import annotations

import io
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType
from unittest.mock import patch

from pytest import MonkeyPatch
from touchline.engine.cli import main


def engine(*words: object, where: Path | None = None) -> CompletedProcess[str]:
    """Run a command as from a shell in the folder ``where``, its output in a pipe."""
    asked, code = ["engine", *map(str, words)], 0
    out, told = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(told), chdir(where or "."), patch.object(sys, "argv", asked):
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return CompletedProcess(asked, code, out.getvalue(), told.getvalue())


def script(text: str, where: Path) -> str:
    """Run a script as ``python -c`` does in the folder ``where``, and return what it prints."""
    module, out = ModuleType("__main__"), io.StringIO()
    with redirect_stdout(out), chdir(where), MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "__main__", module)
        exec(compile(text, "<string>", "exec"), vars(module))
    return out.getvalue()
