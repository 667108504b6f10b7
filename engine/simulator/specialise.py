"""From the kernel template to the compiled kernel of one model under one set of assumptions.

The copy is a module named by the hash of everything it was made from; its code is kept in the cache folder. Nothing in
it depends on the tape or on parameter values.
"""

from __future__ import annotations

import atexit
import hashlib
import marshal
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from subprocess import Popen
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING

import numba

from ...io.cache import cache_dir
from ...io.made_of import made_of
from ...io.sealed import read_sealed, write_sealed

if TYPE_CHECKING:
    from ...strategies.quoting import QuotingModel

HERE = Path(__file__).parent
TEMPLATES = ("kernel_orders.py", "kernel_decide.py", "kernel_wire.py", "kernel.py")
PARTS = (*TEMPLATES, "../../io/jit.py", "events.py", "fees.py", "queue.py", "state.py", "../../strategies/known.py")
MARK = "# <kernel>\n"
IMPORTS = """from collections import namedtuple
import math
import numpy as np
from touchline.io.jit import OPTIONS, compiled, disjoint, guest, kept, larger_nb, melted, smaller_nb
from touchline.engine.simulator.events import *
from touchline.engine.simulator.fees import (
    BILLION,
    NO_REBATE,
    aligned_nb,
    is_short_nb,
    over_nb,
    short_fee_nb,
    trade_fee_nb,
    whole_nb,
)
from touchline.engine.simulator.queue import *
from touchline.engine.simulator.state import *
from touchline.strategies.known import Known
"""


@dataclass(frozen=True)
class Flags:
    """What a specialised kernel can do; everything off is the fastest."""

    one: bool = False
    record: bool = False
    latency: bool = False
    risk: bool = False
    taker: bool = False
    fees: bool = False
    capital: bool = False
    drawn: bool = False
    uniform: bool = True
    float_queue: bool = False


def _source(model: type[QuotingModel], flags: Flags) -> str:
    """The module's text: what the templates import, the flags, the model's quote, the templates' bodies."""
    names = model.columns()
    switches = [f"{name.upper()} = {value}" for name, value in asdict(flags).items() if name != "float_queue"]
    row = ", ".join(f"params[{index}, c]" for index in range(len(names)))
    quote = [
        f"P = namedtuple('P', {list(names)!r})",
        "model_quote = guest(MODEL.quote)",
        "@melted",
        "def quote_nb(known, params, c):",
        f"    return model_quote(known, P({row}))",
    ]
    head = [IMPORTS, *switches, f"AHEAD = np.{'float64' if flags.float_queue else 'int32'}", *quote]
    bodies = [(HERE / name).read_text().split(MARK)[1] for name in TEMPLATES]
    return "\n".join([*head, *bodies]).replace("@entry", "@kept(nogil=True, **OPTIONS)")


@cache
def kernel_file(model: type[QuotingModel], flags: Flags) -> tuple[Path, str]:
    """Where the code of the kernel's module stands once it was asked for, and its text."""
    source = _source(model, flags)
    parts = [source, *made_of(model.quote), numba.__version__, sys.version]
    parts += [(HERE / part).resolve().read_text() for part in PARTS]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    return cache_dir() / "kernels" / f"kernel_{digest}.code", source


#: Kernels that a child process compiles now, see ``ahead.py``.
under_way: dict[Path, Popen[bytes]] = {}


def expect(path: Path, child: Popen[bytes]) -> None:
    """Have whoever asks for the kernel at ``path`` wait for ``child``; it does not outlive this process."""
    under_way[path] = child
    atexit.register(child.kill)


@cache
def kernel(model: type[QuotingModel], flags: Flags) -> ModuleType:
    """Return the module whose ``run_nb`` runs ``model`` under ``flags``; compiled on first use, then cached on disk."""
    path, source = kernel_file(model, flags)
    if path in under_way:
        under_way.pop(path).wait()
    name = path.stem
    module = ModuleType(name)
    vars(module).update(MODEL=model, __file__=str(path))
    sys.modules[name] = module
    exec(_code(path, source), vars(module))
    return module


def _code(path: Path, source: str) -> CodeType:
    """The code of a kernel's module: from the disk, or made and kept there if it takes it."""
    kept = read_sealed(path)
    if kept is not None:
        return marshal.loads(kept)
    made = compile(source, f"<{path.stem}>", "exec")
    with suppress(OSError):
        write_sealed(path, marshal.dumps(made))
    return made


def interpreted(model: type[QuotingModel], flags: Flags) -> ModuleType:
    """Return the same module as plain Python: slow, the same to the bit, and open to a look inside."""
    plain = "compiled = disjoint = guest = melted = lambda function: function\nkept = lambda **_: compiled\n"
    source = _source(model, flags).replace(IMPORTS, IMPORTS + plain)
    module = ModuleType("interpreted_kernel")
    vars(module)["MODEL"] = model
    exec(compile(source, "<interpreted kernel>", "exec"), vars(module))
    for name, value in list(vars(module).items()):
        if getattr(value, "targetoptions", {}).get("no_cpython_wrapper"):  # Python must never call it as it is
            vars(module)[name] = FunctionType(value.py_func.__code__, vars(module), name)
    return module
