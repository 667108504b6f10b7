"""Whether a recorder and an exchange stay as small as they began: hours of 2,000 open markets through both.

    python bench/soak.py --seconds 3600 --markets 2000 --speed 20 --messages 3000

Makes a store whose markets change at random, replays it with `engine exchange --speed`, records it with
`engine data record`, journal and import included, and samples the resident memory of both. A tenth of the markets
close and are followed by new ones ten times. Writes one JSON line a sample, and at the end one with the answers:
start, least, most, end and the slope of a straight line through the samples after the first tenth.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil
from touchline.io.ground.units import NS_PER_SECOND
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

ENGINE = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]
START = 1_790_000_000 * NS_PER_SECOND
GENERATIONS, LEVELS, CHANGES_A_TRADE = 10, 8, 20


def write_store(folder: Path, markets: int, seconds: float, rate: float) -> int:
    """Write changes of levels that come and go, and trades beside them; returns the number of messages."""
    dice = np.random.default_rng(7)
    rows, slots = int(seconds * rate), markets // GENERATIONS
    ts = START + (np.arange(rows) * (NS_PER_SECOND / rate)).astype(np.int64)
    place = dice.integers(0, markets, rows)
    generation = np.where(place < slots, np.arange(rows) * GENERATIONS // rows, 0)
    number = place + generation * markets
    changes = (
        pl.DataFrame({"ts": ts, "number": number, "slot": dice.integers(0, 2 * LEVELS, rows)})
        .with_columns(turn=pl.col("slot").cum_count().over("number", "slot") % 2, seq=pl.int_range(pl.len()) + 100)
        .with_columns(
            ticker=pl.format("KXSOAK-26SEP21-B{}", "number"),
            side=pl.when(pl.col("slot") < LEVELS).then(1).otherwise(-1),
            price=pl.when(pl.col("slot") < LEVELS).then(4000).otherwise(4300) + 100 * pl.col("slot"),
            size=pl.when(pl.col("turn") == 1).then(1).otherwise(-1) * (1 + pl.col("number") % 9) * 100,
            kind=pl.lit(int(BookKind.DELTA)),
        )
    )
    length = int(seconds * NS_PER_SECOND)
    names = (
        changes.select("ticker", "number", generation=pl.col("number") // markets)
        .unique()
        .with_columns(short=pl.col("number") % markets < slots)
        .with_columns(
            open_ts=START + pl.col("generation") * (length // GENERATIONS),
            close_ts=START
            + pl.when("short").then((pl.col("generation") + 1) * (length // GENERATIONS)).otherwise(2 * length),
        )
    )
    clear = names.select(
        ts="open_ts", ticker="ticker", kind=pl.lit(int(BookKind.CLEAR)), side=0, price=0, size=0, seq=0
    )
    book = pl.concat([clear, changes.select(clear.columns)], how="vertical_relaxed").sort("ts", maintain_order=True)
    trades = changes.gather_every(CHANGES_A_TRADE).select(
        "ts", "ticker", "seq", price=4800, size=50, taker_side=-1, is_block=False,
        trade_id=pl.format("{}-{}", "number", "seq"),
    )  # fmt: skip
    known = names.select(
        "ticker", "open_ts", "close_ts", valid_from=0, series=pl.lit("KXSOAK"), event=pl.lit("KXSOAK-26SEP21"),
        status=pl.lit("active"), grid=pl.lit("linear_cent"),
    )  # fmt: skip
    Store(folder).ingest("soak", "soak", [Chunk({"markets": known, "book": book, "trades": trades})])
    return len(book) + len(trades)


def watch(processes: dict[str, psutil.Process], seconds: float, every: float) -> list[dict[str, Any]]:
    """Sample the resident memory of some processes, in MB, until the recorder ends or the time is over."""
    began, samples = time.monotonic(), []
    while (now := time.monotonic() - began) < seconds and processes["recorder"].is_running():
        sample: dict[str, Any] = {"second": round(now)}
        for name, process in processes.items():
            times = process.cpu_times()
            sample[f"{name}_mb"] = round(process.memory_info().rss / 1e6, 1)
            sample[f"{name}_cpu_seconds"] = round(times.user + times.system, 1)
        samples.append(sample)
        print(json.dumps(sample), flush=True)
        time.sleep(every)
    return samples


def answers(samples: list[dict[str, Any]], name: str) -> dict[str, float]:
    """What became of one process's memory; the slope leaves out the first tenth, in which books are first filled."""
    second = np.array([sample["second"] for sample in samples], float)
    size = np.array([sample[f"{name}_mb"] for sample in samples])
    later = second >= second[-1] / 10
    slope = np.polyfit(second[later], size[later], 1)[0] * 3600
    shown = {"start": size[0], "after_a_tenth": size[later][0], "min": size.min(), "max": size.max(), "end": size[-1]}
    return {key: round(float(value), 1) for key, value in (shown | {"mb_an_hour": slope}).items()}


def soak(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    simulated = arguments.seconds * arguments.speed
    messages = write_store(folder / "store", arguments.markets, simulated, arguments.messages / arguments.speed)
    served = subprocess.Popen(
        [*ENGINE, "exchange", "--store", str(folder / "store"), "--speed", str(arguments.speed),
         "--keys", str(folder / "keys")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert served.stdout is not None
        address = json.loads(served.stdout.readline())
        environ = {
            **os.environ,
            "KALSHI_REST_URL": address["rest"],
            "KALSHI_WS_URL": address["ws"],
            "KALSHI_KEY_ID": (folder / "keys" / "key-id").read_text().strip(),
            "KALSHI_PRIVATE_KEY_PATH": str(folder / "keys" / "private.pem"),
        }
        with (folder / "recorder.log").open("w") as log:
            recorder = subprocess.Popen(
                [*ENGINE, "data", "record", "--series", "KXSOAK", "--store", str(folder / "copy"),
                 "--for", f"{arguments.seconds}s", "--json"],
                env=environ, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
            processes = {"recorder": psutil.Process(recorder.pid), "exchange": psutil.Process(served.pid)}
            samples = watch(processes, arguments.seconds, arguments.every)
            out, _ = recorder.communicate()
        if recorder.returncode:
            raise SystemExit((folder / "recorder.log").read_text()[-2000:])
        return {
            "markets": arguments.markets,
            "speed": arguments.speed,
            "messages_replayed": messages,
            "recorded": json.loads(out),
            "recorder": answers(samples, "recorder"),
            "exchange": answers(samples, "exchange"),
            "said": (folder / "recorder.log").read_text().splitlines()[-12:],
        }
    finally:
        served.send_signal(signal.SIGTERM)
        served.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=int, default=3600, help="how long it runs")
    parser.add_argument("--markets", type=int, default=2000, help="markets open at a time")
    parser.add_argument("--speed", type=int, default=20, help="simulated seconds a second")
    parser.add_argument("--messages", type=float, default=3000, help="book changes a second of real time")
    parser.add_argument("--every", type=float, default=30, help="seconds between samples")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        print(json.dumps(soak(parser.parse_args(), Path(folder))), flush=True)


if __name__ == "__main__":
    main()
