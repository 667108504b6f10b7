"""What a kind of model is: declared parameters, a fit on earlier rows that is chosen on later ones, and its graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ....strategies.parameters import Parameter, check
from ..graph import GraphPart

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
    """Choose among candidates, the simplest first: the first that is not clearly worse than the best.

    Clearly is by more than half a standard error of the difference, event by event. What later rows do not ask for is
    not done, so that a model without a signal stays near the market's price.

    >>> simplest([np.array([1.0, 2.0, 1.5]), np.array([1.1, 1.8, 1.5])])
    0
    """
    best = losses[int(np.argmin([one.sum() for one in losses]))]
    return next(place for place, one in enumerate(losses) if not clearly_worse(one, best))


def clearly_worse(one: Floats, best: Floats, errors: float = 0.5) -> bool:
    """Whether one loses more than another by over so many standard errors of the difference, event by event."""
    apart = one - best
    return len(apart) > 1 and float(apart.sum()) > errors * float(apart.std(ddof=1)) * len(apart) ** 0.5


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
class Kind:
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

    def versions(self) -> dict[str, str]:
        """The libraries that train it; one that is missing is an error."""
        raise NotImplementedError

    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Train on the earlier rows; what is left open is chosen on the later ones."""
        raise NotImplementedError
