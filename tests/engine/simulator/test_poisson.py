"""Poisson fills: the simulation of Avellaneda & Stoikov (2008), section 3, through the engine's kernel and venue."""

from __future__ import annotations

import math

import numpy as np
import pytest
from touchline.engine.simulator.assumptions.draws import uniform_draws
from touchline.engine.simulator.assumptions.queue import queue_model
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.prepare import new_block, run_block
from touchline.engine.simulator.replay import replay, totals
from touchline.engine.simulator.tape.mids import FINEST, mid_tape
from touchline.engine.simulator.tape.tape import Tape, TapeMarket
from touchline.io.ground.errors import InputError
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread

SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
STEPS, SIGMA, A, K = 200, 2.0, 140.0, 1.5
CENTS = 5.0  #: a price unit of the paper; its mid of 100 stands at 50 cents
#: gamma -> mean profit, its deviation, deviation of the final position, fills a path; converged over 400,000 paths
INVENTORY = {
    0.1: (64.89, 6.54, 2.929, 96.9),
    0.01: (68.40, 8.97, 5.218, 102.2),
    1.0: (31.45, 4.84, 1.642, 56.0),
}
SYMMETRIC = {
    0.1: (68.24, 13.46, 8.418, 91.5),
    0.01: (68.68, 13.70, 8.726, 101.8),
    1.0: (43.86, 10.75, 5.188, 29.0),
}
ASSUMED = Assumptions(
    queue=f"poisson@{A / STEPS:g},{K / CENTS:g}", post_only=False, requote_ms=0, fees="none", position_limit=10_000,
    volatility="constant", variance=(SIGMA * CENTS) ** 2, horizon="session",
)  # fmt: skip


def walk(seed: int) -> Tape:
    """A fair coin's path, a step a second, as a tape; the session ends with its last event."""
    coins = np.random.default_rng(seed).integers(0, 2, STEPS) * 2 - 1
    mids = 50.0 + CENTS * SIGMA * math.sqrt(1 / STEPS) * np.concatenate([[0], np.cumsum(coins)])
    market = TapeMarket(f"PATH-{seed}", grid=FINEST)
    return mid_tape(START + SECOND * np.arange(STEPS + 1), mids, market)


def cells() -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    inventory, symmetric = [], []
    for gamma in INVENTORY:
        half = math.log(1 + gamma / K) / gamma + gamma * SIGMA**2 * (STEPS + 1) / STEPS / 4
        inventory.append({"gamma": gamma / CENTS, "kappa": K / CENTS, "size": 1.0, "capped": 0})
        symmetric.append({"half_spread": CENTS * half, "skew": 0.0, "size": 1.0})
    return inventory, symmetric


def simulate(paths: int) -> dict[str, np.ndarray]:
    """Profit, final position and fills of every path for each strategy and gamma."""
    out: dict[str, list] = {"inventory": [], "symmetric": []}
    for seed in range(paths):
        tape = walk(seed)
        for name, model, values in zip(out, (AvellanedaStoikov, FixedSpread), cells(), strict=True):
            block = new_block(tape, model, values, [ASSUMED] * len(values), record=False)
            run_block(block, model)
            made = totals(block, tape)
            out[name].append([(one.pnl / 1e4 / CENTS, one.position / 100, one.fills) for one in made])
    return {name: np.array(rows) for name, rows in out.items()}


def table(results: dict[str, np.ndarray]) -> list[str]:
    lines = ["gamma strategy   profit   s.e.  paper   std  paper  std q  paper  fills  paper"]
    for name, targets in (("inventory", INVENTORY), ("symmetric", SYMMETRIC)):
        for g, (gamma, (mean, std, std_q, fills)) in enumerate(targets.items()):
            profit, held, filled = results[name][:, g].T
            error = profit.std() / math.sqrt(len(profit))
            lines.append(
                f"{gamma:<5} {name}  {profit.mean():7.2f} {error:6.2f} {mean:6.2f} {profit.std():6.2f} {std:5.2f}"
                f" {held.std():6.2f} {std_q:6.2f} {filled.mean():6.1f} {fills:6.1f}"
            )
    return lines


