"""What functions are made of, so that a changed one is known: their code, and the values that it takes from around.

Their code in memory counts, not their file: that may have been edited since, and a notebook has none.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np


def made_of(*functions: Any, options: bool = False) -> list[str]:
    """Return the code of functions and of those they call, with the values that they take from around them.

    A kernel is compiled with such a value, so it counts as much as the code. Of what is installed, names count alone.
    With ``options``, so do those that functions are compiled with.
    """
    made: list[str] = []
    seen: set[int] = set()
    waiting = [*functions]
    while waiting:
        one = waiting.pop()
        chosen = getattr(one, "targetoptions", {}) if options else {}
        one = getattr(one, "py_func", one)
        if id(one) in seen:
            continue
        seen.add(id(one))
        made += [f"{name}: {_value(value)}" for name, value in sorted(chosen.items())]
        around: dict[str, Any] = {}
        if isinstance(one, FunctionType) and _is_own(one.__module__):
            made.append(f"{one.__qualname__} {one.__defaults__} {_code(one.__code__)}")
            around = _around(one)
        elif isinstance(one, type) and _is_own(one.__module__):
            made.append(one.__qualname__)
            around = {name: getattr(value, "__func__", value) for name, value in vars(one).items() if name[:2] != "__"}
        else:
            made.append(_value(one))
            waiting += [type(one)] if _is_own(type(one).__module__) else []
        for name, value in sorted(around.items()):
            if callable(value):
                waiting.append(value)
            else:
                made.append(f"{name} = {_value(value)}")
                waiting += [type(value)] if _is_own(type(value).__module__) else []
    return made


def names_in(*functions: Any) -> frozenset[str]:
    """Return every name that functions of ours or a user's, and those that they call, read or call by."""
    names: set[str] = set()
    seen: set[int] = set()
    waiting = [*functions]
    while waiting:
        one = waiting.pop()
        one = getattr(one, "py_func", one)
        if id(one) in seen or not (isinstance(one, FunctionType) and _is_own(one.__module__)):
            continue
        seen.add(id(one))
        codes = [one.__code__]
        for code in codes:
            names |= {*code.co_names}
            codes += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
        waiting += [value for value in _around(one).values() if callable(value)]
    return frozenset(names)


def _is_own(module: str) -> bool:
    """Whether a module is ours or a user's, and not one that came with Python or was installed."""
    root = str(module).partition(".")[0]
    if root in {"__main__", __name__.partition(".")[0]}:
        return True
    file = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    return root not in sys.stdlib_module_names and not {"site-packages", "dist-packages"} & {*file.parts}


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
    if type(value).__repr__ is object.__repr__:  # which tells no more than where it lies in memory
        held = vars(value) if _is_own(type(value).__module__) and hasattr(value, "__dict__") else ""
        return f"{type(value).__qualname__} {held and _value(held)}"
    told = repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", told)
