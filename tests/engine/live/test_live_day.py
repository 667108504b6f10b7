"""The events of the sample day, one after the other, decide what its replay decides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from touchline.engine.live.live import Live
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import S
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.events import KIND, UNDERLYING
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io import sample
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model

pytestmark = pytest.mark.slow
MATCH, INDEX = "SYNMATCH-26OCT06REDBLU-RED", "SYNINX-26OCT06H1600-B6787"


class Shown(NamedTuple):
    """What rests from a time on: YES ticks and lots."""

    ts: int
    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("day")
    made = Store(folder)
    sample.load(made, sample.make(7, 0.02, folder / "files"))
    return made


def shown_live(live: Live) -> list[Shown]:
    """Every change of what rests, as the live driver wrote it down."""
    assert live.block is not None
    log, ticks, top = live.block.log, live.block.grid.ticks, int(live.block.grid.top)
    out = []
    for at, (_, bid, bids, ask, asks) in enumerate(log.quotes[: live.block.state.scalars[S.quotes]].tolist()):
        prices = int(ticks[bid]) if bid else None, int(ticks[top - ask]) if ask else None
        out.append(Shown(int(log.quote_ts[at]), prices[0], bids, prices[1], asks))
    return out


def shown_replay(run: Replay) -> list[Shown]:
    return [Shown(*row) for row in run.quotes.select(Shown._fields).iter_rows()]


@pytest.mark.parametrize("ticker", [MATCH, INDEX])
@pytest.mark.parametrize("name", ["avellaneda-stoikov", "fixed-spread"])
def test_a_stream_of_the_sample_day_decides_as_its_replay(day: Store, ticker: str, name: str) -> None:
    """One event after the other, with the underlying's ticks where there is one: prices, sizes, times, fills."""
    tape, model = compile_tape(day, ticker), quoting_model(name)
    assumed = Assumptions(queue="power@3", horizon="to-close")
    run = replay(tape, model, {}, assumed)
    live = Live(tape.market, model, {}, assumed)
    ticks = (tape.columns.kind & KIND) == UNDERLYING
    seen: list[Shown] = []
    for at in range(len(tape)):
        values = tape.values[tape.columns.aux[at] : tape.columns.aux[at] + 1] if ticks[at] else None
        quote = live.feed(Columns(*(column[at : at + 1] for column in tape.columns)), values)
        seen.append(Shown(*(getattr(quote, field) for field in Shown._fields)))
    assert shown_live(live) == shown_replay(run)
    assert set(shown_replay(run)) <= set(seen)
    assert (live.position, live.cash) == (run.totals.position, run.totals.cash)
    assert live.block is not None
    fills = run.fills.height
    assert live.block.log.fill_ts[:fills].tolist() == run.fills["ts"].to_list()
    assert live.block.log.fills[:fills, 3].tolist() == run.fills["size"].to_list()
    assert fills >= 5 and run.quotes.height > 40
    assert np.count_nonzero(ticks) == len(tape.values)
