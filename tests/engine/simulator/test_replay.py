"""Replay: what a quote is filled at, what the P&L is made of, what cannot happen; and the command around it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numba import njit
from touchline.engine.runs.replayed import bracket, notices_of, result_hash
from touchline.engine.simulator import prepare
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.tape import rebuild as kernel
from touchline.engine.simulator.tape.tape import Tape, TapeMarket, TapeRows, build
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.own_file import one_line

from ...program import engine, script

SECOND = 1_000_000_000


def noise_tape(seed: int = 1, seconds: int = 600, settlement: int | None = 10_000) -> Tape:
    """A made-up market: a wandering touch three cents wide, orders behind it, trades that take from it."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, int, int, int, int]] = []
    book: dict[tuple[int, int], int] = {}
    mid, ts = 50, 0

    def change(side: int, price: int, lots: int) -> None:
        book[side, price] = book.get((side, price), 0) + lots
        rows.append((ts, kernel.DELTA, side, price, lots))

    for _ in range(seconds * 4):
        ts += int(rng.integers(1, SECOND // 2))
        mid = min(80, max(20, mid + int(rng.integers(-1, 2)))) if rng.random() < 0.05 else mid
        for side in (1, -1):
            for (owner, price), lots in list(book.items()):
                if owner == side and lots > 0 and (price - mid) * side > -2:
                    change(side, price, -lots)
            price = mid - side * int(rng.integers(2, 5))
            change(side, price, int(rng.integers(1, 60)) * 50)
        side = 1 if rng.random() < 0.5 else -1
        prices = [price for (owner, price), lots in book.items() if owner == side and lots > 0]
        if rng.random() < 0.6 and prices:
            price = max(prices) if side > 0 else min(prices)
            lots = min(book[side, price], int(rng.integers(1, 40)) * 50)
            rows.append((ts, kernel.PRINT, -side, price, lots))
            change(side, price, -lots)
    ts_, what, side_, price_, size_ = (np.array(column) for column in zip(*rows, strict=True))
    made = TapeRows(
        ts_.astype(np.int64) + 1_790_000_000 * SECOND,
        what.astype(np.uint8),
        side_.astype(np.int8),
        (price_ * 100).astype(np.int32),
        size_.astype(np.int64),
    )
    fees = ((0, "quadratic_with_maker_fees", 1.0),)
    market = TapeMarket("MADE-UP", "MADE", "MADE-UP", settlement=settlement, fee_history=fees)
    return build(market, made, np.zeros(0), empty_start=True)


@pytest.fixture(scope="module")
def tape() -> Tape:
    return noise_tape()


@pytest.fixture(scope="module")
def run(tape: Tape) -> Replay:
    return replay(tape, FixedSpread, {"half_spread": 1.5, "size": 5}, Assumptions(queue="power@3"))


def test_the_parts_add_up_to_the_pnl(run: Replay):
    made = run.totals
    assert made.fills > 50
    assert made.fees > 0
    assert made.pnl == made.spread_capture + made.drift + made.settlement + made.rebates - made.fees


def test_the_frames_tell_the_same_money_as_the_totals(run: Replay):
    fills = run.fills
    flow = -(fills["side"] * fills["price"] * fills["size"]).sum() - fills["fee"].sum() + fills["rebate"].sum()
    assert flow == run.totals.cash
    assert (fills["side"] * fills["size"]).sum() == run.totals.position == fills["position"][-1]
    settled = run.tape.market.settlement
    assert settled is not None
    assert run.totals.pnl == flow + run.totals.position * settled
    captured = (fills["side"] * fills["size"] * (fills["mid"] - fills["price"])).sum()
    assert captured == run.totals.spread_capture
    assert run.equity["cash"][-1] == run.totals.cash


def test_drift_is_what_the_position_gained_between_fills(run: Replay):
    fills = run.fills
    mids = np.append(fills["mid"].to_numpy(), run.equity["mid"][-1])
    assert (fills["position"].to_numpy() * np.diff(mids)).sum() == run.totals.drift


def test_no_more_fills_than_traded_at_each_moment(run: Replay):
    columns, grid = run.tape.columns, run.tape.grid
    traded = (columns.kind & 7) == 1
    level = np.where(columns.side == 0, columns.level, grid.top - columns.level)
    trades = pl.DataFrame(
        {"ts": columns.ts[traded], "price": grid.ticks[level[traded]], "lots": columns.size[traded].astype(np.int64)}
    )
    at_time = trades.group_by("ts").agg(pl.col("lots").sum())
    joined = run.fills.group_by("ts").agg(pl.col("size").sum()).join(at_time, on="ts", how="left")
    assert (joined["size"] <= joined["lots"]).all()


def test_the_position_limit_holds(tape: Tape):
    made = replay(tape, FixedSpread, {"half_spread": 1.0, "size": 5}, Assumptions(position_limit=7, queue="touch@1"))
    assert made.fills["position"].abs().max() == 700


def test_cutting_the_future_changes_nothing_earlier(tape: Tape, run: Replay):
    moment = int(tape.columns.ts[len(tape) // 2])
    before = replay(tape.cut(moment), FixedSpread, {"half_spread": 1.5, "size": 5}, Assumptions(queue="power@3"))
    names = [name for name in before.fills.columns if not name.startswith("markout")]
    earlier = run.fills.filter(pl.col("ts") < moment).select(names)
    assert before.fills.select(names).equals(earlier)
    assert before.quotes.equals(run.quotes.filter(pl.col("ts") < moment))


def test_a_longer_queue_never_fills_more(tape: Tape):
    fills = {
        queue: replay(tape, FixedSpread, {"half_spread": 1.5}, Assumptions(queue=queue)).totals.volume
        for queue in ("touch@1", "optimistic@1", "pessimistic@1", "through@1")
    }
    assert fills["touch@1"] >= fills["optimistic@1"] >= fills["pessimistic@1"] >= fills["through@1"] > 0


@pytest.mark.slow
def test_no_fill_before_an_order_can_arrive(tape: Tape):
    slow = replay(tape, FixedSpread, {"half_spread": 1.5}, Assumptions(entry_ms=30_000, queue="touch@1"))
    first = int(tape.columns.ts[0]) + 1000 * 1_000_000 + 30_000 * 1_000_000
    assert slow.totals.fills > 0
    assert slow.fills["ts"].min() >= first
    assert slow.quotes["ts"][0] >= first


def test_the_same_run_has_the_same_hash(tape: Tape, run: Replay):
    again = replay(tape, FixedSpread, {"half_spread": 1.5, "size": 5}, Assumptions(queue="power@3"))
    assert result_hash(again) == result_hash(run)


def test_the_bracket_warns_when_the_sign_differs(run: Replay):
    queues = bracket(run)
    assert list(queues) == ["pessimistic@1", "power@3", "optimistic@1"]
    signs = {total.pnl > 0 for total in queues.values()}
    assert ("queue-sign" in [notice.name for notice in notices_of(run, queues)]) == (len(signs) > 1)


@pytest.mark.parametrize(
    ("assumed", "message"),
    [
        ({"queue": "powr@3"}, r"queue model 'powr@3' is unknown; did you mean power@3\?"),
        ({"volatility": "level"}, r"volatility is one of .*, not 'level'; did you mean 'levels'\?"),
        ({"entry_ms": -1.0}, r"entry_ms is a number from 0 to"),
        ({"shrink": "both"}, r"shrink needs calm"),
    ],
)
def test_senseless_assumptions_are_named(assumed: dict, message: str):
    with pytest.raises(InputError, match=message):
        Assumptions(**assumed)


def _list(known, p):
    prices = [known.mid - 1.0, known.mid + 1.0]
    return prices[0], prices[1], 1.0, 1.0


def _text(known, p):
    return float(f"{known.mid:.2f}"), 60.0, 1.0, 1.0


def _late(known, p):
    if known.mid > 0.0:
        raise ValueError("not today")
    return 40.0, 60.0, 1.0, 1.0


def slow(*case):
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("quote", "message"),
    [
        slow(lambda known, p: (known.nothing, 1.0, 1.0, 1.0), r"does not compile: Unknown attribute 'nothing' of type"),
        slow(lambda known, p: (one_line(known), 1.0, 1.0, 1.0), r"does not compile: Untyped global name 'one_line'"),
        slow(lambda known, p: (float(str(known.mid)[:2]), 60.0, 1.0, 1.0), r"does not compile: .*\(line \d+\)"),
        (_list, r"does not compile: it makes a list, an array or a string \(line \d+\); it may use numbers"),
        slow(_text, r"does not compile: format spec in f-strings"),
        slow(_late, r"raised ValueError: not today$"),
    ],
)
def test_a_quote_that_does_not_compile_or_raises_is_one_line(tape: Tape, quote, message):
    model = type("Wrong", (FixedSpread,), {"name": "wrong", "quote": staticmethod(quote)})
    with pytest.raises(InputError, match=rf"^wrong\.quote {message}") as raised:
        replay(tape, model, {})
    assert "\n" not in str(raised.value)


NOTEBOOK = """
from touchline import engine
from touchline.io.ground.errors import InputError
from touchline.strategies.models.fixed_spread import FixedSpread

class Mine(FixedSpread):
    name = "mine"

    @staticmethod
    def quote(known, p):
        prices = [known.mid]
        return prices[0], 60.0, 1.0, 1.0

try:
    engine.backtest(Mine, "MADE-UP", STORE)
except InputError as error:
    print(error)
"""


@pytest.mark.slow
def test_a_quote_of_a_notebook_that_does_not_compile_is_one_line(tape: Tape, tmp_path: Path):
    made_store(tmp_path / "store", tape)
    text = NOTEBOOK.replace("STORE", repr(str(tmp_path / "store")))
    assert script(text, tmp_path).startswith(
        "mine.quote does not compile: it makes a list, an array or a string (line 11); "
    )


@njit
def checked(x):
    if x > 1e9:
        raise ValueError("too much")
    return x


def test_a_quote_may_use_what_the_compiler_knows(monkeypatch):
    """Closures, loops over tuples, several arguments of max and helpers that may raise are no less than plain code."""

    class Plain(FixedSpread):
        @staticmethod
        def quote(known, p):
            return known.mid - 2.0, known.mid + 2.0, p.size, p.size

    class Rich(FixedSpread):
        @staticmethod
        def quote(known, p):
            half = max(0.5, min(2.0, 3.0, 4.0), -1.0)
            above = lambda price: price + half  # noqa: E731
            total = 0.0
            for weight in (0.5, 0.25, 0.25):
                total += weight * known.mid
            return checked(total - half), above(total), p.size, p.size

    tape = noise_tape(seconds=60)
    rich = replay(tape, Rich, {})
    monkeypatch.setattr(prepare, "kernel", interpreted)
    plain = replay(tape, Plain, {})
    assert plain.fills.height > 0
    assert rich.fills.equals(plain.fills)
    assert rich.totals == plain.totals


def test_a_derive_that_fails_for_a_cell_is_named(tape: Tape):
    class Divides(FixedSpread):
        name = "divides"
        derived = ("inverse",)

        @staticmethod
        def derive(p):
            return (1.0 / p.skew,)

    with pytest.raises(InputError, match=r"^derive of divides fails for .*skew=0.* with ZeroDivisionError"):
        replay(tape, Divides, {"skew": 0.0})


def made_store(folder: Path, tape: Tape) -> Store:
    """A store that holds the made-up market's book and trades."""
    columns, grid = tape.columns, tape.grid
    kinds = columns.kind & 7
    level = np.where(columns.side == 0, columns.level, grid.top - columns.level)
    price = grid.ticks[level].astype(np.int32)
    is_book = kinds == 0
    before: dict[tuple[int, int], int] = {}
    change = []
    for side, price_, size in zip(columns.side[is_book], price[is_book], columns.size[is_book].tolist(), strict=True):
        change.append(size - before.get((side, price_), 0))
        before[side, price_] = size
    side = np.where(columns.side == 0, 1, -1).astype(np.int8)
    start = pl.DataFrame({"ts": columns.ts[:1], "kind": [2], "side": [0], "price": [0], "size": [0]})
    book = pl.DataFrame(
        {"ts": columns.ts[is_book], "kind": 0, "side": side[is_book], "price": price[is_book], "size": change}
    )
    trades = pl.DataFrame(
        {
            "ts": columns.ts[~is_book],
            "price": price[~is_book],
            "size": columns.size[~is_book].astype(np.int64),
            "taker_side": -side[~is_book],
        }
    )
    frames = {"book": pl.concat([start.cast(book.schema), book]), "trades": trades}
    named = {name: frame.with_columns(ticker=pl.lit("MADE-UP")) for name, frame in frames.items()}
    store = Store(folder)
    store.ingest("made", "made", [Chunk(named)])
    return store


def test_the_command_writes_a_folder_that_verifies(tmp_path: Path, tape: Tape):
    made_store(tmp_path / "store", tape)
    out = tmp_path / "out"
    given = ["--strategy", "fixed-spread", "--market", "MADE-UP", "--store", str(tmp_path / "store")]
    shown = engine("backtest", *given, "--set", "half_spread=1.5", "--out", str(out))
    assert shown.returncode == 0, shown.stderr
    assert "P&L by queue model" in shown.stdout
    record = json.loads((out / "run.json").read_text())
    assert record["summary"]["fills"] == pl.read_parquet(out / "fills.parquet").height > 0
    again = engine("verify", str(out))
    assert again.returncode == 0, again.stderr
    assert record["result_hash"] in again.stdout
    record["result_hash"] = "0"
    (out / "run.json").write_text(json.dumps(record))
    edited = engine("verify", str(out))
    assert (edited.returncode, "run.json is not as it was written" in edited.stderr) == (1, True)
    (out / "checksums.json").unlink()  # as before 0.2.0
    for broken, message in (
        ({"venue": record["venue"] | {"qeue": "touch"}}, "there is no assumption 'qeue'; did you mean 'queue'?"),
        ({"venue": record["venue"] | {"queue": 3}}, "a queue model is a name, as power@3, not 3"),
        ({"market": 7}, f"the record in {out} cannot be run again: Expected `str`, got `int` - at `$.market`"),
        ({"parameters": [1]}, "cannot be run again: Expected `object`, got `array` - at `$.parameters`"),
    ):
        (out / "run.json").write_text(json.dumps(record | broken))
        refused = engine("verify", str(out))
        assert refused.returncode == 2
        assert refused.stderr.startswith("error: ")
        assert message in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "fixed-spread", "--market", "NOPE"], "market 'NOPE' is not in the store"),
        (["--strategy", "fixd-spread", "--market", "MADE-UP"], "did you mean 'fixed-spread'?"),
        (["--strategy", "fixed-spread", "--market", "MADE-UP", "--set", "siz=1"], "did you mean 'size'?"),
        (["--strategy", "fixed-spread", "--market", "MADE-UP", "--set", "size"], "expected name=value"),
        (["--strategy", "fixed-spread", "--market", "MADE-UP", "--assume", "qeue=touch"], "did you mean 'queue'?"),
        (["--strategy", "fixed-spread", "--market", "MADE-UP", "--start", "2040-01-01"], "try a wider window"),
        (["--strategy", "cauchy-band", "--market", "MADE-UP"], "needs the underlying's prices"),
        (["--strategy", "fixed-spread"], "name it with --market"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, tape: Tape, arguments: list[str], message: str):
    made_store(tmp_path / "store", tape)
    shown = engine("backtest", *arguments, "--store", str(tmp_path / "store"))
    assert shown.returncode == 2
    assert message in shown.stderr
    assert shown.stderr.count("\n") == 1


def test_avellaneda_stoikov_leans_against_its_position(tape: Tape):
    timid = replay(tape, AvellanedaStoikov, {"gamma": 0.5, "kappa": 1.0, "size": 5}, Assumptions(queue="touch@1"))
    bold = replay(tape, AvellanedaStoikov, {"gamma": 0.001, "kappa": 1.0, "size": 5}, Assumptions(queue="touch@1"))
    assert timid.fills["position"].abs().mean() < bold.fills["position"].abs().mean()
