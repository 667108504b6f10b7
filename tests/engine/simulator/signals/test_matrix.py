"""A tape's signals: computed once and kept, with values from elsewhere as they were strictly before each event."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import I
from touchline.engine.simulator.prepare import new_block, run_block, signals_of
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.signals import course, matrix
from touchline.engine.simulator.tape.events import TRADE as TAPE_TRADE
from touchline.features.signals.flow import signed_flow
from touchline.features.signals.outside import other, table
from touchline.features.signals.price import microprice
from touchline.features.signals.signal import Signal
from touchline.io.ground.errors import InputError
from touchline.strategies.models.fixed_spread import FixedSpread

from ..test_replay import noise_tape

TRADE = 1


def level(event, state, p):
    new = state.level + p.share * (event.price - state.level) if event.kind == TRADE else state.level
    return new - event.signals.flow, new


def counted(event, state):
    state.seen[event.kind] += 1
    return float(state.seen[TRADE])


SIGNALS = {
    "flow": signed_flow(5),
    "level": Signal(level, {"level": 50.0}, share=0.1),
    "trades": Signal(counted, {"seen": [0, 0, 0, 0, 0]}),
    "micro": microprice(),
}


class Skewed(FixedSpread):
    """Reads a shipped signal, and two of its own, one of which reads another."""

    name = "skewed"
    signals = SIGNALS

    @staticmethod
    def quote(known, p):
        centre = known.signals.micro + 0.01 * known.signals.level - p.skew * known.signals.trades
        return centre - p.half_spread, centre + p.half_spread, p.size, p.size


@pytest.fixture(scope="module")
def tape():
    return noise_tape(seconds=60)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(matrix, "_open", {})


def walks(monkeypatch):
    """How often a course is begun from here on."""
    made, whole = [], course.Course.__init__

    def begin(self, *given):
        made.append(given)
        whole(self, *given)

    monkeypatch.setattr(course.Course, "__init__", begin)
    return made


def test_own_signals_carry_their_state_and_read_those_before_them(tape):
    got = signals_of(tape, Skewed)
    c, ticks, top = tape.columns, tape.grid.ticks, int(tape.grid.top)
    smooth, trades = 50.0, 0
    for i in range(len(tape)):
        if (c.kind[i] & 7) == TAPE_TRADE:
            price = ticks[c.level[i] if c.side[i] == 0 else top - c.level[i]] * 0.01
            smooth, trades = smooth + 0.1 * (price - smooth), trades + 1
        assert got[i, 1] == smooth - got[i, 0]
        assert got[i, 2] == trades


def test_a_matrix_is_computed_once_and_kept_until_a_definition_changes(tape, monkeypatch):
    made = walks(monkeypatch)
    first = signals_of(tape, Skewed)
    signals_of(tape, Skewed)
    assert len(made) == 1
    monkeypatch.setattr(matrix, "_open", {})
    again = signals_of(tape, Skewed)
    assert len(made) == 1
    assert np.array_equal(first, again, equal_nan=True)
    for changed in ({"flow": signed_flow(6)}, {"trades": Signal(counted, {"seen": [0, 1, 0, 0, 0]})}):
        matrix.signal_matrix(tape, SIGNALS | changed)
    assert len(made) == 3
    matrix.signal_matrix(replace(tape, digest="0" * 16), SIGNALS)
    assert len(made) == 4


def test_a_damaged_matrix_is_made_again(tape, monkeypatch, tmp_path, capsys):
    first = signals_of(tape, Skewed).copy()
    (file,) = tmp_path.glob("signals/*/signals.npy")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    monkeypatch.setattr(matrix, "_open", {})
    assert np.array_equal(first, signals_of(tape, Skewed), equal_nan=True)
    assert "are damaged and are made again" in capsys.readouterr().err


def test_a_cell_of_a_sweep_is_the_replay(tape, plain_kernels):
    cells = [{"half_spread": 1.0, "skew": skew, "size": 5.0} for skew in (0.0, 0.01, 0.1)]
    block = new_block(tape, Skewed, cells, [Assumptions()] * 3, record=False)
    run_block(block, Skewed)
    for c, cell in enumerate(cells):
        run = replay(tape, Skewed, cell)
        assert (run.totals.position, run.totals.fills) == (block.ints(I.position)[c], block.ints(I.fills)[c])
    assert len({int(one) for one in block.ints(I.requotes)}) >= 1
    assert run.totals.fills > 0


def test_a_table_counts_from_strictly_after_its_publication(tape, tmp_path):
    at = [int(tape.columns.ts[i]) for i in (10, 20)]
    file = tmp_path / "t.csv"
    file.write_text(f"published,cpi,ticker\n{at[0]},1.5,{tape.market.ticker}\n{at[1]},,{tape.market.ticker}\n"
                    f"{at[1]},2.5,OTHER\n{at[1] + 1},3.5,{tape.market.ticker}\n")  # fmt: skip
    got = matrix.signal_matrix(tape, {"cpi": table(file, value="cpi", ticker="ticker")})[:, 0]
    ts = tape.columns.ts
    wanted = np.where(ts > at[1] + 1, 3.5, np.where(ts > at[0], 1.5, math.nan))
    assert np.array_equal(got, wanted, equal_nan=True)
    assert np.isnan(got[ts == at[0]]).all()
    file.write_text(file.read_text().replace("3.5", "4.5"))
    assert matrix.signal_matrix(tape, {"cpi": table(file, value="cpi", ticker="ticker")})[-1, 0] == 4.5


def test_what_cannot_be_found_elsewhere_is_said_in_a_line(tape, tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*gone\.csv"):
        matrix.signal_matrix(tape, {"cpi": table(tmp_path / "gone.csv", value="cpi")})
    with pytest.raises(InputError, match=r"need the store that .* comes from"):
        matrix.signal_matrix(tape, {"theirs": other("X").mid})


def test_a_signal_that_does_not_compile_is_one_line(tape):
    def text(event):
        return len(str(event.ts) + "x") * 1.0

    model = type("Bad", (FixedSpread,), {"name": "bad", "signals": {"text": Signal(text)}})
    with pytest.raises(InputError, match=r"^a signal of bad does not compile: .*it may use numbers") as caught:
        signals_of(tape, model)
    assert "\n" not in str(caught.value)


def test_a_whole_state_that_becomes_a_float_is_one_line(tape):
    def mean(event, state):
        return (0.0, state.n) if event.kind != TRADE else (0.0, event.price)

    model = type("Bad", (FixedSpread,), {"name": "bad", "signals": {"mean": Signal(mean, {"n": 0})}})
    with pytest.raises(InputError, match=r"starts whole and becomes a float: start it at 0\.0"):
        signals_of(tape, model)
