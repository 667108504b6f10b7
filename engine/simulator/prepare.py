"""What a block needs before it walks a tape: parameters, fees, volatility, sample times; and the walk itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba.core.errors import NumbaError, UnsupportedBytecodeError

from ...features.signals.signal import column_names, places
from ...io.ground.errors import InputError
from ...strategies.own_file import one_line
from ...strategies.parameters import check, nearest
from ...strategies.quoting.model import QuotingModel
from .assumptions.fees import FeeTable, fee_table, market_schedule
from .assumptions.venue import Assumptions, no_fees
from .block import Block, new_flight, new_log, new_state, start
from .kernel.build import kernel, read_of
from .kernel.rows import I, L
from .kernel.told import PLACES
from .state import F64, I32, I64, Points, RewardArrays, Samples
from .tape.tape import Tape, mids_of, open_at_start
from .tape.volatility import points_of

if TYPE_CHECKING:
    from .programs import RewardPlan

#: The equity of a cell is sampled at most so often over a tape.
SAMPLES = 512
#: A tape's P&L is kept for at least so many periods, if its samples allow.
PERIODS = 64
#: Distances between samples, and lengths of periods, in ns: each is a multiple of the one before.
STEPS = tuple(
    round(seconds * 1e9)
    for seconds in (0.001, 0.01, 0.1, 1, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 604_800)
)


def fees_of(tape: Tape, assumptions: Assumptions) -> FeeTable:
    """The fee table that holds along a tape."""
    if assumptions.fees == "none":
        return no_fees()
    schedule = market_schedule(tape.market.series, tape.market.fee_rows(), assumptions.membership)
    return fee_table(schedule, int(tape.columns.ts[0]), int(tape.columns.ts[-1]))


def counts_to_close(model: type[QuotingModel], assumptions: Assumptions) -> bool:
    """Whether a model reads the time left, and that depends on the close."""
    return assumptions.horizon != "fixed" and "tau" in model.quote.__code__.co_names


def notes_of(tape_notes: Iterable[str], is_told: bool) -> list[str]:
    """A tape's notes that concern a run; ``is_told`` says whether its model counts to the close."""
    return [note for note in tape_notes if is_told or note != "close-told-late"]


def parameter_values(model: type[QuotingModel], tape: Tape, given: Mapping[str, Any]) -> dict[str, float]:
    """The model's parameters: what was given, what the market's own row says, defaults for the rest."""
    values = check(model.parameters, given)
    for name in model.from_market:
        own = getattr(tape.market, name, None)
        if name not in given and own is not None:
            values[name] = own
    return values


