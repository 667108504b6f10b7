"""The demo: a synthetic day, imported, checked, bet on and swept, in a folder of its own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground import atomic
from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.store.store import Store
from .data import Checked, check, markets, sample
from .runs import backtest, sweep
from .showing import board

if TYPE_CHECKING:
    from ..runs.result import Result

MARK = "demo.json"
SWEPT = "avellaneda-stoikov"
#: Bets in the short day: bars of five minutes, and markets may close soon.
_BETS = {"step_minutes": 5, "min_hours": 0.1}
_HOUR_NS = 3_600_000_000_000

#: Told what is being done, how much of it is done, and of how much.
Steps = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Demo:
    """What the demo made; none of it was ever traded."""

    folder: Path
    seed: int
    scale: float
    rows: dict[str, int]  #: by table
    markets: int
    checked: Checked
    bets: Result
    swept: Result
    busiest: str  #: the market that was swept

    @property
    def document(self) -> dict[str, Any]:
        """Return what it came to as plain values."""
        figures, swept = self.bets.summary["figures"], self.swept.summary
        faults = len(self.checked.faults)
        return {
            "synthetic": True,
            "folder": str(self.folder),
            "seed": self.seed,
            "scale": self.scale,
            "rows": self.rows,
            "checked": {"markets": self.markets, "faults": faults, "notes": len(self.checked.findings) - faults},
            "bets": {"trades": figures["trades"], "pnl": figures["pnl"]},
            "sweep": {
                "cells": swept["evidence"]["cells"],
                "best": swept["robust"]["parameters"],
                "pnl": swept["evidence"]["in_sample_pnl"] / 1e6,
                "warnings": [notice.name for notice in self.swept.warnings],
                "result_hash": self.swept.hash,
            },
        }


def demo(
    out: str | Path = "results/demo", *, seed: int = 7, scale: float = 0.05, progress: Steps | bool = False
) -> Demo:
    """Make a synthetic market day, import it, check it, bet on it and sweep it. Nothing in it was ever traded.

    Args:
        out: The demo's folder; an earlier demo in it is replaced.
        seed: The same seed gives the same day.
        scale: How much happens: 1 is over a million messages.
        progress: ``True`` shows bars; a function is told what is being done, how much of it is done, and of how much.

    Returns:
        The rows, the findings, the bets and the sweep.

    Example:
        >>> from touchline import engine
        >>> engine.demo(scale=0.005).busiest  # doctest: +SKIP
    """
    from ..simulator.ahead import compile_ahead
    from ..simulator.assumptions.venue import Assumptions

    place = Path(out)
    _clear(place)
    with board(quiet=progress is not True) as tell:

        def seen(what: str) -> Progress:
            return lambda done, of: progress(what, done, of) if callable(progress) else tell(what, done, of, what)

        store = Store(place / "store")
        compile_ahead(SWEPT, Assumptions(), cells=2, record=False)
        day = sample(store, seed=seed, scale=scale, out=place / "day", progress=seen("making a synthetic day"))
        checked = check(store, progress=seen("checking it"))
        first, last = store.sql("select min(ts), max(ts) from book").row(0)
        bets = backtest(
            "quant", store=store, start=first, end=last + _HOUR_NS, params=_BETS, seed=seed, out=place / "bets",
            progress=seen("betting on it"),
        )  # fmt: skip
        busiest = _busiest(store)
        swept = sweep(SWEPT, busiest, store, out=place / "sweep", progress=seen("sweeping 1,024 cells"))
    swept.export(place / "sweep" / "params.toml", force=True)  # a single event never passes; the file says so
    made = Demo(place, seed, scale, day.rows, markets(store).height, checked, bets, swept, busiest)
    atomic.write(place / MARK, json.dumps(made.document, indent=1) + "\n")
    return made


def _clear(out: Path) -> None:
    """Make room for a new demo; a folder that no demo made is left alone."""
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds something else than a demo; name a new folder with out=")
    for part in ("day", "store", "bets", "sweep"):
        shutil.rmtree(out / part, ignore_errors=True)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {out}: {error.strerror}") from None
    atomic.write(out / MARK, json.dumps({"synthetic": True}) + "\n")


def _busiest(store: Store) -> str:
    """The market with an underlying that traded most often: a fit has most to show on it."""
    query = "select ticker from trades where ticker like 'SYNINX-%' group by 1 order by count(*) desc, 1 limit 1"
    return str(store.sql(query).item())
