"""What a kind of model is: declared parameters, a fit on earlier rows that is chosen on later ones, and its graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ....strategies.parameters import Parameter, check
from .graph import GraphPart

Inputs = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
#: Told how much of a fit is done, and of how much.
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Lesson:
    """Rows to learn from, the later ones to choose and calibrate on (perhaps none), and how to weigh the classes."""

    x: Inputs
    y: Floats
    later_x: Inputs
    later_y: Floats
    later_event: npt.NDArray[np.int32]
    gives: str  #: ``probability`` or ``edge``
    balance: bool
    seed: int
    market: int | None = None  #: the place of ``log_odds`` among the features: a model starts from the market's price

    def known(self, x: Inputs) -> Floats:
        """What the market says of each row, from which a model's own opinion is counted: log odds, or nothing."""
        return market_of(x, self.market)

    @property
    def constant(self) -> float:
        """What an answer is without any feature: the base rate's log odds, or no edge, as the market's price says."""
        if self.gives == "edge":
            return 0.0
        mean = float(np.average(self.y, weights=self.weights))
        return float(np.log(mean / (1 - mean)))

    @property
    def weights(self) -> Floats | None:
        """A weight a row that makes both classes count alike; None where they count as often as they came."""
        if not self.balance or self.gives != "probability":
            return None
        share = float(self.y.mean())
        return np.where(self.y == 1, 0.5 / share, 0.5 / (1 - share))

    def losses(self, raw: Floats) -> Floats:
        """How wrong raw answers are on the later rows, event by event: log loss of log odds, squared error of edges."""
        each = (raw - self.later_y) ** 2 if self.gives == "edge" else np.logaddexp(0, raw) - self.later_y * raw
        return by_event(each, self.later_event)


def by_event(losses: Floats, event: npt.NDArray[Any]) -> Floats:
    """Sum up what belongs to the same event.

    >>> by_event(np.array([1.0, 2.0, 4.0]), np.array([7, 7, 9])).tolist()
    [3.0, 4.0]
    """
    return np.bincount(np.unique(event, return_inverse=True)[1], losses).astype(np.float64)


def simplest(losses: Sequence[Floats]) -> int:
    """Choose among candidates, the simplest first, which is the market's price alone, by what later events lost.

    The market's price is left only if the best loses less by over two standard errors of the difference, event by
    event; then the first is taken that is within half of one of the best. So a model without a signal says nothing.

    >>> simplest([np.array([1.0, 2.0, 1.5]), np.array([1.1, 1.8, 1.5])])
    0
    """
    best = losses[int(np.argmin([one.sum() for one in losses]))]
    if not clearly_worse(losses[0], best, _TO_LEAVE):
        return 0
    return next(place for place, one in enumerate(losses) if place and not clearly_worse(one, best, _ALIKE))


#: Standard errors that a model must be better by than the market alone, and by which two models count as alike.
_TO_LEAVE, _ALIKE = 2.0, 0.5
#: With so many events twice as many standard errors are asked for.
_FEW_EVENTS = 8


def clearly_worse(one: Floats, best: Floats, errors: float) -> bool:
    """Whether one loses more than another by over so many standard errors of the difference, event by event.

    Few events say little of their own standard error, so that more of them are asked for.
    """
    apart = one - best
    asked = errors * (1 + _FEW_EVENTS / max(len(apart), 1))
    return len(apart) > 1 and float(apart.sum()) > asked * float(apart.std(ddof=1)) * len(apart) ** 0.5


def market_of(x: Inputs, market: int | None) -> Floats:
    """The market's log odds among the inputs, of the last bar of a window; 0 where a model does not see them."""
    if market is None:
        return np.zeros(len(x))
    return (x if x.ndim == 2 else x[:, -1])[:, market].astype(np.float64)


class Fitted(Protocol):
    """A model that was trained."""

    @property
    def facts(self) -> dict[str, Any]:
        """What was chosen and found in training."""
        ...

    def raw(self, x: Inputs) -> Floats:
        """Answer with log odds, or with an edge in dollars, in the arithmetic of the training library."""
        ...

    def part(self) -> GraphPart:
        """Say the same as ONNX nodes."""
        ...


@dataclass(frozen=True)
class Kind(ABC):
    """A kind of model with its parameters checked."""

    name: ClassVar[str] = ""
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = ()

    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", check(self.PARAMETERS, self.values))

    @property
    def window(self) -> int:
        """Bars in each input."""
        return 1

    @property
    def source(self) -> str:
        """What tells its code apart, where that is a user's own file."""
        return self.name

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """The libraries that train it; one that is missing is an error."""

    @abstractmethod
    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Train on the earlier rows; what is left open is chosen on the later ones."""