def sample_times(tape: Tape) -> I64:
    """The moments at which equity is sampled: round times of the clock inside the tape, at most ``SAMPLES`` of them."""
    first, last = int(tape.columns.ts[0]), int(tape.columns.ts[-1])
    step = next((step for step in STEPS if (last - first) // step < SAMPLES), STEPS[-1])
    return np.arange((first // step + 1) * step, last, step, dtype=np.int64)


def own_period(tape: Tape) -> int:
    """Length of a tape's own periods, ns: about a 64th of it, and never less than the distance of its samples."""
    span = int(tape.columns.ts[-1] - tape.columns.ts[0])
    samples = sample_times(tape)
    least = int(samples[1] - samples[0]) if len(samples) > 1 else STEPS[0]
    return max(period_for(span), least)


def period_for(span: int) -> int:
    """The longest round period that goes at least 64 times into a span."""
    return max((step for step in STEPS if step * PERIODS <= span), default=STEPS[0])


@dataclass(frozen=True)
class Ground:
    """What all blocks on a tape share under one way of measuring volatility and one membership: made once a tape."""

    fees: FeeTable
    mids: I32  #: as ``mids_of`` gives them
    points: Points
    samples: I64  #: times
    rewards: RewardPlan | None = None  #: incentive programs, where they are counted


def ground(tape: Tape, assumptions: Assumptions) -> Ground:
    """Prepare a tape for blocks."""
    points = points_of(tape.columns, tape.grid, assumptions.volatility, assumptions.window_s)
    mids, samples = mids_of(tape.columns, tape.grid), sample_times(tape)
    return Ground(fees_of(tape, assumptions), mids, points, samples, counted_programs(tape, assumptions))


def counted_programs(tape: Tape, assumptions: Assumptions) -> RewardPlan | None:
    """Return the incentive programs that a run counts; None, and nothing of them is loaded, where it counts none."""
    if assumptions.rewards == "none":
        return None
    from .programs import reward_plan

    return reward_plan(tape, assumptions)


def new_block(
    tape: Tape, model: type[QuotingModel], cells: Sequence[Mapping[str, float]], limits: Sequence[Assumptions], *,
    record: bool, shared: Ground | None = None, float_queue: bool = False,
    reported: bool = False, signals: F64 | None = None,
) -> Block:  # fmt: skip
    """Put a block together: ``cells`` are the model's values, ``limits`` the assumptions that may differ by cell.

    ``signals`` are the values of those that the model declares, a row an event; unless given, they are computed.
    """
    _usable(tape, model, limits[0])
    first = limits[0]
    base = shared or ground(tape, first)
    grid = tape.grid
    flags = first.flags(grid, base.fees, cells=len(cells), record=record, float_queue=float_queue, reported=reported)
    flags = replace(flags, still=any(one.tolerance > 0 or one.min_life_ms > 0 for one in limits))
    calm = [one.calm if one.calm is not None else 0.0 for one in limits]
    params = np.array(
        [[*model.row(dict(cell)), *model.state.values(), one] for cell, one in zip(cells, calm, strict=True)]
    ).T.copy()
    state = new_state(params, int(grid.top), flags.float_queue, placed=flags.latency and reads_places(model))
    ts, begins = tape.columns.ts, tape.life[0]
    venue = first.numbers(begins, tape.closes, ts, tape.market.ticker)
    venue = venue._replace(heed=_heeded(model, first))
    start(state, max(int(ts[0]), begins), venue.requote_ns, open_at_start(tape))
    n = len(cells)
    values = tape.values if len(tape.values) else np.full(1, np.nan)
    state.ints[I.limit, :n] = [0 if one.reduce_only else round(one.position_limit * 100) for one in limits]
    state.ints[I.tolerance, :n] = [one.tolerance for one in limits]
    state.longs[L.life, :n] = [round(one.min_life_ms * 1e6) for one in limits]
    state.ints[I.halt, :n] = [2**31 - 1 if one.halt is None else round(one.halt * 100) for one in limits]
    state.longs[L.loss, :n] = [round((one.daily_loss or 0.0) * 1e6) for one in limits]
    state.longs[L.capital, :n] = [round((one.capital or 0.0) * 1e6) for one in limits]
    return Block(
        kernel(model, flags), tape.columns, base.mids, values, grid, base.points, venue,
        np.array(list(base.fees), np.int64), state,
        new_flight(n, slots=model.slots()), new_log(4096 if record else 1, model.levels),
        Samples(base.samples, np.zeros((len(base.samples), n), np.int64)),
        signals_of(tape, model) if signals is None else signals,
        () if base.rewards is None else _scored(base.rewards, tape, first, n, len(base.samples) if record else None),
        base.rewards,
    )  # fmt: skip


def _scored(plan: RewardPlan, tape: Tape, assumptions: Assumptions, cells: int, samples: int | None) -> RewardArrays:
    """What a kernel scores programs in."""
    from .programs import reward_arrays

    return reward_arrays(plan, tape, assumptions, cells, samples=samples)


def signals_of(tape: Tape, model: type[QuotingModel]) -> F64 | tuple[()]:
    """The values of a model's signals after each event of a tape; nothing where it declares none."""
    if not model.signals:
        return ()
    from .signals.matrix import signal_matrix  # with all that it reads from

    try:
        return signal_matrix(tape, model.signals)
    except (NumbaError, UnsupportedBytecodeError) as error:
        updates = [signal.update for signal in model.signals.values() if signal.update is not None]
        name = model.name or model.__name__
        raise InputError(f"a signal of {name} does not compile: {_reason(str(error), updates)}") from None


def reads_places(model: type[QuotingModel]) -> bool:
    """Whether a model reads its orders' places in the queue."""
    return not {*PLACES}.isdisjoint(read_of(model))


def _heeded(model: type[QuotingModel], assumptions: Assumptions) -> I64:
    """The columns of the signals on whose changes a model decides."""
    columns, where = column_names(model.signals), places(model.signals)
    named = [part.partition(":") for part in assumptions.requote_on.split("+")]
    wanted = [name for prompt, _, name in named if prompt == "signal"]
    found: set[int] = set()
    for name in wanted:
        if not columns:
            raise InputError(f"requote_on={assumptions.requote_on} needs signals, and {model.name} declares none")
        if name and name not in where and name not in columns:
            known = {*where, *columns}
            raise InputError(f"{model.name} has no signal {name!r} to decide on; {nearest(name, known)}")
        found |= {*where[name]} if name in where else {columns.index(name)} if name else {*range(len(columns))}
    return np.array(sorted(found), np.int64)


def _usable(tape: Tape, model: type[QuotingModel], assumptions: Assumptions) -> None:
    if not len(tape):
        raise InputError(f"{tape.market.ticker} has no events in the window asked for")
    if model.needs_underlying and not len(tape.values):
        raise InputError(
            f"{model.name} needs the underlying's prices, and {tape.market.ticker} has none; "
            "name its symbol with underlying="
        )
    if model.needs_book and not tape.book:
        raise InputError(f"{model.name} needs an order book; {tape.market.ticker} has trades only")
    if not tape.depth and assumptions.queue_rule.rule > 1 and not assumptions.is_poisson:
        lacks = f"queue model {assumptions.queue} needs level sizes; {tape.market.ticker} has none"
        if not tape.coverage.traded_lots:  # what fills by trades would never fill
            raise InputError(
                f"{lacks}, and no trades: import the market's trades, or pass queue='touch+cross@1', which fills "
                "when the other side reaches the order"
            )
        raise InputError(f"{lacks}: pass queue='touch@1'")


def run_block(block: Block, model: type[QuotingModel], stop: int | None = None) -> None:
    """Walk a block along its tape; a quote that does not compile, or that raises, is the user's to mend."""
    name = model.name or model.__name__
    try:
        block.run(stop)
    except (NumbaError, UnsupportedBytecodeError) as error:
        raise InputError(f"{name}.quote does not compile: {_reason(str(error), [model.quote])}") from None
    except MemoryError:
        raise
    except Exception as error:  # kernels raise nothing of their own
        raise InputError(f"{name}.quote raised {one_line(error)}") from error


def _reason(text: str, functions: Sequence[Any]) -> str:
    """From the compiler's pages: what it does not know and the line of the model's file."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)  # the compiler paints its text where it finds a library for that
    lines = [line.strip() for line in plain.splitlines()]
    lines = [line for line in lines if line and not line.startswith("Failed in nopython mode")]
    what = f"{lines[0]} {lines[1].strip('> ')}" if lines[0].endswith("signature:") else lines[0]
    if "or_" in what and "float64" in what:
        what = "a number of its state starts whole and becomes a float: start it at 0.0"
    elif "NRT required" in what:
        what = "it makes a list, an array or a string"
    files = {Path(getattr(one, "py_func", one).__code__.co_filename).name for one in functions}
    at = re.search(rf"(?:{'|'.join(map(re.escape, sorted(files)))})(?:\"?, line | \()(\d+)", plain)
    where = f" (line {at[1]})" if at and f"({at[1]})" not in what else ""
    return f"{what}{where}; it may use numbers, math and functions made with @numba.njit"