@pytest.mark.slow
def test_the_table_of_avellaneda_and_stoikov():
    """Means within four standard errors of the converged ones; deviations within four of theirs; so the positions."""
    paths = 1500
    results = simulate(paths)
    print("\n".join(table(results)))
    for name, targets in (("inventory", INVENTORY), ("symmetric", SYMMETRIC)):
        for g, (mean, std, std_q, fills) in enumerate(targets.values()):
            profit, held, filled = results[name][:, g].T
            assert abs(profit.mean() - mean) < 4 * std / math.sqrt(paths)
            assert abs(held.mean()) < 4 * std_q / math.sqrt(paths)
            assert abs(profit.std() / std - 1) < 4 / math.sqrt(2 * paths) * 1.2  # profits have somewhat heavy tails
            assert abs(held.std() / std_q - 1) < 4 / math.sqrt(2 * paths) * 1.2
            assert abs(filled.mean() - fills) < 4 * filled.std() / math.sqrt(paths)


@pytest.mark.slow
def test_a_block_of_cells_is_the_replays_of_its_cells():
    tape = walk(7)
    inventory, _ = cells()
    block = new_block(tape, AvellanedaStoikov, inventory, [ASSUMED] * 3, record=False)
    run_block(block, AvellanedaStoikov)
    together = totals(block, tape)
    assert together == [replay(tape, AvellanedaStoikov, cell, ASSUMED).totals for cell in inventory]
    assert len({one.fills for one in together}) > 1


@pytest.mark.slow
def test_fills_come_at_the_rate_that_was_asked_for():
    tape = mid_tape(START + SECOND * np.arange(4_001), np.full(4_001, 50.0))
    made = replay(
        tape, FixedSpread, {"half_spread": 4.0, "skew": 0, "size": 1},
        Assumptions(queue="poisson@0.4,0.25", post_only=False, requote_ms=0, fees="none", position_limit=1e5),
    )  # fmt: skip
    wanted = 2 * 4_000 * 0.4 * math.exp(-0.25 * 4.0)
    assert abs(made.totals.fills - wanted) < 4 * math.sqrt(wanted)
    assert set((made.fills["ts"] - START) % SECOND) == {0}


def test_a_seed_draws_the_same_fills_and_a_market_its_own(plain_kernels: None):
    given = {"half_spread": 4.0, "size": 1}
    runs = [replay(walk(3), FixedSpread, given, ASSUMED.with_options({"seed": seed})) for seed in (0, 0, 1)]
    assert runs[0].fills.equals(runs[1].fills)
    assert not runs[0].fills.equals(runs[2].fills)
    ts = np.arange(1_000)
    draws = [uniform_draws(seed, name, ts) for seed, name in ((0, "A"), (0, "B"), (1, "A"))]
    numbers = np.concatenate(draws).ravel()
    assert len(np.unique(numbers)) == 6_000
    assert abs(np.corrcoef(np.concatenate(draws)) - np.eye(6)).max() < 0.15
    assert np.histogram(numbers, 10, (0, 1))[0] == pytest.approx(np.full(10, 600), abs=100)


@pytest.mark.parametrize(
    "name", ["poisson", "poisson@1", "poisson@0,1", "poisson@1,-1", "poisson@a,b", "poisson@1,2,3"]
)
def test_senseless_intensities_are_named(name: str):
    with pytest.raises(InputError, match="write fills a second at the mid and their decay, as in poisson@"):
        queue_model(name)


def test_a_tape_of_mids_has_them_and_refuses_what_leaves_the_grid():
    tape = walk(5)
    doubled = (tape.columns.best_bid.astype(int) + tape.columns.best_ask)[(tape.columns.kind & 16) > 0]
    assert len(doubled) == STEPS + 1
    assert np.abs(np.diff(doubled) / 200).tolist() == pytest.approx(
        [CENTS * SIGMA / math.sqrt(STEPS)] * STEPS, abs=0.005
    )
    with pytest.raises(InputError, match="every mid inside the grid"):
        mid_tape(np.array([1, 2]), np.array([50.0, 100.0]))
    with pytest.raises(InputError, match="a grid with one step"):
        mid_tape(np.array([1]), np.array([50.0]), TapeMarket("M", grid="tapered_deci_cent"))
