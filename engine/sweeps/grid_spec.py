"""The grid of a sweep: axes as a person writes them, and the cells they span.

Any parameter of the model, the venue or the risk limits can be an axis. ``gamma=0.05:1:32`` are 32 equal steps,
``gamma=log:0.01:1:16`` 16 equal ratios, ``entry-ms=0,50,200`` a list.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError
from ...strategies.parameters import Parameter, nearest, switch
from ...strategies.quoting.model import QuotingModel
from ..results.results import Axis
from ..simulator.assumptions.venue import ALSO, Assumptions, table_of
from ..simulator.state import F64
from .sobol import sobol

#: Assumptions that may be a law instead of a number of ms, and how laws begin.
DELAYS, LAWS = ("feed_ms", "entry_ms", "response_ms"), ("lognormal", "exponential", "uniform")
#: More cells than these are surely a slip of the pen.
MOST_CELLS = 1_000_000


def axis(text: str, model: type[QuotingModel]) -> Axis:
    """Read one axis: ``name=low:high:count``, ``name=log:low:high:count`` or ``name=value,value,…``.

    >>> from touchline.strategies.models.registry import quoting_model
    >>> axis("gamma=log:0.01:1:3", quoting_model("avellaneda-stoikov")).values
    (0.01, 0.1, 1.0)
    >>> axis("latency-ms=0,50,200", quoting_model("avellaneda-stoikov")).part
    'venue'
    """
    name, values, scale = spec_of(text)
    return _axis(name, values, scale, model, text)


def spec_of(text: str) -> tuple[str, Sequence[float | str], Literal["lin", "log"]]:
    """The name, the values and the scale of an axis, as it is written.

    >>> spec_of("take_profit=0.1,0.2")
    ('take_profit', ['0.1', '0.2'], 'lin')
    """
    name, equals, spec = text.partition("=")
    if not equals or not name.strip() or not spec.strip():
        raise InputError(f"axis {text!r}: expected name=low:high:count, name=log:low:high:count or name=value,value,…")
    parts = spec.strip().split(":")
    is_log = parts[0] == "log"
    if len(parts) == 1 or "," in spec or parts[0] in LAWS:
        return name.strip(), [value.strip() for value in spec.split(",")], "lin"
    bounds = parts[1:] if is_log else parts
    if len(bounds) != 3:
        raise InputError(f"axis {text!r}: a range is low:high:count, as in gamma=0.05:1:32 or gamma=log:0.01:1:16")
    low, high, count = (_number(bound, text) for bound in bounds)
    if count < 1 or not count.is_integer() or count > MOST_CELLS:
        raise InputError(f"axis {text!r}: the count is a whole number from 1 to {MOST_CELLS:,}, not {bounds[2]}")
    return name.strip(), spaced(low, high, int(count), is_log, text), "log" if is_log else "lin"


def spaced(low: float, high: float, count: int, is_log: bool, text: str) -> list[float]:
    """Values from low to high in equal steps, or in equal ratios."""
    if is_log and min(low, high) <= 0:
        raise InputError(f"axis {text!r}: a log range lies above 0")
    if count > 1 and low >= high:
        raise InputError(f"axis {text!r}: low must be below high")
    values = np.geomspace(low, high, count) if is_log else np.linspace(low, high, count)
    return [float(value) for value in values]


def _number(text: str, whole: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"axis {whole!r}: {text.strip()!r} is not a number")
    return value


def _axis(name: str, values: Sequence[float | str], scale: Any, model: type[QuotingModel], text: str) -> Axis:
    """Check every value as what it will be: a parameter of the model or an assumption."""
    key = name.strip().replace("-", "_")
    key = ALSO.get(key, key)
    declared = {parameter.name: parameter for parameter in model.parameters}
    if key in declared:
        checked = [_checked(declared[key], value, text) for value in values]
        part = "model"
    else:
        assumed = {field.name for field in fields(Assumptions)}
        if key not in assumed:
            raise InputError(
                f"axis {text!r}: {model.name} has no {key!r}; {nearest(key, [*declared, *assumed, *ALSO])}"
            )
        checked = [_assumption(key, value, text) for value in values]
        part = table_of(key)
    if len(set(checked)) < len(checked):
        raise InputError(f"axis {text!r} names a value twice")
    if all(isinstance(value, float) for value in checked):
        return Axis(key, tuple(float(value) for value in checked), scale, part)
    labels = tuple(str(value) for value in checked)
    return Axis(key, tuple(float(place) for place in range(len(labels))), "lin", part, labels)


def is_number(text: float | str) -> bool:
    """Whether a word can be read as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked(parameter: Parameter, value: float | str, text: str) -> float:
    try:
        return float(parameter.check(value))
    except InputError as error:
        raise InputError(f"axis {text!r}: {error}") from None


