"""Orders that rest at the touch: until when they wait, and what they are filled with, a panel's rows for each side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Resting:
    """Orders that joined the touch, a panel's rows for each side, under one queue model and up to ``bars`` bars old.

    ``after`` counts bars from the order to the one in which it is first filled: 0 if it never is, ``NO_ORDER`` if no
    order could stand. ``lots`` is what that bar fills of it. The first of each pair joins bids.
    """

    queue: str
    bars: int
    after: tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]
    lots: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]

    def only(self, kept: npt.NDArray[np.bool_]) -> Resting:
        """The orders of some rows; of the first bars later fills stay out of reach, as their bars are."""
        return replace(
            self,
            after=(self.after[0][kept], self.after[1][kept]),
            lots=(self.lots[0][kept], self.lots[1][kept]),
        )
