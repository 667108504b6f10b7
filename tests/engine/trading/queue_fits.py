"""How often the interval of a fitted queue holds the truth: orders in queues of a known model, by seeds.

    python -m tests.engine.trading.queue_fits 100 [chance]

A level's cancellations move an order by the rule of the model, as the kernel and the local exchange have it; with
``chance`` each contract is cancelled before or behind ours with the model's probability. Trades take from the front.
The exchange is asked for the place of every second order now and then, and tells whole lots. It
prints a line a seed, and the share of seeds whose 95 % interval
holds the exponent; it ends with 1 where that is less than nine in ten.
"""

from __future__ import annotations

import math
import random
import sys

import numpy as np
from touchline.engine.simulator.assumptions.queue import queue_model
from touchline.engine.simulator.tape.events import BOOK, TRADE
from touchline.engine.trading.knowing.course import LevelPast
from touchline.engine.trading.knowing.queue_fit import QueueFit, QueueSeen, fit_queue
from touchline.engine.trading.knowing.queues import after_cancel, share_behind

EXPONENTS = (0.7, 1.0, 2.0, 3.0)
SECOND = 1_000_000_000


def order_in_a_queue(rng: random.Random, exponent: float, reads: bool, by_chance: bool) -> QueueSeen:
    """One order's life: what happens at its level, and what its own queue makes of it."""
    ahead, behind, lots = float(rng.randrange(100, 4000)), 0.0, 100
    first, model = round(ahead), queue_model(f"power@{exponent}")
    rows: list[tuple[int, int, int, int, int, int]] = []
    fills: list[tuple[int, int]] = []
    readings: list[tuple[int, int]] = []
    left = lots
    for step in range(60):
        ts = (step + 1) * SECOND
        level = ahead + behind
        draw = rng.random()
        if draw < 0.35:
            behind += rng.randrange(50, 400)
        elif draw < 0.75 and level >= 100:
            size = 100 * min(rng.randrange(1, 8), int(level) // 100)
            rows.append((BOOK, ts, size, round(level), round(level) - size, 0))
            if by_chance:
                chance = share_behind(ahead, behind, model)
                back = min(100.0 * sum(rng.random() < chance for _ in range(size // 100)), behind)
                after = ahead - (size - max(back, size - ahead))
            else:
                after = after_cancel(ahead, round(level), size, round(level) - size, model)
            ahead, behind = after, level - size - after
        elif draw < 0.85:
            size = rng.randrange(20, 300)
            rows.append((TRADE, ts, size, 0, 0, 0))
            got = max(min(math.floor(0.5 - (ahead - size)), left), 0)
            ahead = max(ahead - size, 0.0)
            if got:
                fills.append((ts, got))
                left -= got
                break
        if reads and step % 5 == 4:
            readings.append((ts + 1, max(math.ceil(ahead - 0.5), 0)))
    columns = np.array(rows, np.int64).reshape(-1, 6).T
    past = LevelPast(first, columns[0], columns[1], columns[2], columns[3], columns[4], columns[5])
    return QueueSeen(past, lots, fills, readings)


def fitted(seed: int, exponent: float, by_chance: bool = False, orders: int = 120) -> QueueFit:
    """Fit what a seed's orders saw: of every second one the exchange was asked."""
    rng = random.Random(seed)
    found = fit_queue(order_in_a_queue(rng, exponent, bool(k % 2), by_chance) for k in range(orders))
    assert found is not None
    return found


def held(seeds: int, by_chance: bool = False) -> int:
    """How many of the seeds have the truth in their interval; a line each."""
    good = 0
    for seed in range(seeds):
        exponent = EXPONENTS[seed % len(EXPONENTS)]
        found = fitted(seed, exponent, by_chance)
        good += found.inside(exponent)
        sys.stdout.write(
            f"{seed}: {exponent:g} in [{found.low:.3f}, {found.high:.3f}], {found.exponent:.3f} "
            f"{'yes' if found.inside(exponent) else 'NO'}\n"
        )
    return good


if __name__ == "__main__":
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    inside = held(asked, "chance" in sys.argv)
    sys.stdout.write(f"{inside} of {asked} intervals hold the truth\n")
    sys.exit(inside < 0.9 * asked)
