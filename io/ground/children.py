"""Processes that this program starts: they see no setting of the exchange, and Python imports what is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any


def start_python(code: str, *arguments: str, **how: Any) -> subprocess.Popen[Any]:
    """Start a process that runs ``code``; ``how`` is passed to ``Popen``.

    Python would look for modules in the current folder first, where a stranger's file may have any name.
    """
    words = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.Popen(words, env=_environment(), **how)


def start_command(words: Sequence[str], **how: Any) -> subprocess.Popen[Any]:
    """Start a program that the user named, without a shell; ``how`` is passed to ``Popen``."""
    return subprocess.Popen(words, env=_environment(), **how)


def _environment() -> dict[str, str]:
    """This process's environment without the exchange's settings, keys among them."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("KALSHI_")}
