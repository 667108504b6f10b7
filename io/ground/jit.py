"""How kernels are compiled: what Python calls is kept on disk, parts of it have no way in from Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
from numba import njit
from numba.core.cpu import CPUTargetOptions
from numba.core.options import TargetOptions

from .compiler.parts import GuestCompiler, PartCompiler
from .kernel_files import KernelFiles

F = TypeVar("F", bound=Callable[..., Any])

#: An array inside a kernel, of which a type checker knows nothing.
Cells = Any

# One setting for all kernels, or the disk would keep two of each. A block's loop reads up to ten columns; LLVM must be
# allowed to check that they do not overlap, or it gives up on vector code. Wide registers and gathers pay for it;
# loops unrolled for counts that only the run knows do not pay for the time it takes to compile them. A loop over the
# cells of a group must become vector code, not sixteen copies of its body.
llvm.set_option("", "--runtime-memory-check-threshold=100")
llvm.set_option("", "--unroll-runtime=false")
llvm.set_option("", "--unroll-full-max-count=8")
if "NUMBA_CPU_FEATURES" not in os.environ and "NUMBA_CPU_NAME" not in os.environ:
    settings: Any = vars(numba)["config"]
    settings.CPU_FEATURES = llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit,-prefer-no-gather,+fast-gather"

# Numba can be promised that a function's arrays do not overlap, but has no option for it.
CPUTargetOptions.noalias = TargetOptions.Mapping("noalias")  # type: ignore[attr-defined]  # the option it lacks

#: Division by zero gives what the processor gives. No function here allocates, so none needs reference counts, which
#: would cost more than the work (two atomic operations for every array of every call). And no one calls them from C.
OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}

#: Only kernels call a part of a kernel: it needs no way in from Python and no machine code of its own, which take half
#: of the time to compile. Python cannot call such a function.
PART: dict[str, Any] = {**OPTIONS, "no_cpython_wrapper": True, "pipeline_class": PartCompiler}
DISJOINT: dict[str, Any] = {**PART, "noalias": True}
GUEST: dict[str, Any] = {**PART, "pipeline_class": GuestCompiler}


def kept(signature: Any = None, **more: Any) -> Callable[[F], F]:
    """Compile what Python calls and keep it on disk; it may allocate. With a signature it is compiled at once."""

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True, **more}
        made = njit(**options)(function)
        if made is not function:  # else compiling is switched off
            vars(made)["_cache"] = KernelFiles(made, more.get("_nrt", True))
            if signature is not None:
                made.compile(signature)
                made.disable_compile()
        return cast(F, made)

    return decorate


def compiled(function: F) -> F:
    """Compile a part of a kernel, which only kernels call."""
    return cast(F, njit(**PART)(function))


def melted(function: F) -> F:
    """Compile a part of a kernel that is always copied into its caller.

    For small parts, and for those with one caller: handing over a block's arrays costs more than many do with them.
    """
    return cast(F, njit(forceinline=True, **PART)(function))


def guest(function: F) -> F:
    """Compile a user's part of a kernel, which may use all that numba knows; it is copied into its caller."""
    return cast(F, njit(forceinline=True, **GUEST)(function))


def disjoint(function: F) -> F:
    """Compile a part of a kernel whose arrays never overlap, which spares vector code the checks that they do not."""
    return cast(F, njit(**DISJOINT)(function))


def inlined(function: F) -> F:
    """Compile a small function that is always copied into its caller, and that Python may call too.

    Of a part of a kernel it makes a second one that Python may call.
    """
    return cast(F, njit(forceinline=True, **OPTIONS)(getattr(function, "py_func", function)))


def entry(function: F) -> F:
    """Compile the function that Python calls: it runs without the interpreter's lock."""
    return cast(F, njit(nogil=True, **OPTIONS)(function))


@melted
def larger_nb(a: Any, b: Any) -> Any:
    """``max(a, b)``, which numba would compile anew for every function that calls it."""
    return b if b > a else a


@melted
def smaller_nb(a: Any, b: Any) -> Any:
    """``min(a, b)``, for the same reason."""
    return b if b < a else a
