"""How a quote comes to the grid: the nearest level and lot, halves up, whichever floats say the half."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from touchline.engine.simulator.assumptions.flags import Flags
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.tape.tape import kernel_grid
from touchline.io.ground.grids import GRIDS
from touchline.strategies.models.fixed_spread import FixedSpread


def halves(ticks: list[int]) -> list[tuple[float, int]]:
    """Every price in cents halfway between two levels, as sums that a model may form, and the upper level."""
    found = []
    for up in range(1, len(ticks)):
        half = Fraction(ticks[up - 1] + ticks[up], 200)
        away = Fraction(ticks[up] - ticks[up - 1], 200)
        mid = ticks[up] * 0.01
        found += [(float(half), up), (mid - float(away), up), (float(half) * 3.0 / 3.0, up)]
        found += [(float(half) + shift - shift, up) for shift in (0.1, 0.7, 1.3)]
    return found


@pytest.mark.parametrize("name", GRIDS)
def test_exact_halves_go_up_on_every_grid(name: str):
    grid = kernel_grid(name)
    level_of = interpreted(FixedSpread, Flags(uniform=bool(grid.step))).level_of_nb
    ticks = grid.ticks.tolist()
    wrong = [(cents, level) for cents, level in halves(ticks) if level_of(grid, cents) != level]
    assert not wrong
    for below in (1e-5, 0.001):  # of a level: less than a half stays below
        short = [cents - below * (ticks[up] - ticks[up - 1]) / 100 for cents, up in halves(ticks)]
        assert [level_of(grid, cents) for cents in short] == [up - 1 for _, up in halves(ticks)]


def test_half_lots_go_up():
    lots_of = interpreted(FixedSpread, Flags()).lots_of_nb
    assert [lots_of(lots / 100 + 0.005, 10**9) for lots in range(20_000)] == list(range(1, 20_001))
    assert lots_of(0.00499, 10**9) == 0


def test_prices_that_are_none_count_as_nothing():
    grid = kernel_grid("linear_cent")
    kernel = interpreted(FixedSpread, Flags())
    assert [kernel.level_of_nb(grid, x) for x in (math.nan, -math.inf, math.inf, 1e300)] == [0, 0, 100, 100]
    assert kernel.lots_of_nb(math.nan, 10) == 0
