"""Made-up markets whose true probabilities are known: a price, and a published signal that moves its log odds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from touchline.io.ground.times import iso
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import Pipeline, pipeline_of

HOUR = 3_600_000_000_000
BEGIN = 1_767_225_600_000_000_000  # 2026-01-01
PRICES = (2_000, 3_500, 5_000, 6_500, 8_000)
FEATURES = ("log_odds", "signal", "noise")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def logit(p):
    return np.log(p / (1 - p))


def made(
    folder: Path, beta: float = 0.8, events: int = 240, seed: int = 0, bars: int = 3, shuffle: bool = False
) -> Store:
    """Events of two markets, one after the other every two hours, that live some hours and settle an hour later."""
    rng = np.random.default_rng(seed)
    markets, quotes, signals, results = [], [], [], []
    for event in range(events):
        opened = BEGIN + 2 * event * HOUR
        closed = opened + (bars + 1) * HOUR
        paid = []
        for number in range(2):
            price = int(rng.choice(PRICES))
            x, noise = float(rng.choice([-1.0, 1.0])), float(rng.normal())
            paid.append(int(rng.random() < sigmoid(logit(price / 10_000) + beta * x)))
            ticker = f"KXMADE-{event:04d}-T{number}"
            quotes.append(
                [{"ts": opened + bar * HOUR + 60_000_000_000, "ticker": ticker, "bid": price - 100, "ask": price + 100,
                  "bid_size": 50_000, "ask_size": 50_000} for bar in range(bars + 1)]
            )  # fmt: skip
            signals.append({"published": iso(opened), "ticker": ticker, "signal": x, "noise": noise})
            markets.append(
                {"ticker": ticker, "event": f"KXMADE-{event:04d}", "series": "KXMADE", "category": "Made",
                 "open_ts": opened, "close_ts": closed, "settled_ts": closed + HOUR}
            )  # fmt: skip
        results.append(paid)
    if shuffle:  # among events of the same prices, so that the market stays right and nothing else is
        prices = [tuple(quote[0]["bid"] for quote in quotes[2 * event : 2 * event + 2]) for event in range(events)]
        for alike in set(prices):
            places = [place for place, one in enumerate(prices) if one == alike]
            drawn = [results[place] for place in rng.permutation(places)]
            for place, result in zip(places, drawn, strict=True):
                results[place] = result
    for row, paid in zip(markets, np.ravel(results).tolist(), strict=True):
        row |= {"result": "yes" if paid else "no", "settlement": 10_000 * paid}
    store = Store(folder)
    quoted = pl.DataFrame([row for quote in quotes for row in quote])
    store.ingest("made", f"{seed}", [Chunk({"markets": pl.DataFrame(markets), "quotes": quoted})])
    pl.DataFrame(signals).write_csv(folder.parent / "signals.csv")
    return store


def pipeline(folder: Path, **scorer) -> Pipeline:
    """A pipeline on made-up markets; its table lies beside the store."""
    return pipeline_of(
        {
            "tables": [{"file": "signals.csv", "by": "ticker"}],
            "scorer": {"name": "onnx", "file": "model", **scorer},
            "executor": {"kelly_fraction": 0.1},
        },
        "made",
        folder,
    )


def bayes_skill(beta: float) -> float:
    """The Brier skill against the price of someone who knows the truth."""
    q = np.repeat(np.array(PRICES) / 10_000, 2)
    p = sigmoid(logit(q) + beta * np.tile([-1.0, 1.0], len(PRICES)))
    sure = p * (1 - p)
    return 1 - sure.sum() / (sure + (q - p) ** 2).sum()
