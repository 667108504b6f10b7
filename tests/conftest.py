"""Fixtures that several tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).resolve().parent.parent

gc.set_threshold(200_000, 20, 100)  # as the command does: compiling makes many objects that stay
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores: threads that wait for one cost more than they bring.
    for library in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(library, "1")


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real recordings that lies beside the project on some machines."""
    folder = Path(os.environ.get("TOUCHLINE_MARKET_DATA", ROOT.parent / "shared" / "market-data"))
    if not folder.is_dir():
        pytest.skip(f"no recordings at {folder}; set TOUCHLINE_MARKET_DATA to a folder that has them")
    return folder


def uncompiled(patched: pytest.MonkeyPatch) -> None:
    """Let kernels run as plain Python, the same to the bit: where what is tested is not how they are compiled."""
    from touchline.engine.simulator import prepare
    from touchline.engine.simulator.kernel.build import interpreted

    patched.setattr(prepare, "kernel", interpreted)
    patched.setattr(os, "cpu_count", lambda: 1)  # nor is one compiled ahead


@pytest.fixture
def plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels run as plain Python in one test."""
    uncompiled(monkeypatch)


@pytest.fixture(scope="session", autouse=True)
def _two_keys() -> Iterator[None]:
    """Local exchanges share two RSA keys, each read once: making and checking one costs more than most tests."""
    make, read = rsa.generate_private_key, cache(serialization.load_pem_private_key)
    keys = cycle((cache(lambda: make(65537, 2048)), cache(lambda: make(65537, 2048))))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rsa, "generate_private_key", lambda public_exponent, key_size: next(keys)())
        patched.setattr(serialization, "load_pem_private_key", read)
        patched.setattr("touchline.io.kalshi.rest.signing.load_pem_private_key", read)
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_ahead() -> Iterator[None]:
    """A worker beside others has no core to spare for compiling ahead."""
    with pytest.MonkeyPatch.context() as patched:
        if "PYTEST_XDIST_WORKER" in os.environ:
            patched.setattr("touchline.engine.simulator.ahead.os", SimpleNamespace(cpu_count=lambda: 1))
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes hours runs only when it is asked for by its marker."""
    if "long" not in config.option.markexpr:
        config.hook.pytest_deselected(items=[item for item in items if "long" in item.keywords])
        items[:] = [item for item in items if "long" not in item.keywords]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was collected stays to the end; nothing need look for garbage in it."""
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """At the end everything goes, or DuckDB complains of what lives."""
    gc.unfreeze()
