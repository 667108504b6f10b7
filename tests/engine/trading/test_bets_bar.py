"""What a session of bets tells of its last bar is what the backtest up to then holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.results import BetsResult
from touchline.engine.trading.folder import SessionFolder
from touchline.io.store.store import Store

from ..exchanges.conftest import SECOND
from .conftest import opened, tickers_of
from .test_bets_live import PIPELINE, bars_of, bet_day, pipeline, walk

__all__ = ["bet_day", "pipeline"]
BAND = '[[filters]]\nname = "price-band"\nlow = 20\nhigh = 80\n'


@pytest.mark.slow
def test_a_bar_in_short_is_the_backtest_up_to_then(bet_day: Store, pipeline: Path, tmp_path: Path):
    pipeline.write_text(BAND + PIPELINE, encoding="utf-8")
    folder, after = tmp_path / "session", [0]
    with opened(bet_day) as (exchange, client):
        clock = lambda: exchange.now() + after[0]  # noqa: E731 - the exchange's time, and a little more at the end
        given: dict[str, Any] = {"session": folder, "client": client, "clock": clock, "inline": True}
        with engine.trade(pipeline, tickers_of(), **given) as session:
            for until in (lambda: len(session.runner.machine.bets.held) > 1, lambda: False):
                walk(exchange, session, until=until)
                if exchange.finished():
                    after[0] = 180 * SECOND
                    session.step()
                same(SessionFolder(folder).bar(), bet_day, pipeline, bars_of(folder)[-1])


def same(told: dict[str, Any] | None, store: Store, pipeline: Path, end: int) -> None:
    found = backtest(store, pipeline, end=end)
    made = BetsResult(found)
    assert told is not None and json.loads(json.dumps(told)) == told
    assert (told["bar"], told["of"]) == (int(found.panel.times[-1]), made.trades.height)
    shown = {(one["ticker"], one["entry_ts"]): one for one in told["bets"]}
    for one in made.trades.iter_rows(named=True):
        bet, is_open = shown[one["ticker"], one["entry_ts"]], one["exit"] == "still open"
        assert [bet[name] for name in ("side", "lots", "entry_price", "pnl", "fees", "exit")] == [
            one[name] for name in ("side", "lots", "entry_price", "pnl", "fees", "exit")
        ]
        assert bet["exit_ts"] == (None if is_open else one["exit_ts"])
    opens = [one["exit_ts"] is None for one in told["bets"]]
    assert opens == sorted(opens, reverse=True)
    edges = [abs(one["score"]) for one in told["scores"]]
    assert edges == sorted(edges, reverse=True)
    there = {one["fate"]: one for one in made.candidates.to_dicts()}
    last = {one["now"] for one in told["scores"]}  # of the last bar, on which the next one decides
    for one in told["candidates"]:
        assert one["candidates"] <= there[one["fate"]]["candidates"] <= one["candidates"] + len(tickers_of())
        assert one["settled"] <= there[one["fate"]]["settled"]
    assert set(there) <= {one["fate"] for one in told["candidates"]} | last
