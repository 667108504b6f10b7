from __future__ import annotations

import http.client
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from touchline.io.kalshi.rest import errors, models
from touchline.io.kalshi.rest.limits import Budget
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.transport import Transport
from touchline.io.kalshi.stream.socket import StreamSocket


def transport(settings: Settings, **options: Any) -> Transport:
    return Transport(settings, Budget(10_000), sleep=lambda seconds: None, **options)


def test_reads_are_repeated_through_rate_limits_and_server_errors(rest: Any, settings: Settings) -> None:
    answers = [(429, {"error": "too many requests"}), (503, {}), (0, None), (200, {"market": {"ticker": "T"}})]
    rest.answer = lambda request: answers.pop(0)
    assert transport(settings).get("/markets/T", "market", models.MarketRecord).ticker == "T"
    assert len(rest.requests) == 4
    stamps = {request.headers["KALSHI-ACCESS-SIGNATURE"] for request in rest.requests}
    assert len(stamps) == 4, "each sending is signed anew"


def test_a_write_is_repeated_only_where_nothing_was_done(rest: Any, settings: Settings) -> None:
    answers = [(429, {"error": {"code": "too_many_requests"}}), (500, {})]
    rest.answer = lambda request: answers.pop(0)
    with pytest.raises(errors.ServerError):
        transport(settings).call("POST", "/x", None, dict, body={})
    rest.answer = lambda request: (0, None)
    with pytest.raises(errors.NetworkError, match="POST /x"):
        transport(settings).call("POST", "/x", None, dict, body={})
    assert len(rest.requests) == 3


def test_final_refusals_are_not_repeated_and_patience_ends(rest: Any, settings: Settings) -> None:
    rest.answer = lambda request: (400, {"msg": "bad limit"})
    with pytest.raises(errors.RefusedRequestError, match="bad limit"):
        transport(settings).get("/markets", None, dict)
    rest.answer = lambda request: (500, {})
    with pytest.raises(errors.ServerError):
        transport(settings, attempts=3).get("/markets", None, dict)
    assert len(rest.requests) == 4


@pytest.mark.parametrize("last", ["", None, "absent", "repeated"])
def test_pages_end_at_an_empty_missing_or_repeated_cursor(rest: Any, settings: Settings, last: str | None) -> None:
    def answer(request: Any) -> Any:
        cursor = request.query.get("cursor", [""])[0]
        page = {"": ("A", "c1"), "c1": ("B", "c2"), "c2": ("C", "c1" if last == "repeated" else last)}[cursor]
        body = {"markets": [{"ticker": page[0]}], "cursor": page[1]}
        if page[1] == "absent":
            del body["cursor"]
        return 200, body

    rest.answer = answer
    pages = list(
        transport(settings).pages("/markets", "markets", models.MarketRecord, params={"limit": 1, "status": None})
    )
    assert [market.ticker for page in pages for market in page][:3] == ["A", "B", "C"]
    assert len(pages) == 3
    assert all(request.query["limit"] == ["1"] and "status" not in request.query for request in rest.requests)


def test_null_lists_are_empty_and_nonsense_is_an_answer_error(rest: Any, settings: Settings) -> None:
    rest.answer = lambda request: (200, {"series": None})
    assert transport(settings).get("/series", "series", list[models.Series]) == []
    rest.answer = lambda request: (200, b"<html>")
    with pytest.raises(errors.AnswerError, match="html"):
        transport(settings).get("/series", "series", list[models.Series])


def test_a_closed_exchange_says_so_with_an_error_status(rest: Any, settings: Settings) -> None:
    rest.answer = lambda request: (503, {"exchange_active": False, "trading_active": False})
    status = transport(settings).get("/exchange/status", None, models.ExchangeStatus, accept=(503,))
    assert not status.exchange_active


def test_redirects_are_not_followed(rest: Any, settings: Settings) -> None:
    rest.answer = lambda request: (302, {})
    with pytest.raises(errors.ApiError):
        transport(settings).get("/x", None, dict)
    assert len(rest.requests) == 1


def test_a_private_call_without_a_key_says_what_to_set() -> None:
    with pytest.raises(errors.ConfigError, match="KALSHI_KEY_ID"):
        Transport(Settings("demo", "http://127.0.0.1:1/v2", "ws://127.0.0.1:1/ws")).get("/x", None, dict, private=True)


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """An HTTPS server whose certificate no authority signed."""
    folder = tmp_path_factory.mktemp("tls")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

    class Quiet(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server.server_port, path
    server.shutdown()
    server.server_close()
    thread.join()


def test_tls_verification_cannot_be_switched_off(untrusted: tuple[int, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    port, certificate = untrusted
    # The server itself works: a session that trusts its certificate is answered.
    plain = requests.Session()
    plain.trust_env = False
    with plain, plain.get(f"https://localhost:{port}/", verify=str(certificate), timeout=5) as answer:
        assert answer.json() == {}
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(certificate))
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    settings = Settings("demo", f"https://localhost:{port}", "wss://localhost:1/ws")
    asking = transport(settings, attempts=1)
    with pytest.raises(errors.NetworkError, match="certificate is not trusted"):
        asking.get("/x", None, dict)
    asking.close()
    with pytest.raises(errors.NetworkError, match="certificate is not trusted"):
        StreamSocket(f"wss://localhost:{port}/ws", {})


def test_a_request_leaves_in_one_piece(rest: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[bytes] = []
    write = http.client.HTTPConnection.send

    def writing(connection: http.client.HTTPConnection, data: Any) -> None:
        pieces.append(bytes(data))
        write(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", writing)
    rest.answer = lambda request: (200, {"got": request.body})
    asking = transport(settings)
    assert asking.call("POST", "/x", None, dict, body={"a": 1}, params={"b": "c d"}) == {"got": {"a": 1}}
    assert asking.get("/y", None, dict) == {"got": None}
    assert [piece.partition(b" HTTP/1.1\r\n")[0] for piece in pieces] == [
        b"POST /trade-api/v2/x?b=c+d", b"GET /trade-api/v2/y",
    ]  # fmt: skip
    assert pieces[0].endswith(b'\r\n\r\n{"a":1}')
    asking.close()
