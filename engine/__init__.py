"""The public face: what the command line can do, from Python. Every name is imported on first use."""

from __future__ import annotations

import importlib
from typing import Any

#: Public name -> the module of this package that defines it.
_HOME: dict[str, str] = {
    "Assumptions": "simulator.assumptions.venue",
    "compile_tape": "simulator.tape.source",
    "export": "results.exporting",
    "Live": "live.live",
    "Trader": "live.trader",
    "fit_market": "fitting.fit",
    "fit_underlying": "fitting.fit",
    "load_params": "results.params",
    "backtest": "backtests.market_runs",
    "sweep": "backtests.market_sweeps",
    "training_frame": "bets.training",
}

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"touchline.engine has no name {name!r}; it has {', '.join(sorted(_HOME))}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