def _assumption(name: str, value: float | str, text: str) -> float | str:
    """Check a value of an assumption by assuming it; words and switches stay words."""
    default = {field.name: field.default for field in fields(Assumptions)}[name]
    given: Any = value
    if isinstance(default, bool):
        told = switch(value)
        given = value if told is None else told
    elif not isinstance(default, str):
        given = value if name in DELAYS and not is_number(value) else _number(str(value), text)
    base = Assumptions(calm=1.0 if name == "shrink" else None)
    try:
        base.with_options({name: given})
    except InputError as error:
        raise InputError(f"axis {text!r}: {error}") from None
    return given if isinstance(given, float) else str(given).lower() if isinstance(default, bool) else str(value)


def axes_of(
    model: type[QuotingModel], given: Sequence[str] | Mapping[str, Any] | None, fixed: Mapping[str, Any]
) -> tuple[Axis, ...]:
    """The axes that were asked for, or the model's own grid less what is fixed."""
    if isinstance(given, Mapping):
        found = [_from_python(name, values, model) for name, values in given.items()]
    else:
        found = [axis(text, model) for text in given or ()]
    if not found:
        found = [
            _axis(name, spaced(low, high, count, False, name), "lin", model, name)
            for name, (low, high, count) in model.grid.items()
            if name not in fixed
        ]
    if not found:
        raise InputError(f"{model.name} has no grid of its own left; name an axis with axes=")
    return distinct(found, fixed)


def distinct(axes: Sequence[Axis], fixed: Container[str]) -> tuple[Axis, ...]:
    """The axes, when each has values and a name of its own that nothing fixes."""
    names = [one.name for one in axes]
    for one in axes:
        if not one.values:
            raise InputError(f"axis {one.name!r} names no value")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"axis {name} is given twice; give each parameter one axis")
        if name in fixed:
            raise InputError(f"{name} is both an axis and fixed; drop one of them")
    return tuple(axes)


def _from_python(name: str, values: Any, model: type[QuotingModel]) -> Axis:
    if isinstance(values, str):
        return axis(f"{name}={values}", model)
    return _axis(name, [float(one) if isinstance(one, int | float) and not isinstance(one, bool) else str(one)
                        for one in values_of(values)], "lin", model, name)  # fmt: skip


def values_of(given: Any) -> list[Any]:
    """The values of an axis as they come from Python: one, several, or None for none.

    >>> values_of(0.1), values_of((1, "touch")), values_of(None)
    ([0.1], [1, 'touch'], [])
    """
    if given is None:
        return []
    return [given] if isinstance(given, int | float) else list(given)


def cells_of(axes: Sequence[Axis], sample: str | None = None) -> F64:
    """The cells, a row each with a column an axis: the full grid, the last axis fastest, or a sample of it.

    >>> cells_of([Axis("a", (1.0, 2.0)), Axis("b", (5.0, 6.0))]).tolist()
    [[1.0, 5.0], [1.0, 6.0], [2.0, 5.0], [2.0, 6.0]]
    """
    counts = [len(one.values) for one in axes]
    whole = math.prod(counts)
    wanted = None if sample is None else _sample_size(sample)
    if (whole if wanted is None else min(wanted, whole)) > MOST_CELLS:
        raise InputError(f"{whole:,} cells are too many; draw some of them: sample='sobol:4096'")
    if wanted is not None and wanted < whole:
        index = _sobol(counts, wanted)
    else:
        index = np.indices(counts).reshape(len(counts), -1)
    return np.stack([np.array(one.values)[place] for one, place in zip(axes, index, strict=True)], axis=1)


def _sample_size(text: str) -> int:
    kind, _, count = str(text).partition(":")
    if kind != "sobol" or not count.isdigit() or not 2 <= int(count) <= MOST_CELLS:
        raise InputError(f"sample={text!r}: expected sobol:COUNT, as in sample='sobol:4096'")
    return int(count)


def _sobol(counts: Sequence[int], wanted: int) -> npt.NDArray[np.int64]:
    """Places along each axis of the first distinct cells that a Sobol sequence meets: more cells begin with fewer."""
    found = np.zeros((0, len(counts)), np.int64)
    for turn in range(64):
        points = sobol(len(counts), turn << wanted.bit_length(), 1 << wanted.bit_length())
        found = np.concatenate([found, (points * counts).astype(np.int64)])
        _, first = np.unique(found, axis=0, return_index=True)
        found = found[np.sort(first)]
        if len(found) >= wanted:
            break
    return found[:wanted].T
