"""Signals: named columns that a quoting model declares and reads as ``known.signals.NAME``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .flow import order_flow_imbalance as order_flow_imbalance
    from .flow import signed_flow as signed_flow
    from .flow import vpin as vpin
    from .outside import onnx as onnx
    from .outside import other as other
    from .outside import sibling as sibling
    from .outside import table as table
    from .price import bollinger as bollinger
    from .price import learned_microprice as learned_microprice
    from .price import microprice as microprice
    from .price import momentum as momentum
    from .price import touch as touch
    from .price import underlying_return as underlying_return
    from .signal import Signal as Signal
    from .volatility import ewma_volatility as ewma_volatility
    from .volatility import realised_volatility as realised_volatility

#: Public name -> the module of this package that defines it.
_HOME: dict[str, str] = {
    **dict.fromkeys(("order_flow_imbalance", "signed_flow", "vpin"), "flow"),
    **dict.fromkeys(("onnx", "other", "sibling", "table"), "outside"),
    **dict.fromkeys(
        ("bollinger", "learned_microprice", "microprice", "momentum", "touch", "underlying_return"), "price"
    ),
    "Signal": "signal",
    **dict.fromkeys(("ewma_volatility", "realised_volatility"), "volatility"),
}


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> object:
        if name in _HOME:
            return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
        raise AttributeError(f"touchline.features.signals has no name {name!r}; it has {', '.join(sorted(_HOME))}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
