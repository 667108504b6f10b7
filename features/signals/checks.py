"""What is wrong with a model's signals, in a line: names, order, what an update returns."""

from __future__ import annotations

import keyword
from collections import namedtuple
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from ...io.ground.errors import InputError
from .event import EXAMPLE, NEAR
from .outside import OnnxSignal
from .signal import Signal, column_names


def example_values(signals: Mapping[str, Signal]) -> Any:
    """Signals as a quote reads them, each of them zero."""
    shown = namedtuple("Signals", list(signals))
    return shown(*(0.0 if one.columns == 1 else (0.0,) * one.columns for one in signals.values()))


def check_signals(signals: Mapping[str, Any], where: str) -> None:
    """Refuse signals that cannot be walked; ``where`` names their model."""
    before: dict[str, Signal] = {}
    for name, signal in signals.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise InputError(f"{where}: signal {name!r} is not a plain Python name")
        if not isinstance(signal, Signal):
            raise InputError(
                f"{where}: signal {name!r} is {signal!r}, not a Signal; write one as Signal(update, state)"
            )
        if isinstance(signal, OnnxSignal):
            _check_inputs(name, signal, before, signals, where)
        elif signal.update is not None and not str(signal.update.__module__).startswith(__name__.partition(".")[0]):
            _try_update(name, signal, before, signals, where)
        before[name] = signal


def _check_inputs(
    name: str, signal: OnnxSignal, before: Mapping[str, Signal], signals: Mapping[str, Any], where: str
) -> None:
    known = column_names(before)
    for given in signal.inputs:
        if given not in known:
            late = given in signals
            told = "is declared after it: put it before" if late else f"is none of {', '.join(known) or 'no signals'}"
            raise InputError(f"{where}: signal {name!r} reads {given!r}, which {told}")


def _try_update(
    name: str, signal: Signal, before: Mapping[str, Signal], signals: Mapping[str, Any], where: str
) -> None:
    """Call an update once in plain Python: what fails there fails more darkly in the compiler."""
    update: Any = getattr(signal.update, "py_func", signal.update)
    if not len(signal.given) >= 1:
        raise InputError(f"{where}: update of signal {name!r} takes event, and state and p where it has them")
    event = EXAMPLE._replace(near=np.zeros((4, NEAR), np.int64), signals=example_values(before))
    take = {
        "event": event, "state": _held(signal.state), "p": _held(signal.parameters),
        "ring": np.zeros((64, max(signal.ring, 1)), np.int64),
    }  # fmt: skip
    try:
        got = update(*(take[one] for one in signal.given))
    except AttributeError as error:
        if error.obj is not event.signals:
            raise InputError(f"{where}: signal {name!r} fails on an example with AttributeError: {error}") from None
        told = "is declared after it or is itself: put it before" if error.name in signals else "is not declared"
        raise InputError(f"{where}: signal {name!r} reads event.signals.{error.name}, which {told}") from None
    except Exception as error:
        raise InputError(f"{where}: signal {name!r} fails on an example with {type(error).__name__}: {error}") from None
    returned = got if isinstance(got, tuple) else (got,)
    back = [key for key, value in signal.state.items() if isinstance(value, int | float)]
    wanted = signal.columns + len(back)
    if len(returned) != wanted or not all(isinstance(one, int | float | np.number) for one in returned):
        names = ", ".join([*(["value"] if signal.columns == 1 else ["values"]), *back])
        raise InputError(f"{where}: signal {name!r} returned {got!r}, not {wanted} numbers: {names}")
    for key, one in zip(back, returned[signal.columns :], strict=True):
        if isinstance(signal.state[key], int) and isinstance(one, float):
            raise InputError(
                f"{where}: state {key!r} of signal {name!r} starts whole and becomes {one}: start it at 0.0"
            )


def _held(numbers: Mapping[str, Any]) -> Any:
    return SimpleNamespace(
        **{key: one if isinstance(one, int | float) else np.array(one) for key, one in numbers.items()}
    )
