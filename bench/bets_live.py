"""What a bar of a session of bets costs as the session grows: ``python -m bench.bets_live [bars] [markets]``.

A machine hears a made-up book that moves in each market and bar, scores it by ``quant``'s kind of pipeline, and bets on
paper. The CPU time of bars 10 to 60 is held against that of the last fifty; their ratio is printed, and 1 is flat.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.engine.trading.bets.account import BetHeader
from touchline.engine.trading.bets.machine import BetMachine
from touchline.engine.trading.journal import JournalLine
from touchline.engine.trading.ledger import TradeLedger
from touchline.engine.trading.market import Listed
from touchline.engine.trading.orders.jobs import encode
from touchline.engine.trading.settings import TradeSettings
from touchline.io.store.schema import MARKETS
from touchline.strategies.pipeline.pipeline import pipeline_of

NS, BEGIN = 1_000_000_000, 1_790_000_040 * 1_000_000_000
STEP, SPAN = 60 * NS, 50
ASKED = {
    "source": {"step_minutes": 1},
    "filters": [{"name": "price-band"}, {"name": "spread"}],
    "scorer": {"name": "bollinger", "window_bars": 20},
    "selector": {"name": "top-k", "min_score": 0.001},
    "executor": {"sizing": "fixed-fraction", "fraction": 0.001, "max_hold_hours": 0.5},
}


def machine_of(folder: Path, markets: int) -> BetMachine:
    """A session on paper of some markets that close in a year."""
    pipeline = pipeline_of(ASKED, "bench")
    close = BEGIN + 365 * 86_400 * NS
    listed, rows = list[Listed](), list[dict[str, Any]]()
    for number in range(markets):
        ticker = f"KXBENCH-26-B{number}"
        listed.append(Listed(TapeMarket(ticker, "KXBENCH", "KXBENCH-26", open_ts=BEGIN - NS, close_ts=close)))
        known = {"ticker": ticker, "series": "KXBENCH", "event": "KXBENCH-26", "valid_from": BEGIN}
        known |= {"open_ts": BEGIN - NS, "close_ts": close, "expiration_ts": close, "status": "active"}
        rows.append({name: known.get(name) for name in MARKETS.columns})
    settings = TradeSettings().with_options({"feed_age_s": "none"})
    header = BetHeader(
        1, settings.document(), "pipeline.json", listed, BEGIN, pipeline=pipeline.as_dict(), rows=rows, step=STEP
    )  # fmt: skip
    return BetMachine(header, TradeLedger("bench-"), folder, pipeline=pipeline)


def bar_costs(bars: int, markets: int) -> np.ndarray:
    """CPU seconds of each bar's turn, with all that it hears."""
    draw = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        machine = machine_of(Path(folder), markets)
        machine.warm()
        costs = np.zeros(bars)
        mids = np.full(markets, 5_000)
        for bar in range(bars):
            now = BEGIN + bar * STEP + NS
            mids = np.clip(mids + 100 * draw.integers(-2, 3, markets), 1_000, 9_000)
            for place, mid in enumerate(mids.tolist()):
                levels = {
                    "yes_dollars_fp": [[f"{(mid - 100) / 10_000:.4f}", "50.00"]],
                    "no_dollars_fp": [[f"{(mid + 100) / 10_000:.4f}", "50.00"]],
                }
                body = {"market_ticker": f"KXBENCH-26-B{place}", "ts_ms": now // 1_000_000, **levels}
                machine.take(JournalLine("<", now, encode({"type": "orderbook_snapshot", "msg": body})))
            begun = time.process_time()
            ends = BEGIN + (bar + 1) * STEP + 1
            machine.take(JournalLine("turn", ends, encode({"wall": ends})))
            costs[bar] = time.process_time() - begun
            machine.drain()
        assert machine.bets.bars == bars and machine.bets.over > 0
    return costs


def main() -> None:
    """Run it as a command: bars and markets."""
    bars, markets = (int(sys.argv[k]) if len(sys.argv) > k else usual for k, usual in ((1, 1_000), (2, 20)))
    costs = bar_costs(bars, markets)
    early, late = float(np.median(costs[10 : 10 + SPAN])), float(np.median(costs[-SPAN:]))
    sys.stdout.write(
        f"{markets} markets: a bar takes {1e3 * early:.2f} ms after 10 bars and {1e3 * late:.2f} ms after {bars:,}; "
        f"ratio {late / early:.2f}\n"
    )


if __name__ == "__main__":
    main()
