"""What a strategy's part can be told: declared parameters with default, bounds and a line of documentation."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..io.ground.errors import InputError

#: What a parameter of a strategy may be set to; a list is one of those that parts of pipelines hold.
Setting = bool | int | float | str | Sequence[float | str]
#: How many names a hint lists.
MOST_NAMED = 20
#: How people write that something is so, and that it is not.
_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


def _written(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:g}"


@dataclass(frozen=True)
class Parameter:
    """One declared parameter. ``low`` and ``high`` are both allowed; ``None`` means no bound on that side."""

    name: str
    default: float | int | str
    low: float | None = None
    high: float | None = None
    doc: str = ""
    kind: Literal["float", "int", "choice", "text"] = "float"
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.check(self.default)

    @property
    def bounds(self) -> str:
        """The allowed values, for people.

        >>> Parameter("gamma", 0.1, low=0, high=5).bounds, Parameter("lots", 1, low=1, kind="int").bounds
        ('0 to 5', '1 or more')
        >>> Parameter("size", 10.0, low=0.01, high=1e6).bounds
        '0.01 to 1,000,000'
        """
        if self.kind == "choice":
            return ", ".join(self.choices)
        if self.kind == "text":
            return "a text"
        if self.low is not None and self.high is not None:
            return f"{_written(self.low)} to {_written(self.high)}"
        if self.low is not None:
            return f"{_written(self.low)} or more"
        return "any" if self.high is None else f"at most {_written(self.high)}"

    def check(self, given: Any) -> float | int | str:
        """Return ``given`` as this parameter's kind, or say what was expected.

        >>> Parameter("gamma", 0.1, low=0, high=5).check("0.5")
        0.5
        """
        if self.kind == "choice":
            if set(self.choices) == {"yes", "no"} and (told := switch(given)) is not None:
                return "yes" if told else "no"
            if given not in self.choices:
                raise InputError(f"{self.name} is one of {self.bounds}, not {given!r}")
            return str(given)
        if self.kind == "text":
            if not isinstance(given, str):
                raise InputError(f"{self.name} is a text, not {given!r}")
            return given
        value = self._number(given)
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not low <= value <= high:
            raise InputError(f"{self.name} is {self.bounds}, not {given}")
        return value

    def _number(self, given: Any) -> float | int:
        try:
            value = float(given)
        except (TypeError, ValueError):
            raise InputError(f"{self.name} is a number, not {given!r}") from None
        if self.kind == "int":
            if not value.is_integer():
                raise InputError(f"{self.name} is a whole number, not {given}")
            return int(value)
        return value


def switch(given: Any) -> bool | None:
    """Whether a switch is on, in any of the usual spellings; None for what is none of them.

    >>> switch("yes"), switch("OFF"), switch(1), switch(0.0), switch("perhaps")
    (True, False, True, False, None)
    """
    text = f"{given:g}" if isinstance(given, int | float) and not isinstance(given, bool) else str(given)
    return _SWITCHES.get(text.strip().lower())


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a misspelt name: the nearest known one, or all of them, the nearest first.

    >>> nearest("gama", ["gamma", "kappa"]), nearest("x", ["gamma", "kappa"])
    ("did you mean 'gamma'?", 'known: gamma, kappa')
    """
    names = sorted(known, key=lambda other: (-difflib.SequenceMatcher(None, other, name).ratio(), other))
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return f"known: {', '.join(names[:MOST_NAMED]) or 'none'}{more}"


def check(parameters: Iterable[Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every parameter's value: what was given, checked, and defaults for the rest.

    >>> check([Parameter("gamma", 0.1, 0, 5), Parameter("depth", 1, 1, 9, kind="int")], {"depth": 3})
    {'gamma': 0.1, 'depth': 3}
    """
    declared = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in declared:
            raise InputError(f"there is no parameter {name!r}; {nearest(name, declared)}")
    return {
        name: parameter.check(given[name]) if name in given else parameter.default
        for name, parameter in declared.items()
    }
