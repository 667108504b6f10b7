"""The page's door: who may ask, from where, and what comes with every answer; and how the page is opened."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from touchline import engine
from touchline.engine.page.server import STATIC, Page
from touchline.io.ground.errors import InputError

from .conftest import send

ENGINE = Path(sys.executable).with_name("engine")


def token(page: Page) -> dict[str, str]:
    return {"x-touchline-token": page.door.token}


def test_the_address_lets_a_browser_in_once_and_a_cookie_from_then_on(served: Page):
    first, _ = send(served, "GET", f"/?token={served.door.token}")
    assert (first.status, first.getheader("location")) == (303, "/")
    cookie = first.getheader("set-cookie") or ""
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    after, _ = send(served, "GET", "/api/results", {"cookie": cookie.partition(";")[0]})
    assert after.status == 200


@pytest.mark.parametrize("given", [{}, {"x-touchline-token": "x"}, {"cookie": "touchline-1=x"}, {"cookie": '"'}])
def test_without_the_token_nothing_is_told(served: Page, given: dict[str, str]):
    answer, body = send(served, "GET", "/api/results", given)
    assert answer.status == 403
    assert "engine ui printed" in json.loads(body)["error"]
    wrong, _ = send(served, "GET", "/?token=guess", given)
    assert (wrong.status, wrong.getheader("set-cookie")) == (200, None)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "", "localhost"])
def test_another_host_is_refused_even_with_the_token(served: Page, host: str):
    answer, _ = send(served, "GET", "/api/results", {"host": host, **token(served)})
    assert answer.status == 403


@pytest.mark.parametrize(
    "given", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
              {"sec-fetch-site": "same-site"}]
)  # fmt: skip
def test_a_request_from_another_page_is_refused(served: Page, given: dict[str, str]):
    assert send(served, "GET", "/api/results", {**token(served), **given})[0].status == 403
    assert send(served, "POST", "/api/results", {**token(served), **given})[0].status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_changed_by_a_request_without_the_token(served: Page, results: Path, method: str):
    before = sorted((str(path), path.stat().st_mtime_ns) for path in results.rglob("*"))
    cookie = {"cookie": f"{served.door.cookie}={served.door.token}"}
    assert send(served, method, "/api/results", cookie, b"{}")[0].status == 403
    assert before == sorted((str(path), path.stat().st_mtime_ns) for path in results.rglob("*"))


@pytest.mark.parametrize(
    "path",
    ["/../page.py", "/%2e%2e/page.py", "/app.css/../../page.py", "/static/app.js", "//app.js", "/api/../page.py",
     "/etc/passwd", "/api/nothing"],
)  # fmt: skip
def test_no_file_is_served_but_the_page_s_own(served: Page, path: str):
    assert send(served, "GET", path, token(served))[0].status == 404


def test_every_answer_forbids_what_is_not_the_page_s_own(served: Page):
    for path in ("/", "/app.js", "/api/results", "/nothing"):
        answer, _ = send(served, "GET", path)
        policy = answer.getheader("content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.getheader("x-content-type-options") == "nosniff"
        assert answer.getheader("x-frame-options") == "DENY"
        assert answer.getheader("cache-control") == "no-store"


def test_the_page_names_no_place_but_itself():
    for path in STATIC.iterdir():
        text = path.read_text()
        assert set(re.findall(r"https?://[^\s\"'`)]+", text)) <= {"http://www.w3.org/2000/svg"}, path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|style=\"", text), (
            path.name
        )
        assert len(text.splitlines()) <= 500


def test_it_listens_on_this_machine_alone(served: Page):
    with socket.create_connection(("127.0.0.1", served.door.port), timeout=5):
        pass
    hosts = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for host in (host for host in hosts if not str(host).startswith("127.")):
        with pytest.raises(OSError, match=""), socket.create_connection((host, served.door.port), timeout=1):
            pass


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match="is no folder; name one that holds results"):
        engine.ui(tmp_path / "nothing")
    with pytest.raises(InputError, match="port must be from 0 to 65535"):
        engine.ui(tmp_path, port=70_000)


def test_its_help_does_not_import_the_server():
    script = (
        "import sys; from touchline.engine.cli.app import app\n"
        "try: app(['ui', '--help'], standalone_mode=True)\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.startswith('touchline.engine.page')"
        " or name in ('polars', 'numba', 'websockets')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "--no-browser" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_command_prints_the_address_and_ends_at_a_signal(tmp_path: Path):
    env = {**os.environ, "NO_COLOR": "1"}
    process = subprocess.Popen(
        [ENGINE, "ui", tmp_path, "--no-browser"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "page closed" in said


def test_the_script_on_the_page_about_it_runs(tmp_path: Path):
    page = Path(__file__).parents[3] / "docs/ui.md"
    (body,) = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "results").mkdir()
    done = subprocess.run([sys.executable, "-c", body], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("http://127.0.0.1:")
