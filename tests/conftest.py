"""Fixtures that several tests share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

gc.set_threshold(200_000, 20, 100)  # as the command does: compiling makes many objects that stay


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real recordings that lies beside the project on some machines."""
    folder = Path(os.environ.get("TOUCHLINE_MARKET_DATA", ROOT.parent / "shared" / "market-data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}; set TOUCHLINE_MARKET_DATA to a folder that has them")
    return folder


@pytest.fixture
def plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels run as plain Python, the same to the bit: where what is tested is not how they are compiled."""
    from touchline.engine.simulator import prepare
    from touchline.engine.simulator.kernel.build import interpreted

    monkeypatch.setattr(prepare, "kernel", interpreted)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)  # nor is one compiled ahead


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes hours runs only when it is asked for by its marker."""
    if "long" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if "long" in item.keywords])
        items[:] = [item for item in items if "long" not in item.keywords]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays to the end; nothing need look for garbage in it."""
    gc.freeze()
