"""Made-up folders of results, so that what reads them is tested without a simulation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

HOUR_NS = 3_600_000_000_000
START = 1_767_225_600_000_000_000  # 2026-01-01


def write_sweep(
    folder: Path,
    surface: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda gamma, kappa: np.zeros(len(gamma)),
    noise: float = 1.0,
    events: int = 40,
    markets_per_event: int = 2,
    gamma: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.8),
    kappa: tuple[float, ...] = (0.5, 1.5, 2.5, 3.5, 4.5),
    series: str = "KXTEST",
    seed: int = 0,
    about: dict[str, Any] | None = None,
) -> Path:
    """Write a sweep whose P&L a period is ``surface(gamma, kappa)`` dollars plus noise: an event a day of 6 periods."""
    rng = np.random.default_rng(seed)
    g, k = (axis.ravel() for axis in np.meshgrid(gamma, kappa, indexing="ij"))
    cell = np.arange(len(g), dtype=np.int32)
    mean = surface(g, k)
    cells, periods, markets = [], [], []
    for event in range(events):
        for number in range(markets_per_event):
            ticker = f"{series}-{event:03d}-B{number}"
            begin = START + event * 24 * HOUR_NS
            pnl = np.round((mean + noise * rng.normal(size=(6, len(g)))) * 1e6).astype(np.int64)
            periods.append((begin + np.arange(6).repeat(len(g)) * 4 * HOUR_NS, pnl.ravel()))
            total = pnl.sum(axis=0)
            fees = np.full(len(g), 10_000, dtype=np.int64)
            drift, settlement = total // 5, -(total // 7)
            columns = {"cell": cell, "gamma": g, "kappa": k}
            columns |= {"cash": total + 500_000, "pnl": total, "spread_capture": total - drift - settlement + fees}
            columns |= {"drift": drift, "settlement": settlement, "rebates": np.zeros_like(total), "fees": fees}
            columns |= {"max_drawdown": np.abs(total) // 2, "position": rng.integers(-9, 9, len(g)) * 100}
            columns |= {"max_position": np.full(len(g), 2_000), "fills": rng.integers(5, 50, len(g))}
            columns |= {"volume": np.full(len(g), 5_000), "requotes": np.full(len(g), 900)}
            columns |= {"uptime": rng.uniform(0.8, 1, len(g)), "markout_10s": rng.normal(0, 0.2, len(g))}
            cells.append(columns)
            markets.append(
                {
                    "ticker": ticker,
                    "event": f"{series}-{event:03d}",
                    "series": series,
                    "close_ts": begin + 24 * HOUR_NS,
                    "settlement": 10_000 if (event + number) % 2 else 0,
                }
            )
    folder.mkdir(parents=True, exist_ok=True)
    names = [one["ticker"] for one in markets]

    def whole(count: int, columns: dict[str, np.ndarray]) -> pl.DataFrame:
        return pl.DataFrame({"market": [name for name in names for _ in range(count)], **columns})

    each = {name: np.concatenate([one[name] for one in cells]) for name in cells[0]}
    whole(len(g), each).write_parquet(folder / "cells.parquet")
    period, made = (np.concatenate(columns) for columns in zip(*periods, strict=True))
    each = {"cell": np.tile(cell, len(period) // len(g)), "period": period, "pnl": made}
    whole(6 * len(g), each).write_parquet(folder / "periods.parquet")
    document = {
        "strategy": "avellaneda-stoikov",
        "axes": [
            {"name": "gamma", "values": list(gamma), "scale": "log"},
            {"name": "kappa", "values": list(kappa), "scale": "lin"},
        ],
        "fixed": {"size": 5.0},
        "markets": markets,
        "venue": {"queue": "power@3", "latency_ms": 50, "fees": "exchange"},
        "limits": {"position_limit": 20},
        "engine_version": "0.1.0",
        "data_hash": "d" * 64,
        "warnings": [],
    }
    (folder / "sweep.json").write_text(json.dumps(document | (about or {})))
    return folder


def hill(gamma: np.ndarray, kappa: np.ndarray) -> np.ndarray:
    """A broad edge that is best at gamma .2 and kappa 2.5."""
    return 0.6 - 0.1 * np.abs(np.log2(gamma / 0.2)) - 0.1 * np.abs(kappa - 2.5)


@pytest.fixture
def make_sweep(tmp_path: Path) -> Callable[..., Path]:
    """Writes a made-up sweep; see ``write_sweep``."""

    def make(name: str = "sweep", edge: bool = False, **given: Any) -> Path:
        return write_sweep(tmp_path / name, **({"surface": hill} if edge else {}), **given)

    return make
