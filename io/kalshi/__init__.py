"""The Kalshi exchange: client, stream, recorder and download."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client import Client as Client
    from .rest.orders import NewOrder as NewOrder
    from .rest.settings import Settings as Settings
    from .stream.stream import Stream as Stream

#: Public name -> the module of this package that defines it.
_HOME: dict[str, str] = {
    "Client": "client",
    "NewOrder": "rest.orders",
    "Settings": "rest.settings",
    "Stream": "stream.stream",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"touchline.io.kalshi has no name {name!r}; it has {', '.join(sorted(_HOME))}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
