"""How much of a core a session takes: ``python -m bench.trading [markets] [messages a second] [seconds]``.

Messages of random books go through journal and machine one by one, each with a decision of its own, as in production
with nothing to wait for. Printed: the share of a core at that rate, the journal's share of the time, how long one
message takes from its hearing to its written decision, by how much memory and file handles grow in an hour of the
exchange's time after the first quarter, and how many times faster than real time the audit is. Eight hours of five
markets, for memory and handles: ``python -m bench.trading 5 1 28800``.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import psutil
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, SessionJournal
from touchline.engine.trading.ledger import TradeLedger
from touchline.engine.trading.lines import RunHeader
from touchline.engine.trading.machine import Machine
from touchline.engine.trading.market import Listed
from touchline.engine.trading.orders.jobs import encode
from touchline.engine.trading.settings import TradeSettings
from touchline.io.kalshi.stream.frames import decode_frame

from tests.engine.exchanges.conftest import START
from tests.engine.trading.conftest import write_quick_params

SECOND, LEVELS = 1_000_000_000, 20


def messages(markets: int, rate: int, seconds: int) -> list[tuple[int, bytes]]:
    """A snapshot a market, then changes of levels and trades at random."""
    draw, out, seq = random.Random(1), list[tuple[int, bytes]](), 0
    sides = [*(("yes", 4400 - 100 * k) for k in range(LEVELS)), *(("no", 4700 + 100 * k) for k in range(LEVELS))]
    books = [dict.fromkeys(sides, 5_000) for _ in range(markets)]
    for number, book in enumerate(books):
        seq += 1
        body: dict[str, object] = {"market_ticker": f"KXTEST-{number:03d}", "ts_ms": START // 1_000_000}
        for side in ("yes", "no"):
            levels = sorted((p, n) for (s, p), n in book.items() if s == side)
            body[f"{side}_dollars_fp"] = [[f"{p / 10_000:.4f}", f"{n / 100:.2f}"] for p, n in levels]
        out.append((START, encode({"type": "orderbook_snapshot", "sid": 1, "seq": seq, "msg": body})))
    for at in range(rate * seconds):
        seq += 1
        ts = START + (at + 1) * SECOND // rate
        number = draw.randrange(markets)
        (side, price), size = draw.choice(list(books[number].items()))
        change = draw.choice([100, 300, -200]) if size > 1_000 else 2_000
        books[number][side, price] = size + change
        body = {"market_ticker": f"KXTEST-{number:03d}", "price_dollars": f"{price / 10_000:.4f}", "side": side,
                "delta_fp": f"{change / 100:.2f}", "ts_ms": ts // 1_000_000}  # fmt: skip
        out.append((ts, encode({"type": "orderbook_delta", "sid": 1, "seq": seq, "msg": body})))
    return out


def main() -> None:
    """Run and print."""
    markets, rate, seconds = (int(sys.argv[k]) if len(sys.argv) > k else n for k, n in ((1, 200), (2, 1_500), (3, 20)))
    stream = messages(markets, rate, seconds)
    with tempfile.TemporaryDirectory() as top:
        folder = SessionFolder(Path(top) / "session")
        folder.begin(write_quick_params(Path(top) / "params.toml"), TradeSettings())
        listed = [
            Listed(TapeMarket(f"KXTEST-{n:03d}", "KXTEST", f"E{n}", open_ts=START - SECOND, close_ts=START + 10**14))
            for n in range(markets)
        ]
        header = RunHeader(1, folder.settings().document(), folder.params.name, listed, START)
        ledger = TradeLedger("tl-")
        machine, journal = Machine(header, ledger, folder.path), SessionJournal(folder.journal)
        journal.append(machine.state())
        journal.append(JournalLine("run", START, encode(header)))
        for ts, raw in stream[:markets]:
            journal.append(JournalLine("<", ts, raw))
            machine.hear(ts, decode_frame(raw))
        decide(machine, journal, START)
        took: list[float] = []
        written = 0.0
        begun = time.process_time()
        process, quarter, early = psutil.Process(), markets + (len(stream) - markets) // 4, (0, 0)
        for number, (ts, raw) in enumerate(stream[markets:], markets):
            if number == quarter:
                early = process.memory_info().rss, process.num_fds()
            at = time.perf_counter()
            journal.append(JournalLine("<", ts, raw))
            machine.hear(ts, decode_frame(raw))
            written += decide(machine, journal, ts)
            took.append(time.perf_counter() - at)
        spent = time.process_time() - begun
        late, hours = (process.memory_info().rss, process.num_fds()), 0.75 * seconds / 3600
        journal.close()
        begun = time.perf_counter()
        done = audit(folder.path)
        audited = time.perf_counter() - begun
    took.sort()
    out = {
        "markets": markets, "messages a second": rate, "share of a core": round(spent / seconds, 3),
        "journal's share of the time": round(written / sum(took), 3),
        "median ms": round(1e3 * statistics.median(took), 3),
        "99 % ms": round(1e3 * took[int(0.99 * len(took))], 3), "audit times real time": round(seconds / audited, 1),
        "MB an hour": round((late[0] - early[0]) / 1e6 / hours, 1), "handles an hour": (late[1] - early[1]) / hours,
        "audit": done.difference,
    }  # fmt: skip
    sys.stdout.write(msgspec.json.format(encode(out)).decode() + "\n")


def decide(machine: Machine, journal: SessionJournal, ts: int) -> float:
    """A turn, written down; returns the seconds that the journal took."""
    journal.append(JournalLine("turn", ts, b'{"wall":1}'))
    machine.turn(ts, 1)
    lines, _ = machine.drain()
    begun = time.perf_counter()
    for line in lines:
        journal.append(line)
    journal.commit()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
