"""The public face: what the command line can do, from Python. Every name is imported on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .version import __version__

if TYPE_CHECKING:
    from ..io.ground.errors import CheckError as CheckError
    from ..io.ground.errors import InputError as InputError
    from .api.data import brought as brought
    from .api.data import check as check
    from .api.data import compact as compact
    from .api.data import features as features
    from .api.data import forget as forget
    from .api.data import import_files as import_files
    from .api.data import imports as imports
    from .api.data import markets as markets
    from .api.data import sample as sample
    from .api.data import sql as sql
    from .api.data import tables as tables
    from .api.demo import demo as demo
    from .api.kalshi import pull as pull
    from .api.kalshi import record as record
    from .api.kalshi import scan as scan
    from .api.models import fit as fit
    from .api.models import strategies as strategies
    from .api.runs import backtest as backtest
    from .api.runs import explain as explain
    from .api.runs import export as export
    from .api.runs import open as open
    from .api.runs import report as report
    from .api.runs import show as show
    from .api.runs import sweep as sweep
    from .api.runs import verify as verify
    from .api.signals import signals as signals
    from .api.trade import alert as alert
    from .api.trade import audit as audit
    from .api.trade import doctor as doctor
    from .api.trade import flatten as flatten
    from .api.trade import halt as halt
    from .api.trade import kill as kill
    from .api.trade import resume as resume
    from .api.trade import status as status
    from .api.trade import trade as trade
    from .api.trade import twin as twin
    from .api.training import audit_model as audit_model
    from .api.training import train as train
    from .exchanges.serving import exchange as exchange
    from .live.live import Live as Live
    from .page.serving import ui as ui
    from .results.params import load_params as load_params
    from .runs.result import Result as Result
    from .simulator.assumptions.venue import Assumptions as Assumptions

#: Public name -> the module that defines it, from this package.
_HOME: dict[str, str] = {
    **dict.fromkeys(
        ("brought", "check", "compact", "features", "forget", "import_files", "imports", "markets", "sample", "sql",
         "tables"),
        "api.data",
    ),
    "demo": "api.demo",
    **dict.fromkeys(("pull", "record", "scan"), "api.kalshi"),
    **dict.fromkeys(("fit", "strategies"), "api.models"),
    **dict.fromkeys(("backtest", "explain", "export", "open", "report", "show", "sweep", "verify"), "api.runs"),
    **dict.fromkeys(
        ("alert", "audit", "doctor", "flatten", "halt", "kill", "resume", "status", "trade", "twin"), "api.trade"
    ),
    **dict.fromkeys(("audit_model", "train"), "api.training"),
    "signals": "api.signals",
    "exchange": "exchanges.serving",
    **dict.fromkeys(("CheckError", "InputError"), ".io.ground.errors"),
    "Assumptions": "simulator.assumptions.venue",
    "Live": "live.live",
    "Result": "runs.result",
    "load_params": "results.params",
    "ui": "page.serving",
}  # fmt: skip
__all__ = [
    "Assumptions", "CheckError", "InputError", "Live", "Result", "__version__", "alert", "audit", "audit_model",
    "backtest", "brought", "check", "compact", "demo", "doctor", "exchange", "explain", "export", "features", "fit",
    "flatten", "forget", "halt", "import_files", "imports", "kill", "load_params", "markets", "open", "pull",
    "record", "report", "resume", "sample", "scan", "show", "signals", "sql", "status", "strategies", "sweep",
    "tables", "trade", "train", "twin", "ui", "verify",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> object:
        if name in _HOME:
            return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
        raise AttributeError(f"touchline.engine has no name {name!r}; it has {', '.join(sorted(_HOME))}")


def __dir__() -> list[str]:
    return list(__all__)
