"""Sweeps from Python: the same as the command, for quoting models and betting pipelines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.store.store import Store
from ...strategies.families import is_pipeline
from ...strategies.pipeline.pipeline import Pipeline
from ...strategies.quoting.model import QuotingModel
from ..reports.drawing import Drawer
from ..simulator.tape.source import Moment
from ..sweeps import sweeping
from ..sweeps.sweeping import Swept

if TYPE_CHECKING:
    from ..bets.panel.panel import Panel


def sweep(
    strategy: str | Path | type[QuotingModel] | Pipeline, markets: str | Sequence[str] | None = None,
    store: Store | str | Path | Panel = "data", *, out: str | Path = "results/sweep",
    grid: Sequence[str] | Mapping[str, Any] | None = None, sample: str | None = None, start: Moment | None = None,
    end: Moment | None = None, pictures: bool | Drawer = True, progress: Progress | None = None, **given: Any,
) -> Swept:  # fmt: skip
    """Run a grid of parameters of a quoting model on markets, or of a betting pipeline across all, and weigh it.

    ``grid`` maps parameters of the model, the venue or the limits, or of the pipeline and its parts, to a list of
    values or a text such as ``"0.05:1:32"``; without it there is a default. Everything is left in the folder ``out``.
    A quoting ``strategy`` is a registered name, ``file.py:ClassName`` or a model class, and takes what
    ``sweeps.sweeping.sweep`` does. A pipeline is a shipped name, a TOML file or a ``Pipeline``; it finds its own
    markets. Other keywords fix parameters.
    """
    asked: dict[str, Any] = {
        "out": out, "grid": grid, "sample": sample, "start": start, "end": end, "pictures": pictures,
        "progress": progress,
    }  # fmt: skip
    if isinstance(strategy, Pipeline | Path) or (isinstance(strategy, str) and is_pipeline(strategy)):
        if markets is not None:
            raise InputError(f"a betting pipeline finds its own markets: leave markets {markets!r} away")
        from ..bets.sweeping_bets import sweep_bets

        return sweep_bets(strategy, store, options=given, **asked)
    if markets is None:
        raise InputError("a sweep of a quoting strategy needs markets: name one, or give a list")
    if not isinstance(store, Store | str):
        raise InputError("a quoting strategy needs a store, or the name of one")
    return sweeping.sweep(strategy, markets, store, **asked, **given)
