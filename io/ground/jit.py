"""How kernels are compiled: what Python calls is kept on disk, parts of it have no way in from Python."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

import llvmlite.binding as llvm
import numba
from numba import njit
from numba.core import ir, transforms, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import CompilerPass, FunctionPass, PassManager, register_pass
from numba.core.cpu import CPUTargetOptions
from numba.core.datamodel import models
from numba.core.datamodel.registry import default_manager
from numba.core.options import TargetOptions
from numba.core.runtime.nrt import rtsys

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


class PartCode(JITCodeLibrary):
    """The code of a part of a kernel: never run by itself, so it needs no machine code of its own.

    It is optimised where it is copied to; only vector code must be made before.
    """

    vector = False

    @property
    def codegen(self) -> Any:
        """Who is told of the function's environment, which parts have no use for."""
        return self

    def set_env(self, name: str, env: Any) -> None:
        """Leave a part without an environment."""

    def add_linking_library(self, library: Any) -> None:
        """Take the code of what the part calls, but not of reference counts."""
        if library is not rtsys.library:
            super().add_linking_library(library)

    def get_pointer_to_function(self, name: str) -> int:
        """Finish the part, which is nowhere in memory; who calls it from Python gets a TypeError."""
        self._ensure_finalized()
        return ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value or 0

    def _optimize_functions(self, ll_module: Any) -> None:
        if self.vector:
            super()._optimize_functions(ll_module)

    def _optimize_final_module(self) -> None:
        if self.vector:
            super()._optimize_final_module()

    def _finalize_final_module(self) -> None:
        self._finalized = True


#: What numba does for closures, array expressions, raised exceptions and the like, of which kernels of ours have none.
NEEDLESS = {
    "generic_rewrites",
    "inline_closure_likes",
    "inline_inlinables",
    "inline_overloads",
    "ir_processing",
    "literal_unroll",
    "nopython_rewrites",
    "rewrite_semantic_constants",
    "with_lifting",
}


@register_pass(mutates_CFG=False, analysis_only=False)
class FoldNames(FunctionPass):
    """Write the numbers of a namespace in place of their names: ``I.px`` costs as little to compile as ``0``."""

    _name = "fold_names"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> Any:
        """Replace attributes of global named tuples by constants."""
        found = state.func_ir
        for block in found.blocks.values():
            spaces: dict[str, Any] = {}
            for step in block.find_insts(ir.Assign):
                value = step.value
                if isinstance(value, ir.Global) and isinstance(value.value, tuple):
                    spaces[step.target.name] = value.value
                elif isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in spaces:
                    step.value = ir.Const(getattr(spaces[value.value.name], value.attr), value.loc)
                    found._definitions[step.target.name] = [step.value]
            block.body = [one for one in block.body if not (isinstance(one, ir.Assign) and one.target.name in spaces)]
            for name in spaces:
                del found._definitions[name]
        return True


class OneValue(models.TupleModel):
    """A tuple that goes to a function as one value: taken apart it would be hundreds of numbers at each call."""

    def get_argument_type(self) -> Any:
        """Return the type of the whole."""
        return self.get_value_type()

    def as_argument(self, builder: Any, value: Any) -> Any:
        """Hand it over as it is."""
        return value

    def from_argument(self, builder: Any, value: Any) -> Any:
        """Take it as it comes."""
        return value


def _tuple_model(manager: Any, kind: Any) -> models.TupleModel:
    model = OneValue if getattr(kind.instance_class, "ONE_VALUE", False) else models.TupleModel
    return model(manager, kind)


default_manager.register(types.NamedTuple, _tuple_model)


class LeanSteps(PassManager):
    """Numba's steps, one after the other: no events, no clocks, and no search for live variables after each.

    They are looked for once, by the last step that changes anything; the steps before need not know them.
    """

    @global_compiler_lock
    def _runPass(self, index: int, pss: CompilerPass, internal_state: Any) -> None:  # noqa: N802  # numba's name
        pss.analysis = self._analysis
        pss.run_initialization(internal_state)
        pss.run_pass(internal_state)
        pss.run_finalizer(internal_state)
        if pss.name() == "dead_branch_prune":
            internal_state.func_ir.blocks = transforms.canonicalize_cfg(internal_state.func_ir.blocks)


class GuestCompiler(Compiler):
    """Numba's compiler, for a user's part of a kernel."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        state: Any = self.state
        state.library = PartCode(state.targetctx.codegen(), "part")
        state.library.vector = state.flags.noalias


class PartCompiler(GuestCompiler):
    """The same for our own parts, without the steps that change nothing in them."""

    def define_pipelines(self) -> list[PassManager]:
        """Numba's steps less those in ``NEEDLESS``."""
        lean: list[PassManager] = []
        for steps in super().define_pipelines():
            lean.append(LeanSteps(steps.pipeline_name))
            for step, why in steps.passes:
                if step.name() not in NEEDLESS:
                    lean[-1].add_pass(step, why)
                if step.name() == "translate_bytecode":
                    lean[-1].add_pass(FoldNames, "namespaces of numbers")
            lean[-1].finalize()
        return lean


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
