"""What the tests of quoting models share: something to be known, parameters by name, the compiled quote."""

from __future__ import annotations

import math
import struct
from collections import namedtuple
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from touchline.io.ground.jit import inlined
from touchline.strategies.parameters import check
from touchline.strategies.quoting.known import NO_REWARD, Known, Reward
from touchline.strategies.quoting.model import QuotingModel

TOLD = Known(
    time=1.7e9, bid=49.0, ask=51.0, bid_size=100.0, ask_size=80.0, mid=50.0, microprice=50.1, variance=4.0, sigma=2.0,
    tau=1.0, underlying=4000.0, position=0.0, own_bid=math.nan, own_ask=math.nan, trigger=0.0,
)  # fmt: skip


def row(model: type[QuotingModel], **given: float) -> Any:
    """The values a quote gets, by name: ``given``, defaults for the rest, derived ones."""
    return _row(model)(*model.row(check(model.parameters, given)))


@cache
def _row(model: type[QuotingModel]) -> Any:
    """One class a model: the compiler takes each for a type of its own."""
    return namedtuple("P", model.columns())


@cache
def _signals(model: type[QuotingModel]) -> Any:
    """One class a model, for the same reason."""
    return namedtuple("Signals", list(model.signals))


def told(model: type[QuotingModel], rng: np.random.Generator | None = None) -> Known:
    """Something to be known, with a value for each of the model's signals: zeros, or any."""

    def one() -> float:
        return 0.0 if rng is None else float(rng.choice([0.0, rng.normal(), rng.normal(0.0, 1e3), 50.0]))

    columns = [signal.columns for signal in model.signals.values()]
    return TOLD._replace(
        signals=_signals(model)(*(one() if n == 1 else tuple(one() for _ in range(n)) for n in columns))
    )


def rungs(quoted: Any) -> list[tuple[float, float, float, float]]:
    """What a quote says of each level: bid, ask and their sizes, the nearest first."""
    return list(zip(*(part if isinstance(part, tuple) else (part,) for part in quoted[:4]), strict=True))


def quote(model: type[QuotingModel], told: dict[str, float], **given: float) -> tuple[float, float, float, float]:
    """One quote in plain Python."""
    if "variance" in told:
        told = {"sigma": math.sqrt(told["variance"])} | told
    return model.quote(TOLD._replace(**told), row(model, **given))


def bits(values: Iterable[Any]) -> list[bytes]:
    """Floats as they lie in memory, those of tuples in turn, so that nan equals nan and -0.0 is not 0.0."""
    return [bit for one in values for bit in (bits(one) if isinstance(one, tuple) else [struct.pack("d", one)])]


def random_known(rng: np.random.Generator) -> Known:
    """Any moment a model may meet, the odd ones included."""
    level = float(rng.integers(1, 98))
    width = float(rng.choice([0.1, 1.0, 2.0, 30.0]))
    bid, ask = level, min(level + width, 99.9)
    variance = float(rng.choice([0.0, 1e-6, rng.exponential(5.0), 1e4]))
    return TOLD._replace(
        bid=bid, ask=ask, mid=(bid + ask) / 2, variance=variance, sigma=math.sqrt(variance),
        tau=float(rng.choice([0.0, 1e-9, rng.uniform(), rng.uniform(1, 9e4)])),
        underlying=float(rng.choice([math.nan, 0.0, 1e-3, rng.uniform(3900, 4100), 7e4])),
        position=float(rng.choice([0.0, rng.integers(-60, 60), rng.integers(-9999, 9999) / 100, 1e5, -1e5])),
        trigger=float(rng.integers(0, 4)), rewards=tuple(random_program(rng, bid, ask) for _ in range(3)),
    )  # fmt: skip


@cache
def moments(seed: int) -> list[Known]:
    """Six hundred such moments, made once for all models."""
    rng = np.random.default_rng(seed)
    return [random_known(rng) for _ in range(600)]


def random_program(rng: np.random.Generator, bid: float, ask: float) -> Reward:
    """A program that a model may be told of, or none."""
    if rng.integers(0, 3) == 0:
        return NO_REWARD
    seconds, step = float(rng.choice([900.0, 86_400.0])), float(rng.choice([0.1, 1.0]))
    sides = [
        (best - sign * rng.integers(0, 3) * step, step, best - sign * 4.0,
         float(rng.choice([0.0, rng.uniform(1, 1e4)])), float(rng.choice([0.0, 0.0, 40.0])), float(rng.uniform()))
        for best, sign in ((bid, 1.0), (ask, -1.0))
    ]  # fmt: skip
    return Reward(
        20.0, seconds, float(rng.uniform(0, seconds)), 300.0, 0.5, float(rng.integers(0, 2)),
        float(rng.choice([0.0, 0.9, 3.0])), *sides[0], *sides[1],
    )  # fmt: skip


def random_row(model: type[QuotingModel], rng: np.random.Generator) -> Any:
    """Any allowed parameters: near the default, or at a bound."""
    given: dict[str, float] = {}
    for one in model.parameters:
        low, high, default = one.low or 0.0, one.high or 1e6, float(one.default)
        if one.kind == "int":
            given[one.name] = int(rng.choice([low, high, default, rng.integers(low, high + 1)]))
        else:
            near = min(max(default * float(rng.lognormal(0, 1)), low), high)
            given[one.name] = float(rng.choice([low, high, default, near, near, near]))
    return row(model, **given)


def compiled(model: type[QuotingModel]) -> Callable[[Known, Any], Any]:
    """The quote as the kernels compile it."""
    return inlined(model.quote)
