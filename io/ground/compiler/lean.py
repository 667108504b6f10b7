"""What numba does over and over while it compiles, done once: it changes no type and no machine code."""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import Any

from llvmlite.binding import ffi
from numba.core import base
from numba.core.types import functions


@cache
def prepare() -> None:
    """Make numba compile with less work, once a process; for those who are about to compile."""
    _load_linear_algebra_later()
    untold: Any = ffi.lib  # numba tells its listeners of each call of LLVM, for a clock that nobody reads
    untold._lock._cblist.clear()
    lowering: Any = base
    lowering._has_loc = cache(lowering._has_loc)  # the same few functions are asked thousands of times
    remembered(functions.BaseFunction)


def _load_linear_algebra_later() -> None:
    """Have numba look for SciPy when a function wants linear algebra, not before it compiles anything."""
    if "numba.np.arraymath" in sys.modules:
        return
    linalg: Any = import_module("numba.np.linalg")
    found = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        arraymath: Any = import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = found
    arraymath.ensure_blas = found


def remembered(kind: type[Any]) -> None:
    """Remember what calls of operators and builtins give: numba tries a score of rules for each ``a + b``.

    Only what is the same under all options is remembered, which leaves out functions that numba compiles itself.
    """
    found = kind.get_call_type

    def get_call_type(self: Any, context: Any, args: Any, kws: Any) -> Any:
        known = vars(self).setdefault("_remembered", {})
        if not kws and (context, args) in known:
            return known[context, args]
        signature = found(self, context, args, kws)
        if not kws and self.get_impl_key(signature) is self.typing_key:
            known[context, args] = signature
        return signature

    kind.get_call_type = get_call_type
