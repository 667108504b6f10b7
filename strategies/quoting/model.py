"""What a quoting model is: declared parameters and a small function that compiles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

from ...features.signals.signal import Signal
from ...io.ground.errors import InputError
from ..own_file import one_line
from ..parameters import Parameter
from .known import Known


class QuotingModel:
    """Base of every quoting model; a user's own is a subclass in a file of his.

    ``quote(known, p)`` gets what is known (``Known``) and the parameters by name, and returns bid, ask (cents), bid
    size, ask size (contracts). A nan price means no quote on that side. It compiles, so it uses numbers and ``math``.
    With ``levels`` each of the four is a tuple, nearest first. With ``takes`` one more is what to take at once, (price,
    size); a size below zero sells. With ``state`` the call is ``quote(known, p, state)``, and the last is the new state
    as a tuple in the declared order.
    ``derive`` computes once per parameter set what depends on the parameters alone; its values get the names in
    ``derived``.
    """

    name: ClassVar[str] = ""
    parameters: ClassVar[tuple[Parameter, ...]] = ()
    derived: ClassVar[tuple[str, ...]] = ()
    grid: ClassVar[Mapping[str, tuple[float, float, int]]] = {}  #: the default sweep: parameter -> low, high, count
    signals: ClassVar[Mapping[str, Signal]] = {}  #: what ``quote`` reads as ``known.signals.NAME``
    needs_book: ClassVar[bool] = True
    needs_underlying: ClassVar[bool] = False
    explain: ClassVar[Mapping[str, str]] = {}  #: values inside ``quote`` worth showing: variable -> what it is
    levels: ClassVar[int] = 1  #: orders a side, up to 5; of more than one, ``quote`` returns tuples, nearest first
    takes: ClassVar[bool] = False  #: ``quote`` returns (price, size) more: what to take at once, sells below zero
    state: ClassVar[Mapping[str, float]] = {}  #: a third argument of ``quote``, which returns a tuple more: the new one
    from_market: ClassVar[tuple[str, ...]] = ()  #: parameters that a market's own row gives, by its columns' names

    @staticmethod
    def derive(p: Any) -> tuple[float, ...]:
        """Values that depend on the parameters alone, in the order of ``derived``."""
        return ()

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        return math.nan, math.nan, 0.0, 0.0

    @classmethod
    def slots(cls) -> int:
        """How many orders a side may be under way: those that rest, and one that takes."""
        return cls.levels + cls.takes

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Names of the values a quote gets, parameters first."""
        return (*(parameter.name for parameter in cls.parameters), *cls.derived)

    @classmethod
    def row(cls, values: dict[str, float]) -> list[float]:
        """The values of one parameter set, derived ones included, in the order of ``columns``."""
        given = {parameter.name: float(values[parameter.name]) for parameter in cls.parameters}
        name = cls.name or cls.__name__
        try:
            derived = [*cls.derive(SimpleNamespace(**given))]
        except Exception as error:
            at = ", ".join(f"{key}={value:g}" for key, value in given.items())
            raise InputError(f"derive of {name} fails for {at} with {one_line(error)}") from None
        if len(derived) != len(cls.derived):
            raise InputError(f"derive of {name} returns {len(derived)} values and derived has {len(cls.derived)} names")
        return [*given.values(), *derived]
