"""How parts of kernels are compiled: numba's steps less those that change nothing in them, and no machine code."""

from __future__ import annotations

import ctypes
import dis
from typing import Any

from numba.core import ir, transforms, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_machinery import CompilerPass, FunctionPass, PassManager, register_pass
from numba.core.datamodel import models
from numba.core.datamodel.registry import default_manager
from numba.core.interpreter import Interpreter
from numba.core.runtime.nrt import rtsys


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


#: Byte codes of ``with``, unpacked lists and joined dicts: Python writes a tuple of over thirty values with them, too.
UNPACKED = frozenset(
    dis.opmap[name] for name in ("BEFORE_WITH", "LIST_TO_TUPLE", "CALL_INTRINSIC_1", "DICT_MERGE") if name in dis.opmap
)


class PlainInterpreter(Interpreter):
    """From byte code to numba's steps, without its search for ``with``, unpacked lists and joined dicts."""

    def post_process(self, peepholes: Any, func_ir: Any) -> Any:
        """Leave the steps as they are."""
        return func_ir


@register_pass(mutates_CFG=True, analysis_only=False)
class PlainSteps(FunctionPass):
    """What numba calls ``translate_bytecode``, which searches only where there is something to find."""

    _name = "plain_steps"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> Any:
        """Make the steps."""
        code = state["func_id"].func.__code__.co_code
        kind = PlainInterpreter if UNPACKED.isdisjoint(code[::2]) else Interpreter
        state["func_ir"] = kind(state["func_id"]).interpret(state["bc"])
        return True


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

    They are looked for once, by the last step that changes anything; the steps before need not know them. Whoever
    compiles holds the compiler's lock already.
    """

    def _runPass(self, index: int, pss: CompilerPass, internal_state: Any) -> None:  # noqa: N802  # type: ignore[override]  # numba's name; there it takes the lock
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
                if step.name() == "translate_bytecode":
                    lean[-1].add_pass(PlainSteps, why)
                    lean[-1].add_pass(FoldNames, "namespaces of numbers")
                elif step.name() not in NEEDLESS:
                    lean[-1].add_pass(step, why)
            lean[-1].finalize()
        return lean
