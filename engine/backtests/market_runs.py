"""Backtests from Python: the same as the command, with frames as the answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from ...io.ground.errors import InputError
from ...io.store.store import Store
from ...strategies.families import is_pipeline
from ...strategies.pipeline.pipeline import Pipeline
from ...strategies.quoting.model import QuotingModel
from ...strategies.quoting.registry import quoting_model
from ..simulator.ahead import compile_ahead
from ..simulator.assumptions.venue import Assumptions
from ..simulator.replay import Replay, replay
from ..simulator.tape.source import Moment, compile_tape

if TYPE_CHECKING:
    from ..bets.directional_results import DirectionalResult
    from ..bets.panel.panel import Panel


@overload
def backtest(
    strategy: str | type[QuotingModel], market: str, store: Store | str = "data", *, start: Moment | None = None,
    end: Moment | None = None, grid: str | None = None, underlying: str | None = None,
    assumptions: Assumptions | None = None, **parameters: Any,
) -> Replay: ...  # fmt: skip


@overload
def backtest(
    strategy: str | Path | Pipeline, market: None = None, store: Store | str | Path | Panel = "data", *,
    start: Moment | None = None, end: Moment | None = None, random_portfolios: int = 0, seed: int = 0,
    **parameters: Any,
) -> DirectionalResult: ...  # fmt: skip


def backtest(
    strategy: str | Path | type[QuotingModel] | Pipeline, market: str | None = None,
    store: Store | str | Path | Panel = "data", *, start: Moment | None = None, end: Moment | None = None,
    **given: Any,
) -> Replay | DirectionalResult:  # fmt: skip
    """Replay a quoting strategy on one market, or bet with a pipeline across all; the answer holds Polars frames.

    A quoting ``strategy`` is a registered name, ``file.py:ClassName`` or a model class, and has ``grid``,
    ``underlying`` and ``assumptions``. A pipeline is a shipped name, a TOML file or a ``Pipeline``; it finds its own
    markets, and has ``random_portfolios`` to compare with and their ``seed``. Other keywords are its parameters.
    """
    if isinstance(strategy, Pipeline | Path) or (isinstance(strategy, str) and is_pipeline(strategy)):
        if market is not None:
            raise InputError(f"a betting pipeline finds its own markets: leave market {market!r} away")
        return _bet(strategy, store, start, end, **given)
    if market is None:
        raise InputError("a quoting strategy is replayed on one market: name it as market")
    if not isinstance(store, Store | str):
        raise InputError("a quoting strategy needs a store, or the name of one")
    return _replay(strategy, market, store, start, end, **given)


def _bet(
    strategy: str | Path | Pipeline, data: Store | str | Path | Panel, start: Moment | None, end: Moment | None, *,
    random_portfolios: int = 0, seed: int = 0, **parameters: Any,
) -> DirectionalResult:  # fmt: skip
    from ..bets.directional import backtest as run
    from ..bets.directional_results import DirectionalResult

    found = run(
        data, strategy, start=start, end=end, options=parameters, random_portfolios=random_portfolios, seed=seed
    )  # fmt: skip
    return DirectionalResult(found)


def _replay(
    strategy: str | type[QuotingModel], market: str, store: Store | str, start: Moment | None, end: Moment | None, *,
    grid: str | None = None, underlying: str | None = None, assumptions: Assumptions | None = None, **parameters: Any,
) -> Replay:  # fmt: skip
    model = quoting_model(strategy) if isinstance(strategy, str) else strategy
    opened = Store(store) if isinstance(store, str) else store
    if isinstance(strategy, str):
        compile_ahead(strategy, assumptions or Assumptions())
    tape = compile_tape(opened, market, start, end, grid=grid, underlying=underlying)
    return replay(tape, model, parameters, assumptions)
