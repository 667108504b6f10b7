"""What a session measured, as assumptions of a backtest: how queues move, and how long messages take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....io.ground import atomic
from ....io.ground.errors import InputError
from ....strategies.own_file import Trust
from ...results.params import to_toml
from .course import LevelPasts, SessionCourse, course_of
from .queue_fit import QueueFit, QueueSeen, fit_queue

ASSUMPTIONS = "assumptions.toml"
_NAMES = {"feed": "feed_ms", "entry": "entry_ms", "response": "response_ms"}


@dataclass(frozen=True)
class DelayFit:
    """How long messages of one kind took, ms, and the law that says the same of another day."""

    count: int
    median: float
    high: float  #: 99 % took no longer
    law: str
    series: tuple[tuple[int, float], ...]  #: when it was sent, ns UTC, and ms


@dataclass(frozen=True)
class SessionFit:
    """What a session says of queues and delays."""

    queue: QueueFit | None
    delays: dict[str, DelayFit]
    orders: int

    @property
    def facts(self) -> dict[str, Any]:
        """The figures by name."""
        made: dict[str, Any] = {"orders that rested": self.orders}
        if self.queue is None:
            made["queue model"] = "these orders do not tell"
        if self.queue is not None:
            fit = self.queue
            made |= {
                "queue model": fit.queue, "95 % interval": f"{fit.low:.3g} to {fit.high:.3g}",
                "band": " to ".join(fit.band), "readings of the exchange": fit.readings,
                "cancellations seen": fit.cancellations, "orders filled": fit.fills,
                "contracts cancelled together": round(fit.together / 100, 2),
                **{f"log likelihood of {name} less": round(-fall, 2) for name, fall in fit.others.items()},
            }  # fmt: skip
            if fit.reliability is not None:
                made["predicted fills, Brier score"] = round(fit.reliability.brier, 4)
                made["predicted fills, calibration error"] = round(fit.reliability.calibration_error, 4)
            if fit.late_s is not None:
                made["fills later than predicted, s (10, 50, 90 %)"] = [round(one, 3) for one in fit.late_s]
        for name, delay in self.delays.items():
            made[f"{name} delay, ms (median, 99 %)"] = [round(delay.median, 3), round(delay.high, 3)]
        return made

    def write(self, folder: Path) -> Path:
        """Write the assumptions, and a file of delays of each kind, into a folder; returns the file of assumptions."""
        folder.mkdir(parents=True, exist_ok=True)
        venue: dict[str, Any] = {} if self.queue is None else {"queue": self.queue.queue}
        laws: dict[str, str] = {}
        for name, delay in self.delays.items():
            rows = "".join(f"{ts},{ms:.6f}\n" for ts, ms in delay.series)
            atomic.write(folder / f"{name}.csv", f"ts,ms\n{rows}", durable=True)
            venue[_NAMES[name]], laws[_NAMES[name]] = f"{name}.csv", delay.law
        document: dict[str, Any] = {"venue": venue}
        if laws:
            document["laws"] = laws
        if self.queue is not None:
            document["band"] = dict(zip(("pessimistic", "optimistic"), self.queue.band, strict=True))
        return atomic.write(folder / ASSUMPTIONS, to_toml(document), durable=True)


def fit_session(session: str | Path, *, trust: Trust = ()) -> SessionFit:
    """Fit the queue model and the delays of a session from its journal."""
    course = course_of(session, trust=trust)
    if course.mode != "production":
        raise InputError(f"{session} is a session in {course.mode}; only orders that rested say how queues move")
    seen = orders_seen(course)
    return SessionFit(fit_queue(seen), delays_of(course), len(seen))


def orders_seen(course: SessionCourse) -> list[QueueSeen]:
    """The orders of a session whose levels were known while they rested."""
    made: list[QueueSeen] = []
    for market in course.markets.values():
        pasts = LevelPasts(market)
        for stint in market.stints:
            if stint.begins is None or stint.ends is None:
                continue
            past = pasts.of(stint, stint.begins, stint.ends)
            if past is not None:
                made.append(QueueSeen(past, stint.lots, stint.fills, stint.readings))
    return made


def delays_of(course: SessionCourse) -> dict[str, DelayFit]:
    """Delays by kind; a kind that took no time at all, as on a replay that waits for us, is left out."""
    found: dict[str, DelayFit] = {}
    for name in _NAMES:
        measured: Sequence[tuple[int, int]] = getattr(course, name)
        series = tuple(sorted((ts, max(took, 0) / 1e6) for ts, took in measured))
        ms = np.array([one for _, one in series])
        if len(ms) and ms.max() > 0:
            positive = np.maximum(ms, 0.001)
            middle, sigma = float(np.median(positive)), float(np.log(positive).std())
            law = f"lognormal:{middle:.4g}:{min(sigma, 10.0):.4g}" if sigma > 1e-6 else f"{middle:.4g}"
            found[name] = DelayFit(len(ms), float(np.median(ms)), float(np.quantile(ms, 0.99)), law, series)
    return found
