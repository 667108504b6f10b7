"""A WebSocket capture into rows, against decoding the same lines with msgspec into typed objects and nothing more.

Workload: 300,000 wrapped frames of 40 markets (snapshots, deltas, one trade in eight), 90 MB. The importer follows seq,
keeps the books and gives frames of rows; the yardstick only decodes. Both on one core, by turns. The answer is checked
first: one row a delta and a trade, one a level and a market of the snapshots.
Bar: 400,000 frames/s on one core when the machine is quiet.
"""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import msgspec
import pytest
from touchline.io.importers.base import Options
from touchline.io.importers.recognise import recognise

FRAMES, MARKETS, LEVELS = 300_000, 40, 20
START = 1_781_159_489_000


class Body(msgspec.Struct, gc=False):
    """The fields that the yardstick decodes."""

    market_ticker: str
    price_dollars: str | None = None
    delta_fp: str | None = None
    side: str | None = None
    ts_ms: int | None = None
    trade_id: str | None = None
    count_fp: str | None = None
    yes_price_dollars: str | None = None


class Frame(msgspec.Struct, gc=False):
    """A frame."""

    type: str
    sid: int
    seq: int
    msg: Body


class Line(msgspec.Struct, gc=False):
    """A line of the capture."""

    recv_ts: int
    frame: Frame


def capture(path: Path) -> None:
    draw = random.Random(7)
    names = [f"KXBTC-26JUN01-T{number:05d}" for number in range(MARKETS)]
    side = [[f"{price / 100:.4f}", "10000000.00"] for price in range(1, LEVELS + 1)]
    seqs = [0, 0]
    with path.open("w") as file:
        for number in range(FRAMES):
            if number < MARKETS:
                kind, sid = "orderbook_snapshot", 1
                body: dict[str, object] = {
                    "market_ticker": names[number],
                    "yes_dollars_fp": side,
                    "no_dollars_fp": side,
                }
            elif number % 8:
                kind, sid = "orderbook_delta", 1
                price, change = draw.randint(1, LEVELS), draw.randint(-50, 50)
                body = {"market_ticker": draw.choice(names), "market_id": "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1"}
                body |= {
                    "price_dollars": f"{price / 100:.4f}",
                    "delta_fp": f"{change}.00",
                    "side": draw.choice(["yes", "no"]),
                }
            else:
                kind, sid = "trade", 2
                price = draw.randint(40, 60)
                body = {"trade_id": f"id-{number:08d}", "market_ticker": draw.choice(names)}
                body |= {"yes_price_dollars": f"{price / 100:.4f}", "no_price_dollars": f"{1 - price / 100:.4f}"}
                body |= {"count_fp": f"{draw.randint(1, 500)}.00", "taker_outcome_side": "yes", "is_block_trade": False}
            seqs[sid - 1] += 1
            body["ts_ms"] = START + number
            frame = {"type": kind, "sid": sid, "seq": seqs[sid - 1], "msg": body}
            file.write(json.dumps({"recv_ts": (START + number) * 10**6, "frame": frame}, separators=(",", ":")) + "\n")


@pytest.mark.bench
def test_capture_to_rows(benchmark, tmp_path, capsys):
    path = tmp_path / "day.jsonl"
    capture(path)
    importer = recognise(path, Options()).importer

    def imported() -> int:
        chunks = importer.read(path, Options())
        return sum(frame.height for chunk in chunks for frame in chunk.tables.values())

    assert imported() == (FRAMES - MARKETS) + MARKETS * (1 + 2 * LEVELS)
    decode = msgspec.json.Decoder(Line).decode_lines
    yardstick: list[float] = []

    def turn() -> tuple[tuple[()], dict[str, object]]:
        data, began = path.read_bytes(), time.process_time()
        assert len(decode(data)) == FRAMES
        yardstick.append(time.process_time() - began)
        return (), {}

    used: list[float] = []

    def timed() -> None:
        began = time.process_time()
        imported()
        used.append(time.process_time() - began)

    benchmark.pedantic(timed, setup=turn, rounds=3)
    best, plain = min(used), min(yardstick)
    with capsys.disabled():
        print(f"\nimporter {FRAMES / best:,.0f} frames/s of CPU, msgspec decoding alone {FRAMES / plain:,.0f} frames/s")
