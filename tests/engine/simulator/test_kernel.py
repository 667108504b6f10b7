"""The kernel against the plain-Python simulator on random tapes: every fill, quote, amount and count, exactly."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from touchline.engine.simulator import block as blocks
from touchline.engine.simulator.assumptions.draws import uniform_draws
from touchline.engine.simulator.assumptions.fees import ROUNDINGS
from touchline.engine.simulator.assumptions.flags import Flags
from touchline.engine.simulator.assumptions.latency import lift_of
from touchline.engine.simulator.assumptions.queue import queue_model
from touchline.engine.simulator.assumptions.venue import NEVER, PROMPTS, close_steps
from touchline.engine.simulator.kernel.build import kernel
from touchline.engine.simulator.kernel.rows import I, L, S
from touchline.engine.simulator.prepare import reads_places
from touchline.engine.simulator.state import Columns, Points, Samples, VenueNumbers
from touchline.engine.simulator.tape.tape import TapeMarket, TapeRows, build, mids_of
from touchline.features.signals.signal import column_names, places
from touchline.io.ground.grids import grid_levels
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.quoting.model import QuotingModel

from ... import oracle
from .quoters import LADDERS, OTHERS, Everything, Places, Reads, Three, Two

START = 1_767_225_599_000_000_000  # a second before midnight UTC, so that tapes cross into a new day
SECOND = 10**9
DELTA, LEVEL, CLEAR, BOOK_GAP, PRINT, TICK, STATE = range(7)
NO_JIT = os.environ.get("NUMBA_DISABLE_JIT") == "1"
GRID_CENTRES = {"linear_cent": 50, "deci_cent": 500, "tapered_deci_cent": 100, "center_half_edge_quint_cent": 52}
MODELS = {"linear_cent": AvellanedaStoikov}
VOLATILITIES = ("constant", "levels", "increments", "decaying")
HORIZONS = ("session", "to close", "fixed")
SIDES = ((True, True), (False, True), (True, False))  #: by their number
RULES = ("touch", "through", "pessimistic", "optimistic", "risk-averse", "power", "log", "poisson")

KINDS = (["add"] * 3 + ["cut"] * 2 + ["hit"] * 3 + ["stray", "tick"]) * 3 + ["snap", "gap", "status"]
ops = st.tuples(
    st.sampled_from([0, 0, 1, 1_000, 300_000_000, SECOND, 1_700_000_000]),  # time since the one before
    st.sampled_from(KINDS),
    st.integers(0, 1),
    st.integers(-1, 4),
    st.integers(1, 700),
    st.integers(0, 4),
)  # fmt: skip


@st.composite
def tapes(draw, grid):
    """A tape from raw rows, with a book that mostly makes sense: trades hit the touch, their decreases come or not."""
    top = len(oracle_ticks(grid)) - 1
    centre = GRID_CENTRES[grid]
    raw, book, now, is_open = [], [{}, {}], START, True

    def put(what, side, level, size, dt=0):
        nonlocal now
        now += dt
        yes = level if side == 0 or level == 0 else top - level
        raw.append((now, what, 1 - 2 * side, yes, size))

    def change(side, level, by, dt=0):
        after = book[side].get(level, 0) + by
        put(DELTA, side, level, by, dt)
        book[side][level] = after
        if after <= 0:
            book[side].pop(level)
        if after < 0:
            book[0].clear()
            book[1].clear()

    def trade(side, level, size, dt=0):
        """A print against the bids of ``side``; the taker is on the other one, or not named."""
        put(PRINT, side, level, size, dt)
        raw[-1] = (raw[-1][0], PRINT, 0 if size % 11 == 0 else 2 * side - 1, *raw[-1][3:])

    def snapshot(dt):
        put(CLEAR, 0, 0, 0, dt)
        for side in (0, 1):
            for level, size in book[side].items():
                put(LEVEL, side, level, size)

    empty_start = draw(st.booleans())
    for side in (0, 1):
        for depth in range(3):
            level = (centre if side == 0 else top - centre) - 1 - depth
            book[side][level] = draw(st.integers(1, 400))
            if empty_start:
                put(DELTA, side, level, book[side][level])
    if not empty_start:
        snapshot(0)
    for dt, kind, side, depth, size, choice in draw(st.lists(ops, min_size=5, max_size=60)):
        best = max(book[side], default=0)
        other = max(book[1 - side], default=0)
        if kind == "add":
            level = (best or (centre if side == 0 else top - centre) - 1) - depth
            if choice > 0:
                level = min(level, top - other - 1)
            if 0 < level < top:
                change(side, level, size, dt)
        elif kind == "cut" and book[side]:
            level = sorted(book[side], reverse=True)[max(depth, 0) % len(book[side])]
            change(side, level, -min(size, book[side][level]) - (size == 700), dt)
        elif kind == "hit" and best:
            if choice == 0:
                trade(side, best, size, dt)
            elif choice == 1:
                change(side, best, -min(size, book[side][best]), dt)
                trade(side, best, size, 1_000)
            else:
                trade(side, best, size, dt)
                change(side, best, -min(size, book[side][best]), 1_000 * (choice - 2))
        elif kind == "stray":
            level = max(1, min(top - 1, (best or centre) + 2 - depth))
            trade(side, level, size, dt)
        elif kind == "snap":
            for s in (0, 1):
                for level in list(book[s])[: choice // 2]:
                    book[s][level] = size
            snapshot(dt)
        elif kind == "gap":
            put(BOOK_GAP, 0, 0, 0, dt)
            if choice:
                book[0].clear()
                book[1].clear()
        elif kind == "status":
            is_open = not is_open
            put(STATE, 0 if is_open else 1, 0, 0, dt)
        elif kind == "tick":
            put(TICK, 0, 0, 0, dt)
    return make_tape(raw, grid, empty_start)


@st.composite
def interrupted(draw, tape, reported):
    """The tape with events that do not come from the market: the clock, and fills that the exchange reports."""
    columns, top = tape.columns, int(tape.grid.top)
    count = len(columns.ts)
    for at in sorted(draw(st.lists(st.integers(1, count), max_size=4)), reverse=True):
        new = {name: column[at - 1] for name, column in columns._asdict().items()}
        room = int(columns.ts[at]) - int(new["ts"]) if at < len(columns.ts) else SECOND
        new["ts"] += draw(st.integers(0, room))
        if reported and draw(st.booleans()):
            new |= {"kind": oracle.FILLED, "side": draw(st.integers(0, 1)), "level": draw(st.integers(1, top - 1))}
            new |= {"size": draw(st.integers(1, 300)), "aux": draw(st.integers(0, 90_000))}
        else:
            new["kind"] = oracle.CLOCK | (16 if new["ts"] > columns.ts[at - 1] else 0)
        columns = Columns(*(np.insert(column, at, new[name]) for name, column in columns._asdict().items()))
    return replace(tape, columns=columns)


def oracle_ticks(grid):
    return [int(tick) for tick in grid_levels(grid)]


def make_tape(raw, grid, empty_start):
    ticks = oracle_ticks(grid)
    ts, what, side, level, size = (np.array(column) for column in zip(*raw, strict=True))
    price = np.array(ticks, np.int32)[level]
    table = TapeRows(ts.astype(np.int64), what.astype(np.uint8), side.astype(np.int8), price, size.astype(np.int64))
    values = 100.0 + np.arange(int((what == TICK).sum()) + 1, dtype=float)
    return build(TapeMarket("T", grid=grid), table, values, empty_start=empty_start)


@st.composite
def told_closes(draw, first, last):
    """When the end of the session is told anew: before, inside and after the tape, at its events and between them."""
    near = st.integers(-1, 5).map(lambda k: k * SECOND // 2)
    sinces = sorted(draw(st.lists(near.map(lambda gap: first + gap), unique=True, max_size=3)))
    return tuple((since, max(first + 1, last + draw(near) - SECOND)) for since in sinces)


@st.composite
def fee_tables(draw):
    out = []
    moments = sorted(draw(st.lists(st.integers(START, START + 20 * SECOND), max_size=2, unique=True)))
    for from_ts in [0, *moments]:
        rule = ROUNDINGS[draw(st.integers(0, len(ROUNDINGS) - 1))]
        member = draw(st.sampled_from(["direct", "broker"]))
        huge = (89_999_999, 89_999_993)  # so large that the fee of some contracts needs more than 62 bits on the way
        usual = [(0, 0), (700_000, 0), (700_000, 175_000), (350_000, 87_500), (175_000, 43_750)]
        taker, maker = draw(st.sampled_from([*usual, huge]))
        grid, rebate = rule.grid[member], rule.rebate_step[member]
        out.append(oracle.Fees(from_ts, taker, maker, rule.trade_step, grid, rebate, int(rule.rebate_strict)))
    return tuple(out)


def shown_signals(draw, model, events, *, heeds):
    """Values of a model's signals after each event, which mostly stay, and those whose changes are decided on."""
    columns = len(column_names(model.signals))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    rows = rng.choice([math.nan, 0.0, 0.5, -1.0, 2.0], (events, columns))
    for i, stays in enumerate(rng.random((events, columns)) < 0.6):
        rows[i] = np.where(stays, rows[i - 1], rows[i]) if i else rows[i]
    named = namedtuple("Signals", list(model.signals))
    where = list(places(model.signals).values())

    def shown(row):
        return named(*(row[at.start] if len(at) == 1 else row[at.start : at.stop] for at in where))

    heed = tuple(sorted(draw(st.sets(st.integers(0, columns - 1))))) if heeds else ()
    return {"signals": tuple(map(tuple, rows.tolist())), "shown": shown, "heed": heed}


