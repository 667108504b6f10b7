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
from touchline.engine.figures.calibration import calibration
from touchline.engine.page.folders import name_of
from touchline.engine.page.server import Page
from touchline.engine.results.params import FORMAT, VERSION, Applies, Params, Provenance, Validity, write_params
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, SessionJournal
from touchline.engine.trading.settings import TradeSettings
from touchline.engine.training.folder import write_record
from touchline.strategies.pipeline.scorers.trained import FORMAT as FORMAT_OF_MODEL
from touchline.strategies.pipeline.scorers.trained import VERSION as VERSION_OF_MODEL
from touchline.strategies.pipeline.scorers.trained import ServedModel, Trained

from ..conftest import hill, write_sweep
from ..made_books import made_books
from .browsing import Tab, chromium

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


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    path = chromium()
    with sync_playwright() as play:
        flags = ["--no-sandbox", "--js-flags=--expose-gc", "--enable-precise-memory-info"]
        started = play.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


@pytest.fixture
def tab(browser, served: Page) -> Iterator[Callable[..., Tab]]:
    """Opens the page at a width, in dark or in light, let in by the address that the command prints."""
    contexts = []

    def opened(width: int = 1280, scheme: str = "dark") -> Tab:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        contexts.append(context)
        made = Tab(context.new_page(), served)
        made.page.goto(served.url)
        return made

    yield opened
    for context in contexts:
        context.close()


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


def session_params(place: Path, series: str) -> Path:
    """Parameters of a plain strategy for a series."""
    parameters: dict[str, bool | int | float | str | list[float | str]] = {"half_spread": 2.0, "size": 1.0}
    given = Params(
        FORMAT, VERSION, "fixed-spread", [Applies(parameters, series=series)], {}, {"horizon": "fixed"},
        Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2036-01-01T00:00:00Z"),
        Provenance("robust", "0.2.0", "d", 1, 1, 1, 1, 0),
    )  # fmt: skip
    place.parent.mkdir(parents=True, exist_ok=True)
    write_params(place, given)
    return place


def begun_session(folder: Path, reason: str = "") -> SessionFolder:
    """A session that was begun on paper and stands, without a process that trades it."""
    params = session_params(folder.parent / "params.toml", "KXTEST")
    made = SessionFolder(folder)
    made.begin(params, TradeSettings().with_options({"mode": "paper"}))
    quote = {"bid": 4_500, "bid_size": 1_000, "ask": 4_700, "ask_size": 1_000}
    market = {"position": 300, "cash": -1, "worth": 1_500_000, "mid": 4_600, "fills": 3, "fees": 0, "halted": reason,
              "closed": False, "quote": quote}  # fmt: skip
    journal = SessionJournal(made.journal)
    if reason:
        journal.append(JournalLine("halt", 1_790_000_000_000_000_000, json.dumps({"reason": reason}).encode()))
    journal.commit()
    journal.close()
    status = {"mode": "paper", "now": 1_790_000_000_000_000_000, "feed_age_s": 0.4, "killed": None, "waits": None}
    status |= {"messages": 10, "journal_bytes": 1_000, "pnl": 1_500_000, "orders": 2}
    made.write_status(status | {"markets": {"KXTEST-26SEP21-B0": market}})
    return made


def session_of_bets(folder: Path, ticker: str = "KXTEST-26SEP21-B0") -> SessionFolder:
    """A session of bets that was begun and stands: one bet held, one won, one market scored and one filtered out."""
    made = SessionFolder(folder)
    made.begin_bets({"scorer": {"name": "momentum"}}, TradeSettings().with_options({"mode": "paper"}))
    entered = 1_790_000_000_000_000_000
    raw = {"market": ticker, "side": "yes", "entered": entered, "probability": 0.55, "mark": 5_000, "score": 500,
           "price": 5_100, "lots": 1_000, "left": 1_000, "proceeds": 0, "fees": 180_000, "exit": None,
           "left_at": None}  # fmt: skip
    journal = SessionJournal(made.journal)
    journal.append(JournalLine("bet", entered, json.dumps(raw).encode()))
    journal.commit()
    journal.close()
    held = {"ticker": ticker, "side": "yes", "probability": 0.55, "entry_ts": entered, "exit_ts": None, "lots": 1_000,
            "entry_price": 5_100, "exit_price": None, "score": 500, "fees": 180_000, "pnl": -1_180_000, "result": None,
            "exit": "still open"}  # fmt: skip
    over = held | {"side": "no", "exit_ts": entered + 10**12, "exit_price": 10_000.0, "pnl": 4_720_000, "result": 1.0,
                   "exit": "resolution"}  # fmt: skip
    judged = calibration([0.55, 0.3, 0.8], [1, 0, 1])
    assert judged is not None
    made.write_bar(
        {
            "bar": entered + 10**12, "bets": [held, over], "of": 2,
            "scores": [
                {"ticker": ticker, "mark": 5_000, "score": 500, "now": "waits for the next bar", "before": "entered"},
                {"ticker": "KXTEST-26SEP21-B1", "mark": None, "score": -120, "now": "filter price", "before": None},
            ],
            "candidates": [{"fate": "filter price", "candidates": 3, "settled": 1, "won": 1.0, "mean_pnl": -0.02}],
            "calibration": {"market": None, "strategy": judged.as_dict()},
        }
    )  # fmt: skip
    status = {"mode": "paper", "kind": "bets", "now": entered, "feed_age_s": 0.4, "killed": None, "waits": None}
    status |= {"messages": 10, "journal_bytes": 1_000, "pnl": 3_540_000, "orders": 0, "markets": {}}
    made.write_status(status | {"cash": 990_000_000, "bets": [raw], "bets_over": 1, "bar": entered})
    return made


def trained_model(folder: Path, feature: str = "log_odds", kind: str = "logistic") -> Path:
    """A folder of a trained model as its record tells it; what it names is not there."""
    score = {"skill": 0.1, "low": 0.02, "high": 0.2, "events": 40, "rows": 900}
    made = Trained(
        FORMAT_OF_MODEL, VERSION_OF_MODEL, kind, "outcome", "probability", 1, [feature], 0, "h", "2036-01-01T00:00:00Z",
        True, {feature: feature}, {"store": "data"},
        {"rows": 900, "events": 40, "from": "2026-01-01", "to": "2026-02-01", "notes": [], "versions": {}},
        {"rows": 10, "largest": 1e-9, "bets": "the same"},
        {"reference": "the market", "brier": score, "leads": [score | {"hours": "0 to 1"}],
         "importance": [{"feature": feature, "error": 0.001}], "curve": []},
        {"last_fold": {feature: 0.01}},
        [ServedModel("series/a.onnx", "2026-02-01T00:00:00Z", "0" * 64, 900, 40)],
    )  # fmt: skip
    folder.mkdir(parents=True)
    write_record(folder, made)
    return folder
