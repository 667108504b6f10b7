"""The live driver decides what the replay decides: the same quotes and fills, bit for bit, however the events come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from touchline.engine.live.live import Live
from touchline.engine.results.params import FORMAT, VERSION, Applies, Params, Provenance, Validity, write_params
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel import build
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.state import Columns
from touchline.io.ground.errors import InputError
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.quoting.fingerprint import fingerprint

from ..simulator.test_replay import noise_tape


def slices(tape, sizes):
    """The tape's events in slices of the given sizes, in turn."""
    at, turn = 0, 0
    while at < len(tape):
        stop = min(at + sizes[turn % len(sizes)], len(tape))
        yield Columns(*(column[at:stop] for column in tape.columns))
        at, turn = stop, turn + 1


@pytest.fixture(scope="module")
def tape():
    made = noise_tape(seconds=120)
    return replace(made, market=replace(made.market, close_ts=int(made.columns.ts[-1]) + 60 * 10**9))


@pytest.mark.parametrize("sizes", [[1], [3, 1, 700]])
@pytest.mark.parametrize("volatility", ["levels", "increments", "decaying", "constant"])
def test_a_stream_gives_the_quotes_and_fills_of_the_replay(tape, volatility, sizes):
    assumed = Assumptions(queue="power@3", volatility=volatility, window_s=20)
    given = {"gamma": 0.05, "size": 5}
    run = replay(tape, AvellanedaStoikov, given, assumed)
    live = Live(tape.market, AvellanedaStoikov, given, assumed)
    seen = []
    for events in slices(tape, sizes):
        quote = live.feed(events)
        seen.append((quote.bid, quote.bid_size, quote.ask, quote.ask_size))
    assert live.block is not None
    log = live.block.log
    assert run.quotes.height > 20
    assert log.quote_ts[: run.quotes.height].tolist() == run.quotes["ts"].to_list()
    ahead = np.array([run.quotes["bid_ahead"].to_numpy(), run.quotes["ask_ahead"].to_numpy()]).T
    assert np.array_equal(np.where(np.isnan(ahead), 0, log.ahead[: len(ahead)]), np.nan_to_num(ahead))
    assert log.quotes[: len(ahead), 2].tolist() == run.quotes["bid_size"].to_list()
    assert log.fill_ts[: run.fills.height].tolist() == run.fills["ts"].to_list()
    assert log.fills[: run.fills.height, 4].tolist() == run.fills["position"].to_list()
    assert live.position == run.totals.position
    if sizes == [1]:
        shown = {(row["bid"], row["bid_size"], row["ask"], row["ask_size"]) for row in run.quotes.to_dicts()}
        assert shown <= set(seen)


def test_a_stream_that_goes_back_in_time_is_refused(tape):
    live = Live(tape.market, FixedSpread)
    first, second = list(slices(tape, [len(tape) // 2 + 1]))
    live.feed(second)
    with pytest.raises(InputError, match="in the order of their time"):
        live.feed(first)


def test_what_a_stream_cannot_know_is_refused(tape):
    with pytest.raises(InputError, match="has no close time"):
        Live(replace(tape.market, close_ts=None), FixedSpread)
    with pytest.raises(InputError, match="need the whole tape"):
        Live(tape.market, FixedSpread, assumptions=Assumptions(queue="poisson@1,1"))


OWN = """
from touchline.strategies.models.fixed_spread import FixedSpread

class Mine(FixedSpread):
    @staticmethod
    def quote(known, p):
        return known.mid - {cents}, known.mid + {cents}, 1.0, 1.0
"""


def test_a_model_that_changed_since_the_export_is_refused(tape, tmp_path: Path):
    own, to = tmp_path / "own.py", tmp_path / "params.toml"
    own.write_text(OWN.format(cents=1.0))
    strategy = f"{own}:Mine"
    write_params(
        to,
        Params(
            FORMAT, VERSION, strategy, [Applies({"size": 1.0}, series=tape.market.series)], {}, {},
            Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
            Provenance("robust", "0.1.0", "d", 1, 1, 1, 1, 0),
            strategy_hash=fingerprint(quoting_model(strategy)),
        ),
    )  # fmt: skip
    assert Live.from_params(to, tape.market, trust=own).model.name == "Mine"
    own.write_text("# A remark changes nothing.\n" + OWN.format(cents=1.0))
    assert Live.from_params(to, tape.market, trust=own).model.name == "Mine"
    own.write_text(OWN.format(cents=2.0))
    with pytest.raises(InputError, match=r"own\.py:Mine has changed since .*params\.toml was made: sweep with it"):
        Live.from_params(to, tape.market, trust=own)


def test_a_quote_that_raises_is_one_line_live(tape, plain_kernels):
    class Raises(FixedSpread):
        name = "raises"

        @staticmethod
        def quote(known, p):
            if known.mid > 0.0:
                raise ValueError("not today")
            return 40.0, 60.0, 1.0, 1.0

    live = Live(tape.market, Raises)
    with pytest.raises(InputError, match=r"^raises\.quote raised ValueError: not today$"):
        live.feed(tape.columns)


def test_a_live_run_compiles_before_its_stream_begins(tape):
    assumed = Assumptions(queue="touch+cross@1", horizon="fixed")  # as sessions of other tests, which share the kernel
    live = Live(tape.market, FixedSpread, {}, assumed, fills="reported")
    build.loaded.cache_clear()
    live.warm(int(tape.columns.ts[0]))
    assert live.block is None and live.count == 0
    live.feed(next(slices(tape, [3])))
    assert live.block is not None
    assert len(live.block.kernel.run_nb.signatures) == 1
    assert build.loaded.cache_info().misses == 1
