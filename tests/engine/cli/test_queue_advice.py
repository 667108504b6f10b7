"""The queue model that quotes without trades are sent to is one under which orders can fill."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from touchline.engine.cli.app import app
from touchline.engine.cli.console import spelled
from touchline.io.ground.errors import InputError
from typer.testing import CliRunner

TICKER = "KXA-25JUN15-T1"


def test_quotes_alone_fill_under_the_queue_model_that_is_advised(tmp_path: Path) -> None:
    bids = [50 + at % 7 for at in range(300)]
    rows = "".join(f"{1_750_000_000 + 10 * at},{TICKER},{bid},{bid + 2}\n" for at, bid in enumerate(bids))
    (tmp_path / "quotes.csv").write_text("ts,ticker,yes_bid,yes_ask\n" + rows)
    markets = f"ticker,open_time,close_time,result\n{TICKER},2025-06-15T15:00:00Z,2025-06-15T22:00:00Z,yes\n"
    (tmp_path / "markets.csv").write_text(markets)
    store = str(tmp_path / "store")
    run("data", "import", str(tmp_path / "quotes.csv"), str(tmp_path / "markets.csv"), "--store", store)
    told = [
        "backtest",
        "--store",
        store,
        "-m",
        TICKER,
        "--strategy",
        "fixed-spread",
        "--out",
        str(tmp_path / "run"),
        "--json",
    ]
    with pytest.raises(InputError, match="needs level sizes") as raised:
        run(*told, "--queue", "power@3")
    advised = re.search(r"pass (--queue) (\S+),", spelled(str(raised.value)))
    assert advised is not None
    assert json.loads(run(*told, *advised.groups()))["summary"]["fills"] > 0


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout
