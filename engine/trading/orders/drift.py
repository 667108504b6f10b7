"""Our clock against the exchange's, as far as stamped messages tell."""

from __future__ import annotations

from ....io.ground.units import NS_PER_SECOND

_DRIFT_NS = 15 * NS_PER_SECOND


class Drift:
    """Our clock less the exchange's: the least that messages took, or seemed to, over the last half minute or so."""

    def __init__(self) -> None:
        self._least: list[int | None] = [None, None]
        self._since = 0

    def see(self, ts: int, stamp_ms: int) -> None:
        """A message that the exchange stamped came at ``ts``."""
        if not stamp_ms:
            return
        if ts - self._since > _DRIFT_NS:
            self._least, self._since = [None, self._least[0]], ts
        took, least = ts - stamp_ms * 1_000_000, self._least[0]
        self._least[0] = took if least is None else min(least, took)

    @property
    def ns(self) -> int:
        """How far our clock is ahead; 0 while nothing is known."""
        return min((one for one in self._least if one is not None), default=0)
