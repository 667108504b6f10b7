"""A live session on the page: how it stands as it changes, and orders that are confirmed, or refused."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.engine.page.server import Page
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, SessionJournal
from touchline.engine.trading.lines import Command
from touchline.engine.trading.orders.jobs import encode

from .conftest import begun_session, send, session_of_bets


@pytest.fixture
def folder(tmp_path: Path) -> SessionFolder:
    return begun_session(tmp_path / "night")


@pytest.fixture
def page(folder: SessionFolder) -> Iterator[Page]:
    with engine.ui(folder.path.parent) as opened:
        yield opened


def order(page: Page, folder: SessionFolder, headers: dict[str, str], **given: object) -> tuple[int, dict[str, str]]:
    asked = {"id": name_of(folder.path), "verb": "halt", "typed": "night", "reason": "looked at"} | given
    answer, body = send(page, "POST", "/api/order", headers, json.dumps(asked).encode())
    return answer.status, json.loads(body)


def test_a_session_is_listed_and_told(page: Page, folder: SessionFolder):
    token = {"x-touchline-token": page.door.token}
    (row,) = json.loads(send(page, "GET", "/api/results", token)[1])["rows"]
    assert (row["kind"], row["id"]) == ("session", name_of(folder.path))
    assert row["strategy"] == "fixed-spread on paper"
    about = json.loads(send(page, "GET", f"/api/session?id={row['id']}", token)[1])
    assert about["name"] == "night"
    assert about["status"]["markets"]["KXTEST-26SEP21-B0"]["position"] == 300
    assert ["mode", "paper"] in about["settings"]


def test_what_changes_is_sent_as_it_changes(page: Page, folder: SessionFolder):
    connection = http.client.HTTPConnection("127.0.0.1", page.door.port, timeout=30)
    try:
        connection.request(
            "GET", f"/api/follow?id={name_of(folder.path)}", headers={"x-touchline-token": page.door.token}
        )
        answer = connection.getresponse()
        assert answer.getheader("content-type") == "text/event-stream"

        def heard() -> dict[str, object]:
            while not (line := answer.readline()).startswith(b"data: "):
                assert line
            return json.loads(line.removeprefix(b"data: "))

        assert heard()["status"]["pnl"] == 1_500_000  # type: ignore[index]  # a document
        journal = SessionJournal(folder.journal)
        journal.append(JournalLine("turn", 1, b"{}"))
        quote = {"market": "KX-1", "bid": 4_500, "bid_size": 1_000, "ask": None, "ask_size": 0}
        journal.append(JournalLine("quote", 1, json.dumps(quote).encode()))
        journal.append(JournalLine("cmd", 1, encode(Command("seen", disk_free=9))))
        journal.append(JournalLine("cmd", 2, encode(Command("halt", "looked at", ["KX-1"]))))
        journal.append(JournalLine("day", 2, json.dumps({"day": 20_726, "worth": {"KX-1": 0}}).encode()))
        journal.append(JournalLine("halt", 2, json.dumps({"reason": "feed is old"}).encode()))
        journal.commit()
        lines = heard()["lines"]
        assert lines[0].pop("kind") == "quote"  # type: ignore[index]  # a document
        assert lines[0]["told"] == "KX-1: 10 at 45 / none"  # type: ignore[index]  # a document
        assert [line["told"] for line in lines[1:3]] == ["halt KX-1: looked at", "the day of 2026-09-30 begins"]  # type: ignore[index]  # a document
        assert lines[3:] == [{"kind": "halt", "ts": "2", "told": "reason feed is old"}]
        folder.write_status({"pnl": -5, "markets": {}})
        assert heard()["status"]["pnl"] == -5  # type: ignore[index]  # a document
        journal.close()
    finally:
        connection.close()


def test_a_session_of_bets_tells_its_last_bar_and_each_new_one(page: Page, folder: SessionFolder):
    bets = session_of_bets(folder.path.parent / "bets")
    token = {"x-touchline-token": page.door.token}
    name = name_of(bets.path)
    about = json.loads(send(page, "GET", f"/api/session?id={name}", token)[1])
    assert (about["of_bets"], about["bar"]) == (True, bets.bar())
    connection = http.client.HTTPConnection("127.0.0.1", page.door.port, timeout=30)
    try:
        connection.request("GET", f"/api/follow?id={name}", headers=token)
        answer = connection.getresponse()

        def heard() -> dict[str, object]:
            while not (line := answer.readline()).startswith(b"data: "):
                assert line
            return json.loads(line.removeprefix(b"data: "))

        first = heard()
        assert first["bar"] == bets.bar()
        assert first["lines"] == [
            {"kind": "bet", "ts": "1790000000000000000", "market": "KXTEST-26SEP21-B0",
             "told": "KXTEST-26SEP21-B0: bought 10 yes at 51, fee $0.18",
             "why": "yes wins with 55.0%, the market says 50.0%"}
        ]  # fmt: skip
        bets.write_status(bets.status() | {"pnl": 1})
        assert "bar" not in heard()
        bets.write_bar(about["bar"] | {"of": 3})
        assert heard()["bar"]["of"] == 3  # type: ignore[index]  # a document
    finally:
        connection.close()


@pytest.mark.parametrize(
    "foreign", [{}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}]
)
def test_an_order_without_the_token_or_from_elsewhere_orders_nothing(
    page: Page, folder: SessionFolder, foreign: dict[str, str]
):
    cookie = {"cookie": f"{page.door.cookie}={page.door.token}"}
    given = {**cookie, **foreign} if not foreign else {**cookie, **foreign, "x-touchline-token": page.door.token}
    assert order(page, folder, given)[0] == 403
    assert folder.commands() == []


def test_an_order_needs_the_session_s_name_typed_and_a_known_verb(page: Page, folder: SessionFolder):
    token = {"x-touchline-token": page.door.token, "origin": page.address.rstrip("/")}
    for wrong, said in (
        ({"typed": "nigh"}, "type the session's name: night"), ({"verb": "leave"}, "not to 'leave'"),
        ({"verb": "resume", "reason": " "}, "with a reason"), ({"tickers": ["NONE"]}, "no market of the session"),
        ({"more": 1}, "no order to a session"),
    ):  # fmt: skip
        status, answer = order(page, folder, token, **wrong)
        assert status == 400
        assert said in answer["error"]
    assert folder.commands() == []
    for verb in ("halt", "resume", "kill", "flatten"):
        assert order(page, folder, token, verb=verb)[0] == 200
    assert [command.verb for _, command in folder.commands()] == ["halt", "resume", "kill", "flatten"]
    assert {command.reason for _, command in folder.commands()} == {"looked at"}
