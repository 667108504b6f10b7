"""What a quoting model's functions are made of, so that what was computed with one is not taken for another's.

Their code in memory counts, not their file: that may have been edited since, and a notebook has none.
"""

from __future__ import annotations

import hashlib
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from .quoting import QuotingModel


def fingerprint(model: type[QuotingModel]) -> str:
    """A hash of all that decides a model's quotes. Other versions of Python give others, so it names its own."""
    digest = hashlib.sha256("\0".join(made_of(model.quote, model.derive)).encode()).hexdigest()[:16]
    return f"python{sys.version_info.major}.{sys.version_info.minor}:{digest}"


def is_another(model: type[QuotingModel], known: str | None) -> bool:
    """Whether a fingerprint of old is another model's; where Python or the writer was another, nobody knows."""
    own = fingerprint(model)
    return known is not None and known.partition(":")[0] == own.partition(":")[0] and known != own


def made_of(*functions: Any) -> list[str]:
    """The code of functions and of those they call, with the values that they take from around them.

    A kernel is compiled with such a value, so it counts as much as the code.
    """
    made: list[str] = []
    seen: set[int] = set()
    waiting = [*functions]
    while waiting:
        function = waiting.pop()
        function = getattr(function, "py_func", function)
        if id(function) in seen:
            continue
        seen.add(id(function))
        if isinstance(function, FunctionType):
            made.append(f"{function.__qualname__} {function.__defaults__} {_code(function.__code__)}")
            around = _around(function)
            made += [f"{name} = {_value(value)}" for name, value in sorted(around.items()) if not callable(value)]
            waiting += [value for _, value in sorted(around.items()) if callable(value)]
        else:
            made.append(f"{function!r} {getattr(function, '_fields', '')}")
    return made


def _around(function: FunctionType) -> dict[str, Any]:
    """What a function takes from around it: globals, what its modules hold, variables of the function it stands in."""
    codes, names = [function.__code__], set[str]()
    for code in codes:
        names |= {*code.co_names}
        codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    modules = {name: value for name, value in found.items() if isinstance(value, ModuleType)}
    for name, module in modules.items():
        del found[name]
        found |= {f"{name}.{inner}": vars(module)[inner] for inner in names if inner in vars(module)}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return found | {name: cell.cell_contents for name, cell in cells}


def _code(code: CodeType) -> str:
    """Code without its place: neither its file nor its lines."""
    inner = [_code(value) if isinstance(value, CodeType) else _value(value) for value in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars)
    return f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {names} {inner}"


def _value(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.tolist()}"
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
