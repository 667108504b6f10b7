"""A local exchange that replays recorded markets: same REST paths, same stream, faults on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .faults import Faults
    from .network.server import Exchange
    from .serving import exchange

__all__ = ["Exchange", "Faults", "exchange"]


def __getattr__(name: str) -> Any:
    if name == "Exchange":
        from .network.server import Exchange

        return Exchange
    if name == "exchange":
        from .serving import exchange

        return exchange
    if name == "Faults":
        from .faults import Faults

        return Faults
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
