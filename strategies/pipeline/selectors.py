"""Selectors: which of a bar's candidates are taken."""

from __future__ import annotations

from typing import Any

from ..parameters import Parameter
from .pipeline import Selector, register

_MIN_SCORE = Parameter("min_score", 0.02, low=0, high=1, doc="edge below which nothing is taken, dollars")


@register("top-k")
class TopK(Selector):
    """The k strongest of each bar."""

    PARAMETERS = (Parameter("k", 3, low=1, kind="int", doc="entries a bar"), _MIN_SCORE)

    def limits(self) -> dict[str, Any]:
        """Strongest first, k of them."""
        return {"max_entries": self.k, "min_score": self.min_score, "ranked": True}


@register("threshold")
class Threshold(Selector):
    """Everything above a threshold."""

    PARAMETERS = (
        _MIN_SCORE,
        Parameter(
            "order",
            "strongest",
            kind="choice",
            choices=("strongest", "market"),
            doc="who comes first when money is short",
        ),
    )

    def limits(self) -> dict[str, Any]:
        """No limit but the threshold."""
        return {"min_score": self.min_score, "ranked": self.order == "strongest"}


@register("diversified")
class Diversified(Selector):
    """The strongest of each bar with caps on what is open of one event, series and category."""

    PARAMETERS = (
        Parameter("k", 3, low=1, kind="int", doc="entries a bar"),
        _MIN_SCORE,
        Parameter("max_per_event", 1, low=1, kind="int", doc="open positions in one event"),
        Parameter("max_per_series", 3, low=1, kind="int", doc="open positions in one series"),
        Parameter("max_per_category", 1_000_000, low=1, kind="int", doc="open positions in one category"),
    )

    def limits(self) -> dict[str, Any]:
        """Strongest first, k of them, inside the caps."""
        return {
            **{name: value for name, value in self.values.items() if name != "k"},
            "max_entries": self.k,
            "ranked": True,
        }
