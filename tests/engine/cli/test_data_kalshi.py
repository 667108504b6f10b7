from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from touchline.engine.cli import main
from touchline.engine.cli.data.kalshi import _seconds
from touchline.engine.exchanges import Exchange
from touchline.io.ground.errors import InputError

from ..exchanges.conftest import make_history


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["record"], {}, "nothing to record: name markets, or a series with --series"),
        (["record", "T", "--poll", "0"], {}, "--poll must be above 0 seconds, not 0.0"),
        (["record", "T", "--for", "soon"], {}, "'soon' is no span of time; expected such as 90s, 30m, 8h, 2d"),
        (["record", "T", "--store", "s3://b/p"], {}, "name a folder with --journal"),
        (["record", "T"], {}, "the stream needs a key: set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_PATH"),
        (["pull", "--start", "2026-01-01"], {}, "name a series with --series"),
        (["pull", "--series", "X", "--start", "2026-01-40"], {}, "start '2026-01-40' is not an ISO 8601 time"),
        (["pull", "--series", "X", "--start", "2026-01-02", "--end", "2026-01-01"], {}, "is not before end 2026-01-01"),
        (["pull", "--series", "X", "--start", "2999-01-01"], {}, "start 2999-01-01 is not before now"),
        (["scan"], {}, "name a series with --series"),
        (["scan", "--series", "X", "--rate", "0"], {}, "--rate must be above 0"),
        (["scan", "--series", "X", "--rate", "nan"], {}, "--rate must be above 0 requests a second, not nan"),
        (["scan", "--series", "X", "--every", "-1"], {}, "--every must be above 0 seconds"),
        (["scan", "--series", "X", "--top", "0"], {}, "--top at least 1"),
        (["record", "T", "--poll", "nan"], {}, "--poll must be above 0 seconds, not nan"),
        (["scan", "--series", "X"], {"KALSHI_ENV": "prod"}, "expected demo or production"),
        (["scan", "--series", "X"], {"KALSHI_REST_URL": "http://example.com/v2"}, "allowed to this machine only"),
        (["scan", "--series", "X"], {"KALSHI_PRIVATE_KEY_PATH": "none.pem"}, "private key file none.pem"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], environment: dict[str, str], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["engine", "data", *arguments])
    for name in list(os.environ):
        if name.startswith("KALSHI_"):
            monkeypatch.delenv(name)
    for name, value in {"KALSHI_REST_URL": "http://127.0.0.1:9/v2", **environment}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and says in said
    assert said.startswith("error: ") and said.count("\n") == 1
    assert not list(tmp_path.glob("*/journal/*.jsonl")), "nothing is begun that cannot go on"


@pytest.mark.parametrize("name", ["scan", "pull", "record"])
@pytest.mark.parametrize("wrong", ["series", "key", "open key"])
def test_a_wrong_series_or_key_is_said_before_anything_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture, name: str, wrong: str,
) -> None:  # fmt: skip
    """A key that others can read is warned about and used."""
    monkeypatch.chdir(tmp_path)
    options = {"scan": ["--json"], "pull": ["--start", "2026-01-01"], "record": ["--for", "1s", "--no-import"]}
    with Exchange(make_history(), speed=0) as exchange:
        for key, value in exchange.environment.items():
            monkeypatch.setenv(key, value)
        if wrong == "key":
            monkeypatch.setenv("KALSHI_KEY_ID", "another")
        series = "NOSUCH" if wrong == "series" else "KXTEST"
        if wrong == "open key":
            exchange.keys.path.chmod(0o644)
        monkeypatch.setattr(sys, "argv", ["engine", "data", name, "--series", series, *options[name]])
        code: object = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    said = capfd.readouterr().err
    if wrong == "open key":
        assert not code and "run: chmod 600" in caplog.text
        return
    assert code == 2 and said.count("\n") == 1
    assert said.startswith(
        "error: there is no series NOSUCH" if wrong == "series" else "error: the exchange answered 401"
    )
    assert not list(tmp_path.glob("*/journal/*.jsonl"))


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800)])
def test_spans_of_time(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-5m", "0", "nan", "1e99", "5 w"])
def test_what_is_no_span_of_time(text: str) -> None:
    with pytest.raises(InputError, match="no span of time"):
        _seconds(text)
