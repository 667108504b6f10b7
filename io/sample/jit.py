"""How the sample's kernels are compiled."""

from __future__ import annotations

from typing import Any

import numba as nb

#: A column inside a kernel.
Cells = Any

_no_entry: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
#: Compiles a kernel that only other kernels call: without an entry from Python that takes half the time.
inner: Any = nb.njit(cache=True, **_no_entry)
