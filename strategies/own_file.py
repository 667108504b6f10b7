"""A user's own file of models or parts, imported so that its mistakes are one line."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from ..io.ground.errors import InputError

#: Files whose code a user named.
Trust = str | Path | Sequence[str | Path]
#: What is being read and the files that may be imported for it; None: whatever a user named himself.
_only: ContextVar[tuple[str, frozenset[Path]] | None] = ContextVar("_only", default=None)


@contextmanager
def trusting(trust: Trust, named_in: str | Path) -> Iterator[None]:
    """Import no other files than those in ``trust`` while what ``named_in`` names is looked up.

    A result or a parameter file may come from a stranger, and importing a file runs it.
    """
    named = [trust] if isinstance(trust, str | Path) else trust
    files = frozenset(Path(re.sub(r"(?<=\.py):\w*$", "", str(one))).expanduser().resolve() for one in named)
    token = _only.set((str(named_in), files))
    try:
        yield
    finally:
        _only.reset(token)


def load_file(path: Path) -> ModuleType:
    """Import a file under a name of its own: what it is called and what is in it cannot hide another module.

    The same text at the same place is imported once; an edited file anew.
    """
    limit = _only.get()
    if limit is not None and path.resolve() not in limit[1]:
        raise InputError(
            f"{limit[0]} names the file {path}, whose code would run: if you trust it, name it yourself "
            f"with trust={str(path)!r}"
        )
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the file {path}: {error.strerror}") from None
    digest = hashlib.sha256(str(path.resolve()).encode() + b"\0" + text).hexdigest()[:16]
    name = f"touchline_model_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        exec(compile(text, str(path.resolve()), "exec", dont_inherit=True), vars(module))
    except SyntaxError as error:
        del sys.modules[name]
        raise InputError(f"{path}, line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == spec.origin]
        where = f", line {lines[-1]}" if lines else ""
        raise InputError(f"{path}{where}: loading it failed with {one_line(error)}") from None
    return module


def from_anywhere(strategy: str) -> str:
    """Return the name of a strategy so that a file in it is found from any folder.

    >>> from_anywhere("glft"), from_anywhere("/models/mine.py:Wide")
    ('glft', '/models/mine.py:Wide')
    """
    if ".py" not in strategy and not strategy.endswith(".toml"):
        return strategy
    file, colon, name = strategy.partition(".py:")
    return f"{Path(file).expanduser().absolute()}{colon}{name}"


def one_line(error: BaseException) -> str:
    """An error's kind and text in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
