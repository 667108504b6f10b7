"""The look-ahead prover: it finds nothing where nothing is, and catches what was planted."""

from __future__ import annotations

import numpy as np
import pytest
from touchline.engine.simulator import prepare
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import POINT
from touchline.engine.simulator.lookahead import cut_off, cut_times, prove
from touchline.engine.simulator.state import Columns, Grid, Points
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import Tape
from touchline.engine.simulator.tape.volatility import points_of
from touchline.engine.sweeps import sweeping
from touchline.engine.sweeps.grid_spec import axes_of
from touchline.engine.sweeps.plan import plan_of
from touchline.io.ground.errors import CheckError
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.parameters import Parameter

from ..made_books import made_books


class Honest(FixedSpread):
    """Quotes wider when the price moves more, and around what it believes the market will pay."""

    name = "honest"
    parameters = (*FixedSpread.parameters, Parameter("settlement", 5_000.0, 0, 10_000, "what it will pay"))

    @staticmethod
    def quote(known, p):
        centre = known.mid + (p.settlement - 5_000.0) / 500.0
        half = p.half_spread + known.sigma
        return centre - half, centre + half, p.size, p.size


class Knowing(Honest):
    """A cheat: the row of the market tells it the result, which nobody knew at the time."""

    from_market = ("settlement",)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    store = made_books(tmp_path_factory.mktemp("books") / "data", markets=1, seconds=300, seed=3)
    return compile_tape(store, "MADE-00")


GIVEN = [{"half_spread": 1.0}, {"half_spread": 1.5, "skew": 0.2}]
LIMITS = [Assumptions(), Assumptions()]


@pytest.mark.slow
def test_an_honest_model_does_not_look_ahead(tape: Tape):
    assert prove(tape, Honest, GIVEN, LIMITS, cuts=6) == []


def test_cuts_are_the_same_every_time_and_take_the_result_away(tape: Tape):
    times = cut_times(tape, 6, 0)
    assert np.array_equal(times, cut_times(tape, 6, 0))
    assert not np.array_equal(times, cut_times(tape, 6, 1))
    short = cut_off(tape, int(times[2]))
    assert int(short.columns.ts[-1]) < times[2] <= int(tape.columns.ts[len(short)])
    assert (short.market.settlement, short.market.result) == (None, None)
    assert tape.market.settlement is not None


def test_a_model_that_knows_the_result_is_caught(tape: Tape, plain_kernels: None):
    assert tape.market.settlement not in (None, 5_000)
    leaks = prove(tape, Knowing, GIVEN, LIMITS, cuts=3)
    assert {leak.cell for leak in leaks} == {0, 1}
    plan = plan_of(Knowing, {}, Assumptions(), axes_of(Knowing, {"half_spread": [1.0, 1.5]}, {}))
    with pytest.raises(CheckError, match=r"look-ahead: MADE-00, cut at 2026-.*: the .* of cell 0 is"):
        sweeping.prove_plan(plan, [tape])


def test_a_volatility_that_sees_the_next_trades_is_caught(tape: Tape, monkeypatch, plain_kernels: None):
    """A bug as it might be written by mistake: observations stand 200 events too early."""

    def early(columns: Columns, grid: Grid, volatility: str, window_s: float) -> Points:
        points = points_of(columns, grid, volatility, window_s)
        points.rows[POINT.event, :-1] = np.maximum(points.rows[POINT.event, :-1] - 200, 0)
        return points

    assert prove(tape, Honest, GIVEN, LIMITS, cuts=4) == []
    monkeypatch.setattr(prepare, "points_of", early)
    assert prove(tape, Honest, GIVEN, LIMITS, cuts=4)
