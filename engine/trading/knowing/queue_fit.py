"""How queues really move: the likelihood of a queue model's exponent, from own orders that rested and what they saw.

Before an order stand A lots. A cancellation of c lots at its level stood behind it with the probability p that the
model ``power@n`` gives, else before it; its variance is s c p (1 - p), where s is how many lots are cancelled together.
A is followed as a normal law: a reading of the exchange tells it, a partial fill too; a trade without a fill says that
more stood before the order than it took, a full fill that less did. Every exponent of a grid is followed at once. The
interval is made of what each order says for itself, as orders are independent and single cancellations are not normal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ...figures.calibration import Calibration, calibration
from ...simulator.tape.events import TRADE
from .course import CROSS, LevelPast

F64 = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
#: Exponents that are tried, and lots that are cancelled together.
EXPONENTS = np.exp(np.linspace(math.log(0.2), math.log(10.0), 25))
TOGETHER = np.exp(np.linspace(0.0, math.log(5000.0), 9))
_FINER, _ROUNDS, _ENOUGH, _STEP = 25, 3, 6, 0.02
#: Twice the fall of the logarithm of the likelihood at the ends of a 95 % interval.
_FALL = 3.841458820694124
#: Of a reading: whole lots are told, and the exchange rounds.
_ROUNDING = 0.34
_ROOT_TWO = math.sqrt(2.0)


@dataclass(frozen=True)
class QueueSeen:
    """An order that rested: what happened at its level, what filled when, and what the exchange said of its place."""

    past: LevelPast
    lots: int
    fills: Sequence[tuple[int, int]]
    readings: Sequence[tuple[int, int]]


@dataclass(frozen=True)
class QueueFit:
    """What own orders say of queues."""

    exponent: float  #: the most likely one
    low: float  #: ends of its 95 % interval
    high: float
    together: float  #: lots that are cancelled together
    likelihood: float
    others: dict[str, float]  #: how much less likely other models are: logarithms, each at its best s
    orders: int
    readings: int
    cancellations: int
    fills: int
    reliability: Calibration | None  #: of predicted fills, trade by trade at our level
    late_s: tuple[float, float, float] | None  #: real less predicted fill times, s: 10 %, 50 % and 90 %

    @property
    def queue(self) -> str:
        """The model as a backtest takes it."""
        return f"power@{self.exponent:.3g}"

    @property
    def band(self) -> tuple[str, str]:
        """The models at the ends of the interval, from the less to the more favourable."""
        return f"power@{self.high:.3g}", f"power@{self.low:.3g}"

    def inside(self, exponent: float) -> bool:
        """Whether an exponent is in the interval."""
        return self.low <= exponent <= self.high


class _Following:
    """The places of one order under every exponent and factor at once."""

    def __init__(self, exponents: F64, together: F64) -> None:
        self.n, self.together = exponents[:, None], together[None, :]
        self.told = np.zeros((len(exponents), len(together)))
        self.mean, self.var = np.zeros_like(self.told), np.zeros_like(self.told)

    def know(self, ahead: float) -> None:
        """The place is known."""
        self.mean[:], self.var[:] = ahead, _ROUNDING

    def cancel(self, cancelled: int, before: int, bound: int) -> None:
        """Lots of the level were cancelled."""
        front = np.maximum(self.mean, 0.0)
        back = np.maximum(before - front, 0.0)
        share = self.behind(front, back)
        near, far, mixed = 1 / np.maximum(front, 1.0), 1 / np.maximum(back, 1.0), share * (1 - share)
        slope = self.n * mixed * (near + far)
        bend = self.n**2 * mixed * (1 - 2 * share) * (near + far) ** 2 + self.n * mixed * (near**2 - far**2)
        share = np.clip(share + np.clip(0.5 * bend * self.var, -0.2, 0.2), 0.0, 1.0)  # its place is not quite known
        spread = np.minimum(self.together, cancelled) * cancelled * np.maximum(share * (1 - share), 0.002)
        least = np.minimum(cancelled - front, back)
        gone, spread = _cut_normal(share * cancelled, spread, least, back)  # so much of it stood behind
        self.mean = np.clip(front - (cancelled - gone), 0.0, float(bound))
        self.var = self.var * np.clip(1.0 - slope * cancelled, 0.0, 2.0) ** 2 + spread + 1e-3

    def behind(self, front: F64, back: F64) -> F64:
        """The probability that a cancelled lot stood behind."""
        with np.errstate(divide="ignore"):
            odds = self.n * (np.log(np.maximum(front, 1e-9)) - np.log(np.maximum(back, 1e-9)))
        return np.where(back <= 0.0, np.where(front > 0.0, 0.0, 1.0), 1.0 / (1.0 + np.exp(np.clip(odds, -60.0, 60.0))))

    def read(self, ahead: float) -> None:
        """The exchange told the place, or a partial fill did."""
        var = self.var + _ROUNDING
        self.told += -0.5 * (ahead - self.mean) ** 2 / var - 0.5 * np.log(2 * math.pi * var)
        self.know(ahead)

    def beyond(self, least: float) -> None:
        """A trade did not reach the order: no less than this stands before it."""
        root = np.sqrt(self.var)
        z = (self.mean - least) / root
        self.told += _log_normal(z)
        ratio = _mills(z)
        self.mean = self.mean + root * ratio
        self.var = np.maximum(self.var * (1 - ratio * (ratio + z)), _ROUNDING)

    def within(self, most: float) -> None:
        """A trade filled the order: no more than this stood before it."""
        self.told += _log_normal((most - self.mean) / np.sqrt(self.var))

    def traded(self, lots: int) -> None:
        """Lots before the order traded."""
        self.mean = np.maximum(self.mean - lots, 0.0)


def _cut_normal(mean: F64, var: F64, low: F64, high: F64) -> tuple[F64, F64]:
    """Mean and variance of a normal law whose values beyond two ends are at the ends."""
    root = np.sqrt(var)
    a, b = np.clip((low - mean) / root, -8.0, 8.0), np.clip((high - mean) / root, -8.0, 8.0)
    under, over = 0.5 * _erfc(-a / _ROOT_TWO), 0.5 * _erfc(b / _ROOT_TWO)
    inside = 1.0 - under - over
    at_a, at_b = (np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi) for z in (a, b))
    first = a * under + b * over + at_a - at_b
    second = a**2 * under + b**2 * over + inside + a * at_a - b * at_b
    return mean + root * first, var * np.maximum(second - first**2, 0.0)


def _log_normal(z: F64) -> F64:
    """Logarithm of the normal law at z."""
    near = 0.5 * _erfc(-np.clip(z, -6.0, 8.0) / _ROOT_TWO)
    far = np.clip(z, -1e6, -6.0)
    tail = -0.5 * far**2 - np.log(-far * math.sqrt(2 * math.pi)) - 1 / far**2
    return np.where(z > -6.0, np.log(near), tail)


def _mills(z: F64) -> F64:
    """Density over the law at z."""
    near = np.clip(z, -6.0, 12.0)
    density = np.exp(-0.5 * near**2 - 0.5 * math.log(2 * math.pi) - _log_normal(near))
    far = np.clip(z, -1e6, -6.0)
    return np.where(z > -6.0, density, -far - 1 / far)


def _erfc(x: F64) -> F64:
    """The complementary error function, to 1.2e-7 of itself (Numerical Recipes)."""
    t = 1.0 / (1.0 + 0.5 * np.abs(x))
    terms = (
        1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277
    )  # fmt: skip
    total = np.zeros_like(t)
    for term in reversed(terms):
        total = (total + term) * t
    made = t * np.exp(-(x**2) - 1.26551223 + total)
    return np.where(x >= 0, made, 2.0 - made)


def follow(seen: QueueSeen, exponents: F64, together: F64) -> tuple[F64, list[tuple[F64, bool]]]:
    """Log likelihoods of an order, and the chance of a fill at each trade at its level beside what happened."""
    state, past = _Following(exponents, together), seen.past
    state.know(float(past.ahead))
    chances: list[tuple[F64, bool]] = []
    readings, fills, left = list(seen.readings), dict[int, int](), seen.lots
    for ts, lots in seen.fills:
        fills[ts] = fills.get(ts, 0) + lots
    at_front = past.ahead == 0
    rows = zip(
        *(one.tolist() for one in (past.kind, past.ts, past.lots, past.before, past.bound, past.through)), strict=True
    )
    for kind, ts, lots, before, bound, through in rows:
        while readings and readings[0][0] < ts:
            _, ahead = readings.pop(0)
            if not at_front:
                state.read(float(ahead))
                at_front = ahead == 0
        if kind == CROSS or through or at_front:
            if fills.get(ts) and (kind == CROSS or through):
                return state.told, chances
            if at_front:
                break
            continue
        if kind != TRADE:
            if lots > 0:
                state.cancel(lots, before, bound)
            elif bound < state.mean.max():
                state.mean = np.minimum(state.mean, float(bound))
            continue
        got = min(fills.pop(ts, 0), lots)
        chance = 1.0 - np.exp(_log_normal((state.mean - lots + 0.5) / np.sqrt(state.var)))
        chances.append((chance, got > 0))
        if not got:
            state.beyond(lots - 0.5)
            state.traded(lots)
        elif got < left:
            state.read(float(lots - got))
            return state.told, chances
        else:
            state.within(lots - got + 0.5)
            return state.told, chances
    for _, ahead in readings:
        if not at_front:
            state.read(float(ahead))
            at_front = ahead == 0
    return state.told, chances


def fit_queue(orders: Iterable[QueueSeen]) -> QueueFit | None:
    """Fit the exponent of the queue model; None where no order says anything of it."""
    listed = list(orders)
    grid, total, profile, best = EXPONENTS, np.zeros((1, 1)), np.zeros(1), 0
    for _ in range(_ROUNDS):
        total, profile = _likelihood(listed, grid)
        if not np.isfinite(profile).all() or float(profile.max() - profile.min()) < 1e-9:
            return None
        best = int(profile.argmax())
        likely = np.flatnonzero(profile >= profile[best] - 2 * _FALL)
        if len(likely) >= _ENOUGH:
            break
        ends = grid[max(int(likely[0]) - 1, 0)], grid[min(int(likely[-1]) + 1, len(grid) - 1)]
        grid = np.exp(np.linspace(math.log(ends[0]), math.log(ends[1]), _FINER))
    exponent, top = _peak(grid, profile, best)
    exponent = min(max(exponent, EXPONENTS[0]), EXPONENTS[-1])
    together = float(TOGETHER[int(total[best].argmax())])
    low, high = _interval(listed, exponent, together)
    if low <= EXPONENTS[0] and high >= EXPONENTS[-1]:
        return None  # any exponent is as good as any other
    chances, late = _predicted(listed, exponent, together)
    return QueueFit(
        exponent, low, high, together, top,
        {f"power@{n}": _at(listed, n) - top for n in (1, 2, 3)},
        len(listed), sum(len(one.readings) for one in listed),
        sum(int(((one.past.kind != TRADE) & (one.past.kind != CROSS) & (one.past.lots > 0)).sum()) for one in listed),
        sum(len(one.fills) for one in listed),
        calibration([p for p, _ in chances], [float(y) for _, y in chances]) if chances else None,
        late,
    )  # fmt: skip


def _at(orders: list[QueueSeen], exponent: float) -> float:
    """The logarithm of the likelihood of an exponent."""
    one = np.array([float(exponent)])
    return float(_likelihood(orders, one)[1][0])


def _likelihood(orders: list[QueueSeen], grid: F64) -> tuple[F64, F64]:
    """Logarithms of the likelihood by exponent and lots cancelled together, and the best of each exponent."""
    total = np.zeros((len(grid), len(TOGETHER)))
    for seen in orders:
        total += follow(seen, grid, TOGETHER)[0]
    return total, total.max(axis=1)


def _peak(grid: F64, profile: F64, best: int) -> tuple[float, float]:
    """The top of the parabola through the best exponent and its neighbours."""
    x = np.log(grid)
    if not 0 < best < len(x) - 1:
        return float(grid[best]), float(profile[best])
    left, here, right = (float(profile[best + k]) for k in (-1, 0, 1))
    bend = left - 2 * here + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(math.exp(x[best] + shift * (x[1] - x[0]))), here - 0.25 * (left - right) * shift


def _interval(orders: list[QueueSeen], exponent: float, together: float) -> tuple[float, float]:
    """Ends of the 95 % interval, by what each order says for itself."""
    three = exponent * np.exp(np.array([-_STEP, 0.0, _STEP]))
    told = np.array([follow(seen, three, np.array([together]))[0][:, 0] for seen in orders])
    slopes = (told[:, 2] - told[:, 0]) / (2 * _STEP)
    bend = float((told[:, 0] - 2 * told[:, 1] + told[:, 2]).sum()) / _STEP**2
    if bend >= 0:
        return float(EXPONENTS[0]), float(EXPONENTS[-1])
    spread = len(orders) / max(len(orders) - 1, 1) * float(((slopes - slopes.mean()) ** 2).sum())
    reach = 1.96 * math.sqrt(max(spread, -bend)) / -bend
    ends = (exponent * math.exp(max(min(way * reach, 5.0), -5.0)) for way in (-1, 1))
    low, high = (min(max(end, float(EXPONENTS[0])), float(EXPONENTS[-1])) for end in ends)
    return low, high


def _predicted(
    orders: list[QueueSeen], exponent: float, together: float
) -> tuple[list[tuple[float, bool]], tuple[float, float, float] | None]:
    """Chances of fills beside what happened, and how late real fills were against predicted ones."""
    from ...simulator.assumptions.queue import queue_model
    from .queues import expected

    own, model = (np.array([exponent]), np.array([together])), queue_model(f"power@{min(exponent, 10.0)}")
    chances = [(float(p[0, 0]), y) for seen in orders for p, y in follow(seen, *own)[1]]
    late = [
        (seen.fills[0][0] - hoped.fills[0][0]) / 1e9
        for seen in orders
        if seen.fills and (hoped := expected(seen.past, seen.lots, model)).fills
    ]
    if not late:
        return chances, None
    low, middle, high = (float(q) for q in np.quantile(late, [0.1, 0.5, 0.9]))
    return chances, (low, middle, high)
