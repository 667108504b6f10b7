"""A page over made-up results, and a way to ask it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.engine.page.server import Page

from ..conftest import hill, write_sweep
from ..made_books import made_books

Ask = Callable[..., Any]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of two markets, a replay of one, a replay of both, and a sweep without its store."""
    root = tmp_path_factory.mktemp("shown")
    store = str(root / "store")
    made_books(root / "store", markets=2, seconds=240)
    given = {"half_spread": 1, "size": 5}
    for name, markets in (("replay", "MADE-00"), ("both", ["MADE-00", "MADE-01"])):
        engine.backtest("fixed-spread", markets, store, params=given, out=root / name)
    write_sweep(root / "deep" / "down" / "sweep", hill, events=6)
    return root


@pytest.fixture(scope="session")
def served(results: Path) -> Iterator[Page]:
    with engine.ui(results) as page:
        yield page


@pytest.fixture(scope="session")
def ask(served: Page) -> Ask:
    """Asks a view and returns what it gives; with another status the error's text."""

    def asked(view: str, status: int = 200, **given: Any) -> Any:
        answer, body = send(served, "GET", f"/api/{view}?{urlencode(given)}", {"x-touchline-token": served.door.token})
        document = json.loads(body)
        assert answer.status == status, document
        return document if status == 200 else document["error"]

    return asked


@pytest.fixture(scope="session")
def named(results: Path) -> Callable[[str], str]:
    """The name of a folder of the results in addresses."""
    return lambda folder: name_of(results / folder)


def send(
    page: Page, method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    """Send one request as it is given, with no header that is not."""
    connection = http.client.HTTPConnection("127.0.0.1", page.door.port, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in ({"host": f"127.0.0.1:{page.door.port}"} | (headers or {})).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()