@st.composite
def scenes(draw, flags, grids, models=()):
    """A tape, a setting that the flags allow, and parameters of the block's cells."""
    grid = draw(st.sampled_from(grids))
    tape = draw(tapes(grid))
    tape = draw(interrupted(tape, flags.reported))
    first, last = int(tape.columns.ts[0]), int(tape.columns.ts[-1])
    rule = "poisson" if flags.drawn else draw(st.sampled_from(RULES[:7] if flags.float_queue else RULES[:5]))
    named = queue_model({"power": "power@3", "poisson": "poisson@1,1"}.get(rule, rule))
    post_only = (draw(st.booleans()) if flags.drawn else not flags.taker) or draw(st.integers(0, 3)) == 0
    delay = st.sampled_from([0, 1, 1_000, 400_000_000, 2 * SECOND])
    turns = draw(st.sampled_from([1, 1, 2, 5]))
    delays = draw(st.tuples(*[st.lists(delay, min_size=turns, max_size=turns)] * 3)) if flags.latency else None
    setting = oracle.Setting(
        rule=rule, exponent=draw(st.sampled_from([1.0, 2.0, 3.0, 1.5])),
        partial=draw(st.sampled_from([named.partial, named.partial, not named.partial])), cross=draw(st.booleans()),
        post_only=post_only, keep=draw(st.booleans()), requote_ns=draw(st.sampled_from([1, SECOND // 2, SECOND])),
        is_open=True, session=(first, max(last, first + 1)),
        closes=draw(told_closes(first, last)), horizon=draw(st.sampled_from(HORIZONS)), tau=0.5,
        volatility=draw(st.sampled_from(VOLATILITIES)), window_ns=draw(st.sampled_from([2 * SECOND, 60 * SECOND])),
        variance=draw(st.sampled_from([0.0, 0.25, 1.0])), fees=draw(fee_tables()) if flags.fees else (),
        shrink_limit=flags.risk and draw(st.booleans()), shrink_size=flags.risk and draw(st.booleans()),
        takes=flags.taker, reported=flags.reported, rate=draw(st.sampled_from([0.1, 2.0])),
        draws=uniform_draws(draw(st.integers(0, 99)), "T", tape.columns.ts).tolist(), delays=delays,
        bucket_ns=draw(st.sampled_from([250_000_000, SECOND])),
    )  # fmt: skip
    step = 1.0 if grid == "linear_cent" else 0.1
    model = draw(st.sampled_from(models)) if models else MODELS.get(grid, FixedSpread)
    prompts = {"time"}
    if flags.prompted:
        prompts = draw(st.sets(st.sampled_from(["time", "trade", "touch", "book"]), min_size=1))
    setting = replace(
        setting, levels=model.levels, takes_too=model.takes, state=tuple(model.state.values()),
        prompts=frozenset(prompts), quoted=draw(st.sampled_from(SIDES)) if flags.quiet else (True, True),
        stop_ns=draw(st.sampled_from([-NEVER, 0, SECOND, 4 * SECOND])) if flags.quiet else -NEVER,
    )  # fmt: skip
    if model.signals:
        setting = replace(setting, **shown_signals(draw, model, len(tape.columns.ts), heeds=flags.prompted))
    n = 1 if flags.one else draw(st.integers(1, 24))
    cells, params = [], []
    for _ in range(n):
        size = draw(st.sampled_from([0.01, 0.37, 1.0, 2.5, 10.0]))
        near = draw(st.sampled_from([-1.0, 0.0, 0.4, 1.0, 2.0])) * step
        if model is AvellanedaStoikov:
            gamma, kappa = draw(st.sampled_from([0.05, 0.5, 2.0])), draw(st.sampled_from([0.3, 1.5, 20.0]))
            params.append({"gamma": gamma, "kappa": kappa, "size": size, "capped": draw(st.integers(0, 1))})
        elif issubclass(model, Two):
            gap = draw(st.sampled_from([0.0, 0.4, 1.0, 2.0, -1.0])) * step
            skew = draw(st.sampled_from([0.0, 0.5 * step]))
            params.append({"half": near, "step": gap, "size": size, "skew": skew})
        else:
            params.append({"half_spread": near, "skew": draw(st.sampled_from([0.0, 0.5 * step])), "size": size})
        cell = replace(setting, limit=draw(st.sampled_from([0, 130, 1_000, 10_000])))
        if flags.risk:
            cell = replace(
                cell, calm=draw(st.sampled_from([0.0, 0.3])), halt=draw(st.sampled_from([60, 10**9])),
                loss=draw(st.sampled_from([0, 1, 30_000])),
            )  # fmt: skip
        if flags.still:
            tolerance, life = draw(st.sampled_from([0, 1, 3])), draw(st.sampled_from([0, SECOND // 2, 3 * SECOND]))
            cell = replace(cell, tolerance=tolerance, life_ns=life)
        if flags.capital:
            cell = replace(cell, capital=draw(st.sampled_from([0, 500_000, 5_000_000])))
        cells.append(cell)
    samples = sorted(START + draw(st.integers(0, 30 * SECOND)) for _ in range(3))
    return tape, model, cells, params, samples


def observations(tape, volatility):
    """What volatility is made of: prints, or moves of the mid, with some variance after each."""
    out = []
    grid, last = tape.grid, None
    for i, (ts, kind) in enumerate(zip(tape.columns.ts, tape.columns.kind & 7, strict=True)):
        side, level = int(tape.columns.side[i]), int(tape.columns.level[i])
        tick = int(grid.ticks[level if side == 0 else grid.top - level])
        if kind == oracle.TRADE:
            moved = tick if volatility == "levels" else 2 * (tick - last) if last is not None else 0
            out.append((int(ts), i, moved if volatility != "decaying" else 0.25 + len(out) % 5))
            last = tick
    return out


def run_kernel(flags, tape, model, cells, params, samples, slices=1):
    """The block, with every quantity of the oracle's setting at the place where a kernel reads it."""
    a, n = cells[0], len(cells)
    columns = tape.columns
    events = len(columns.ts)
    seen = observations(tape, a.volatility)
    values = [0 if a.volatility == "decaying" else point[2] for point in seen]
    table = [[*column, 0] for column in ([point[0] for point in seen], [point[1] for point in seen])]
    sums = [[0, *np.cumsum(values, dtype=np.int64)], [0, *np.cumsum(np.square(values), dtype=np.int64)]]
    points = Points(np.array([*table, *sums], np.int64), np.array([float(point[2]) for point in seen]))
    delay = np.array(a.delays or [[0]] * 3, np.int64)
    lift = np.array([lift_of(np.tile(line, 20), a.bucket_ns)[-len(line) :] for line in delay])
    venue = VenueNumbers(
        RULES.index(a.rule), a.exponent, a.partial, a.cross, a.post_only, a.keep,
        1 * a.shrink_limit + 2 * a.shrink_size, a.requote_ns if "time" in a.prompts else NEVER, a.session[0],
        close_steps([(0, a.session[1]), *a.closes]), HORIZONS.index(a.horizon), a.tau,
        VOLATILITIES.index(a.volatility), a.window_ns, a.variance,
        a.bucket_ns, delay, lift, a.rate, SIDES.index(a.quoted), a.stop_ns, sum(PROMPTS[one] for one in a.prompts),
        np.array(a.heed, np.int64), np.array(a.draws),
    )  # fmt: skip
    fees = a.fees or (oracle.Fees(0, 0, 0, 1, 1, 1 << 62, 0),)
    fee_rows = np.array([[f.from_ts, f.taker, f.maker, f.step, f.grid, f.rebate, f.strict] for f in fees], np.int64).T
    table = np.array(
        [[*model.row(p), *model.state.values(), cell.calm] for p, cell in zip(params, cells, strict=True)]
    ).T.copy()
    placed = flags.latency and reads_places(model)
    state = blocks.new_state(table, int(tape.grid.top), flags.float_queue, placed=placed)
    blocks.start(state, int(columns.ts[0]), venue.requote_ns, a.is_open)
    for c, cell in enumerate(cells):
        state.ints[I.limit, c], state.ints[I.tolerance, c] = cell.limit, cell.tolerance
        state.longs[L.life, c] = cell.life_ns
        state.ints[I.halt, c] = 10**9 if cell.halt is None else cell.halt
        state.longs[L.loss, c], state.longs[L.capital, c] = cell.loss, cell.capital
    block = blocks.Block(
        kernel(model, flags), columns, mids_of(tape.columns, tape.grid), tape.values, tape.grid, points, venue,
        np.ascontiguousarray(fee_rows), state, blocks.new_flight(n, 16, model.slots()),
        blocks.new_log(512 if flags.record else 16, model.levels),
        Samples(np.array(samples, np.int64), np.zeros((len(samples), n), np.int64)),
        np.array(a.signals) if a.signals else (),
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):  # compiled, a division by zero gives inf without a word
        for part in range(1, slices + 1):
            block.run(events * part // slices)
    return block


def run_oracle(tape, model, setting, params, samples):
    c = tape.columns
    events = [
        oracle.Event(int(c.ts[i]), int(c.kind[i] & 7), int(c.side[i]), int(c.level[i]), int(c.size[i]), int(c.aux[i]),
                     bool(c.kind[i] & 32), bool(c.kind[i] & 16))
        for i in range(len(c.ts))
    ]  # fmt: skip
    p = SimpleNamespace(**dict(zip(model.columns(), model.row(params), strict=True)))
    points = observations(tape, setting.volatility)
    named = namedtuple("State", list(model.state))

    def quote(known, *state):
        return model.quote(known, p, *(named(*one) for one in state))

    run = oracle.Run(
        events, [float(v) for v in tape.values], oracle_ticks(tape.market.grid), quote, setting, points, samples
    )
    return run, run.run()


TOTALS = {
    "cash": (L.cash, "longs"), "fees": (L.fees_paid, "longs"), "rebates": (L.rebates, "longs"),
    "flow": (L.flow, "longs"), "flow_later": (L.flow_later, "longs"), "volume": (L.volume, "longs"),
    "quoted": (L.quoted, "longs"), "held": (L.held, "longs"), "position": (I.position, "ints"),
    "requotes": (I.requotes, "ints"), "refused": (I.refused, "ints"), "rejected": (I.rejected, "ints"),
    "widest": (I.widest, "ints"),
}  # fmt: skip


def check(flags, scene, slices=1):
    tape, model, cells, params, samples = scene
    block = run_kernel(flags, tape, model, cells, params, samples, slices)
    for c, setting in enumerate(cells):
        run, wanted = run_oracle(tape, model, setting, params[c], samples)
        if flags.record:
            count = block.state.scalars[S.fills]
            got = [
                (int(ts), *map(int, row)) for ts, row in zip(block.log.fill_ts[:count], block.log.fills, strict=False)
            ]
            assert got == wanted.fills
            count = block.state.scalars[S.quotes]
            quotes = [(int(ts), *map(int, row)) for ts, row in
                      zip(block.log.quote_ts[:count], block.log.quotes, strict=False)]  # fmt: skip
            columns = 2 + 4 * setting.levels
            assert quotes == [quote[:columns] for quote in wanted.quotes]
            for got_ahead, quote in zip(block.log.ahead[:count], wanted.quotes, strict=True):
                assert all(ahead is None or ahead == got for ahead, got in zip(quote[columns:], got_ahead, strict=True))
        totals = {name: int(getattr(block, kind)(row)[c]) for name, (row, kind) in TOTALS.items()}
        assert totals == {name: getattr(wanted, name) for name in TOTALS}, c
        assert int(block.ints(I.fills)[c]) == len(wanted.fills)
        assert [int(row[c]) for row in block.samples.equity[: len(wanted.equity)]] == wanted.equity
        first = len(model.columns())
        kept = [float(value) for value in block.state.params[first : first + len(model.state), c]]
        assert np.array_equal(kept, run.state, equal_nan=True), (kept, run.state)
        for which, order in enumerate(order for both in zip(*run.orders, strict=True) for order in both):
            resting = int(block.ints(I.px + which)[c]), int(block.ints(I.left + which)[c])
            assert resting == ((order.level, order.lots) if order else (0, 0))
            if order and (flags.one or setting.rule not in ("touch", "through", "poisson")):  # else no one asks for it
                assert float(block.ahead(which)[c]) == float(order.ahead)
        event(f"fills: {min(len(wanted.fills), 3)}+")


CENT = ("linear_cent",)
UNEVEN = ("tapered_deci_cent", "center_half_edge_quint_cent")
ALL = {"record": True, "one": True, "taker": True, "fees": True, "capital": True, "risk": True, "float_queue": True}
KEEPS = {"still": True, "quiet": True, "prompted": True}
COMBINATIONS: dict[str, tuple[Flags, tuple[str, ...], tuple[type[QuotingModel], ...]]] = {
    "sweep": (Flags(), CENT, ()),
    "replay": (Flags(**ALL, uniform=False), UNEVEN, ()),
    "delays": (Flags(**ALL, latency=True), CENT, ()),
    "poisson": (Flags(record=True, one=True, fees=True, drawn=True, latency=True), CENT, ()),
    "delays of many": (Flags(**(ALL | {"record": False, "one": False}), latency=True), CENT, ()),
    "levels": (Flags(**(ALL | {"record": False, "one": False})), CENT, (Three,)),
    "levels with delays": (Flags(**ALL, latency=True), CENT, (Three,)),
    "reads": (Flags(**(ALL | {"record": False, "one": False})), CENT, (Reads,)),
    "reads with delays": (Flags(**ALL, latency=True), CENT, (Reads,)),
    "places": (Flags(record=True, one=True, float_queue=True), CENT, (Places,)),
    "everything": (Flags(**ALL, **KEEPS, latency=True, uniform=False), UNEVEN, (Everything,)),
}
QUICK = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
MANY = settings(QUICK, max_examples=450)
PART = settings(QUICK, max_examples=2_000, database=None)


def compare(name, setting):
    flags, grids, models = COMBINATIONS[name]

    @setting
    @given(scenes(flags, grids, models), st.integers(1, 3))
    def test(scene, slices):
        check(flags, scene, slices)

    test()


@pytest.mark.skipif(NO_JIT, reason="the compiled kernel")
def test_compiled_kernel_is_the_oracle():
    compare("replay", QUICK)  # each compiles for seconds; all are compared below


@pytest.mark.slow
@pytest.mark.skipif(NO_JIT, reason="the compiled kernel")
@pytest.mark.parametrize("name", COMBINATIONS)
def test_compiled_kernel_is_the_oracle_on_many_tapes(name):
    compare(name, MANY)


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.skipif(NO_JIT, reason="the compiled kernel")
@pytest.mark.parametrize("part", range(10))
@pytest.mark.parametrize("name", COMBINATIONS)
def test_compiled_kernel_is_the_oracle_on_a_hundred_thousand_tapes(name, part):
    compare(name, PART)


@st.composite
def any_scene(draw):
    """Whatever a kernel can be specialised to."""
    one = draw(st.booleans())
    uniform = draw(st.booleans())
    names = ("latency", "risk", "taker", "fees", "capital", "float_queue", "still", "quiet", "prompted")
    flags = Flags(one=one, record=one, uniform=uniform, **{name: draw(st.booleans()) for name in names})
    if draw(st.integers(0, 5)) == 0:
        flags = replace(flags, drawn=True, taker=False)
    elif draw(st.integers(0, 3)) == 0:
        flags = replace(flags, reported=True, taker=False, latency=False, fees=False)
    grids = ("linear_cent", "deci_cent") if uniform else (*UNEVEN, "linear_cent")
    tried = (*LADDERS, *OTHERS, Everything, Everything)
    return flags, draw(scenes(flags, grids, tried if draw(st.booleans()) else ()))


@pytest.mark.skipif(not NO_JIT, reason="run by the test below, with the compiler off")
@settings(max_examples=int(os.environ.get("KERNEL_EXAMPLES", "150")), deadline=None,
          suppress_health_check=list(HealthCheck), print_blob=True)  # fmt: skip
@given(any_scene(), st.integers(1, 3))
def test_any_kernel_uncompiled_is_the_oracle(scene, slices):
    check(*scene, slices)


@pytest.mark.skipif(NO_JIT, reason="starts itself with the compiler off")
@pytest.mark.parametrize("examples", [60, pytest.param(1_000, marks=pytest.mark.slow)])
def test_uncompiled_kernels(examples, tmp_path):
    """Every combination of what a kernel can do would take too long to compile; uncompiled they cost nothing."""
    environment = os.environ | {
        "NUMBA_DISABLE_JIT": "1", "KERNEL_EXAMPLES": str(examples), "TOUCHLINE_CACHE": str(tmp_path),
    }  # fmt: skip
    wanted = f"{Path(__file__)}::test_any_kernel_uncompiled_is_the_oracle"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", wanted],
        env=environment, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8_000:]
    assert "1 passed" in done.stdout
