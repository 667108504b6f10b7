"""What an error advises is followed to the letter, and then the import does what was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from touchline.engine.cli.data.app import app
from touchline.io.ground.errors import InputError
from touchline.io.store.store import Store
from typer.testing import CliRunner

T = "2025-06-15T15:06:4"


@dataclass(frozen=True)
class Advice:
    """A file, the options it is imported with first, the advice that comes, and what following it brings."""

    text: str
    advice: str  # a pattern of which the first group, or all of it, is put on the command line
    brings: Callable[[Store], object]
    expected: object
    given: str = ""
    name: str = "in.csv"
    filled: tuple[str, str] = ("", "")  # a placeholder of the advice and what a person puts there


def tickers(table: str) -> Callable[[Store], object]:
    return lambda store: store.tickers(table)


CONTRACTS = f"ts,ticker,price\n{T}0Z,KXA-T1,0.4\n{T}0Z,KXA-T2,0.6\n"
TOKENS = f"ts,contract,price,size\n{T}0Z,one,0.47,1\n{T}1Z,two,0.63,1\n"
ADVICES = {
    "an index without a name": Advice(
        f"ts,value\n{T}0Z,4000\n", r"pass (--underlying), such as (SPX)", tickers("underlying"), ["SPX"]
    ),
    "contracts are no index": Advice(CONTRACTS, r"(--map symbol=ticker) makes", tickers("underlying"), ["KXA-T1", "KXA-T2"]),
    "contracts are no index, whatever it is called": Advice(
        CONTRACTS, r"(--map symbol=ticker) makes", tickers("underlying"), ["KXA-T1", "KXA-T2"], "--underlying SPX"
    ),
    "two indices are not one": Advice(
        f"ts,symbol,value\n{T}0Z,SPX,4000\n{T}0Z,NDX,9000\n",
        r"(--map symbol=symbol) makes", tickers("underlying"), ["NDX", "SPX"], "--underlying SPX",
    ),
    "trades without a market": Advice(
        f"ts,price,size\n{T}0Z,0.47,1\n", r"pass (--ticker)", tickers("trades"), ["KXA-T1"], filled=("", "KXA-T1")
    ),
    "trades of two tokens": Advice(TOKENS, r"pass (--map ticker=contract), which", tickers("trades"), ["one", "two"]),
    "trades of two tokens are not one market": Advice(
        TOKENS, r"(--map ticker=contract) keeps", tickers("trades"), ["one", "two"], "--ticker KXA-T1"
    ),
    "cents or dollars": Advice(
        f"ts,ticker,price,size\n{T}0Z,KXA-T1,1,1\n{T}1Z,KXA-T1,1,1\n",
        r"or (--price-unit dollars)", lambda store: store.trades().collect()["price"].to_list(), [10_000, 10_000],
    ),
    "polls without a time": Advice(
        '{"when":"' + T + '0Z","ticker":"KXA-T1","orderbook":{"yes":[[40,5]],"no":[[50,5]]}}\n',
        r"name columns with (--map)", tickers("book"), ["KXA-T1"], name="in.jsonl", filled=("", "ts=when"),
    ),
    "columns of another name": Advice(
        f"ts,ticker,paid,size\n{T}0Z,KXA-T1,0.47,1\n",
        r"name columns with (--map)", tickers("trades"), ["KXA-T1"], filled=("", "price=paid"),
    ),
    "a history of prices": Advice(
        '{"history":[{"t":1750000000,"p":0.4}]}', r"(--format underlying --map ts=t,value=p --underlying NAME)",
        tickers("underlying"), ["NAME"], name="in.json",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ADVICES)
def test_advice_leads_where_it_says(tmp_path: Path, case: str) -> None:
    one = ADVICES[case]
    (tmp_path / "in").mkdir()
    path, folder = tmp_path / "in" / one.name, str(tmp_path / "store")
    path.write_text(one.text)
    with pytest.raises(InputError) as raised:
        run("import", str(path), "--store", folder, *shlex.split(one.given))
    found = re.search(one.advice, str(raised.value))
    assert found is not None, str(raised.value)
    follow = [word for group in found.groups() for word in shlex.split(group)]
    follow += [one.filled[1]] if one.filled[1] else []
    run("import", str(path), "--store", folder, *follow)
    assert one.brings(Store(folder)) == one.expected


NOTED = {
    "--tz": (f"ts,ticker,price,size\n{T.replace('T', ' ')}0,KXA-T1,0.47,1\n", "--tz America/New_York"),
    "--use-yes-price": (
        '{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXA-T1","ts":1750000000,'
        '"no_dollars_fp":[["0.7000","5.00"]]}}\n', "--use-yes-price",
    ),
}  # fmt: skip


@pytest.mark.parametrize("option", NOTED)
def test_what_an_option_is_said_to_decide_it_decides(tmp_path: Path, option: str) -> None:
    text, follow = NOTED[option]
    path = tmp_path / "in.csv"
    path.write_text(text)
    said = run("import", str(path), "--store", str(tmp_path / "a"))
    assert f"{option} says otherwise" in said
    assert "says otherwise" not in run("import", str(path), "--store", str(tmp_path / "b"), *shlex.split(follow))
    a, b = (Store(tmp_path / name) for name in "ab")
    if option == "--tz":
        assert b.trades().collect()["ts"][0] - a.trades().collect()["ts"][0] == 4 * 3600 * 10**9
    else:
        assert (a.book().collect()["price"].to_list(), b.book().collect()["price"].to_list()) == ([0, 3000], [0, 7000])


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stderr
