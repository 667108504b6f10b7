"""Backtests of quoting strategies from Python: the same as the command, with frames as the answer."""

from __future__ import annotations

from typing import Any

from ..io.store import Store
from ..strategies.quoting import QuotingModel
from ..strategies.registry import quoting_model
from .replay import Replay, replay
from .tape_source import Moment, compile_tape
from .venue import Assumptions


def backtest(
    strategy: str | type[QuotingModel], market: str, store: Store | str = "data", *, start: Moment | None = None,
    end: Moment | None = None, grid: str | None = None, underlying: str | None = None,
    assumptions: Assumptions | None = None, **parameters: Any,
) -> Replay:  # fmt: skip
    """Replay a quoting strategy on one market; the answer holds totals and Polars frames.

    ``strategy`` is a registered name, ``file.py:ClassName`` or a model class; other keywords are its parameters.
    """
    model = quoting_model(strategy) if isinstance(strategy, str) else strategy
    opened = Store(store) if isinstance(store, str) else store
    tape = compile_tape(opened, market, start, end, grid=grid, underlying=underlying)
    return replay(tape, model, parameters, assumptions)
