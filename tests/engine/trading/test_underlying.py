"""Models that follow an underlying: live on the exchange's channels or a source of one's own as in the backtest."""

from __future__ import annotations

import math
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from touchline.engine.results.params import FORMAT, VERSION, Applies, Params, Provenance, Validity, write_params
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.trading.around.sources import LineSource, SourcePrice, source_of
from touchline.engine.trading.audit import audit
from touchline.engine.trading.journal import read, segments
from touchline.engine.trading.runner import Follows, SessionRunner
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model

from ..exchanges.conftest import SECOND, START, random_frames
from .conftest import begun, opened, tickers_of, walked
from .test_paper import lines_of

pytestmark = pytest.mark.usefixtures("plain_kernels")
BAND = {"scale": 2e-5, "half_spread": 1.0, "step": 1.0, "size": 0.05, "skew": 0.5, "most": 2.0}


@pytest.fixture(scope="module")
def following(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A market on where an index closes, and a value of it a second; half of them come with a change of the book."""
    store = Store(tmp_path_factory.mktemp("follows"))
    about = {"strike_type": "between", "floor": 67_990.0, "cap": 68_010.0, "underlying": "BRTI"}
    markets, books, trades = random_frames(5, tickers=1, rows=120, **about)
    values = pl.DataFrame(
        {
            "ts": [START + k * SECOND + (k % 2) * SECOND // 4 for k in range(90)], "symbol": "BRTI",
            "value": [68_000.0 + 8 * math.sin(k / 3) for k in range(90)],
        },
        {"ts": pl.Int64, "symbol": pl.String, "value": pl.Float64},
    )  # fmt: skip
    store.ingest("made", "up", [Chunk({"markets": markets, "book": books, "trades": trades, "underlying": values})])
    return store


@pytest.fixture
def band(tmp_path: Path) -> Path:
    write_params(
        tmp_path / "band.toml",
        Params(
            FORMAT, VERSION, "cauchy-band", [Applies(dict(BAND), series="KXTEST")], {},
            {"queue": "touch+cross@1", "horizon": "to-close"},
            Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2027-06-01T00:00:00Z"),
            Provenance("robust", "0.2.0", "d", 1, 1, 1, 1, 0),
        ),
    )  # fmt: skip
    return tmp_path / "band.toml"


@pytest.mark.parametrize("symbol", ["BRTI", "BRTI@5hz", "BRTI@pyth"])
def test_a_band_follows_the_index_as_in_the_backtest(following: Store, band: Path, tmp_path: Path, symbol: str):
    (ticker,) = tickers_of(1)
    folder = begun(tmp_path / "session", band, mode="paper")
    with opened(following) as (exchange, client):
        close = exchange.venue.markets[ticker].close_ts
        follows = Follows({"KXTEST": symbol})
        with SessionRunner(folder, client, [ticker], inline=True, follows=follows) as runner:
            walked(exchange, runner)
    run = replay(
        compile_tape(following, ticker),
        quoting_model("cauchy-band"),
        BAND,
        runner.machine.markets[ticker].live.assumptions,
    )
    shown = [(at.ts, q["bid"], q["bid_size"], q["ask"], q["ask_size"]) for at, q in lines_of(folder, "quote", ticker)]
    there = list(run.quotes.select("ts", "bid", "bid_size", "ask", "ask_size").iter_rows())
    assert [row for row in shown if row[0] < close] == [row for row in there if row[0] < close] and len(shown) > 30
    fills = [(at.ts, q["price"], q["lots"], q["position"]) for at, q in lines_of(folder, "fill", ticker)]
    assert fills == run.fills.select("ts", "price", "size", "position").rows() and len(fills) > 5
    assert audit(folder.path).difference is None


def test_a_model_that_follows_nothing_says_what_it_needs(following: Store, band: Path, tmp_path: Path):
    folder = begun(tmp_path / "session", band, mode="paper")
    with opened(following) as (_, client), pytest.raises(InputError, match="underlying=KXTEST=SYMBOL"):
        SessionRunner(folder, client, tickers_of(1), inline=True)


def test_a_file_that_grows_is_followed_and_audited(following: Store, band: Path, tmp_path: Path):
    (ticker,) = tickers_of(1)
    source = tmp_path / "spot.csv"
    source.write_text("time,price\n68000\n")
    folder = begun(tmp_path / "session", band, mode="paper")
    follows = Follows({"KXTEST": "SPOT"}, {"SPOT": f"file:{source}"})
    with (
        opened(following) as (exchange, client),
        SessionRunner(folder, client, [ticker], inline=True, follows=follows) as runner,
    ):
        for k in range(20):
            until = runner._sources[0].lines + 1 if k else 1
            if k:
                with source.open("a") as file:
                    file.write(f"{68_000 + k}\n")
            deadline = time.monotonic() + 5
            while runner._sources[0].lines < until and time.monotonic() < deadline:
                time.sleep(0.01)
            walked(exchange, runner, 2)
    ticks = [line for line in read(segments(folder.journal)) if line.kind == "tick"]
    assert len(ticks) == 20 and b'"value":68019.0' in ticks[-1].payload
    assert len(lines_of(folder, "quote", ticker)) > 5
    assert audit(folder.path).difference is None


def heard(spec: str, count: int, act: Callable[[], None] = lambda: None) -> list[float]:
    found: list[float] = []
    source = LineSource("S", source_of(spec), lambda _, price, __: found.append(price.value)).start()
    act()
    deadline = time.monotonic() + 5
    while len(found) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    source.stop()
    return found[:count]


def test_a_command_and_a_socket_are_sources_and_are_begun_again():
    code = "print(1.5, flush=True); print('no price'); print('1791298800,2.5', flush=True)"
    assert heard(f'command:{sys.executable} -c "{code}"', 4) == [1.5, 2.5, 1.5, 2.5]
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            for _ in range(2):
                wire, _ = server.accept()
                with wire:
                    wire.sendall(b"1\n2")  # the second is not whole

        threading.Thread(target=serve, daemon=True).start()
        assert heard(f"socket:127.0.0.1:{server.getsockname()[1]}", 2) == [1.0, 1.0]


def test_a_file_that_is_replaced_is_read_from_its_start(tmp_path: Path):
    path = tmp_path / "f"
    path.write_text("1\n2\n")

    def act():
        time.sleep(0.1)
        (tmp_path / "g").write_text("3\n")
        (tmp_path / "g").replace(path)

    assert heard(f"file:{path}", 2, act) == [2.0, 3.0]


@pytest.mark.parametrize("text", ["spx", "file:", "socket:localhost", "file:x;delay=-1", "file:x;delay=soon"])
def test_what_is_no_source_is_refused(text: str):
    with pytest.raises(InputError):
        source_of(text)


def test_a_late_source_counts_late_and_never_ahead():
    from touchline.engine.trading.around.sources import counts_at

    assert counts_at(SourcePrice(1.0, 100), 900, 500) == 500
