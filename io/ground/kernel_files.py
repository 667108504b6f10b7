"""Compiled kernels on disk: each is named by the content of all that it is made of, and is this user's own.

They are read without the preparations for compiling, half of a warm command's time.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime.nrt import rtsys
from numba.core.serialize import dumps
from numba.core.types import BaseTuple

from .cache import cache_dir
from .compiler.lean import prepare
from .made_of import made_of
from .sealed import read_sealed, sealed_name, write_sealed


class KernelFiles(_Cache):
    """What numba asks for a function's compiled forms, and gives them to."""

    def __init__(self, compiled: Any, allocates: bool) -> None:
        self._compiled, self._allocates = compiled, allocates

    @property
    def cache_path(self) -> Any:
        """Where they are kept: where numba is told to, beside the code, or in the cache folder."""
        return str(_folder(self._compiled.py_func.__code__.co_filename))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the kernel of a signature, or None if the disk has none that this process can use."""
        if self._allocates:
            rtsys.initialize(target_context)
        content = read_sealed(self._file(sig, target_context.codegen()))
        if content is None:
            prepare()  # numba compiles what this returns nothing for
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(content))
        except (
            ModuleNotFoundError
        ):  # a function that it calls has moved: the code is the same, its module's name is not
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel, unless the disk takes no more: it is in memory all the same."""
        if not data.library.has_dynamic_globals and not any(not part.can_cache for part in data.lifted):
            with suppress(OSError):
                write_sealed(self._file(sig, data.codegen), dumps(data._reduce()))

    def enable(self) -> None:
        """Nothing to do: they are always kept."""

    def disable(self) -> None:
        """Nothing to do, for the same reason."""

    def flush(self) -> None:
        """Nothing to do: what was made of something else has another name."""

    def _file(self, sig: Any, target: Any) -> Path:
        function = self._compiled.py_func
        what = [_described(kind) for kind in sig] if isinstance(sig, tuple) else [str(sig)]
        name = sealed_name(self._content, function.__module__, *what, *map(str, target.magic_tuple()))
        return Path(self.cache_path) / f"{function.__module__.rpartition('.')[2]}.{function.__name__}-{name}.kernel"

    @cached_property
    def _content(self) -> str:
        """A hash of the function, of all that it calls and takes, and of what compiles it."""
        made = "\0".join([*made_of(self._compiled, options=True), _compiler()])
        return hashlib.sha256(made.encode()).hexdigest()


@cache
def _compiler() -> str:
    ours = (Path(__file__).parent / name for name in ("jit.py", "compiler/parts.py", "compiler/lean.py"))
    settings = "\0".join(file.read_text(encoding="utf-8") for file in ours)
    return f"{numba.__version__} {llvmlite.__version__} {sys.version} {settings}"


def _described(kind: Any) -> str:
    """A type's name, and the fields that a tuple's name leaves out."""
    if not isinstance(kind, BaseTuple):
        return str(kind)
    held: Any = kind
    return f"{type(kind).__name__} {getattr(kind, 'fields', ())} {[_described(inner) for inner in held]}"


def _folder(file: str) -> Path:
    told = vars(numba)["config"].CACHE_DIR
    if told:
        return Path(told)
    beside = Path(file).parent / "__pycache__"
    if Path(file).is_absolute() and os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    return cache_dir() / "kernels"
