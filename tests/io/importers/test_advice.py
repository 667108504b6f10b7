"""What an importer advises is followed to the letter, and then the import does what was meant.

Every line of the importers that names an option and says what to do with it has a case here.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import touchline.io.importers.base
from touchline.engine.cli.console import spelled
from touchline.engine.cli.data.app import app
from touchline.io.ground.errors import CheckError, InputError
from touchline.io.store.store import Store
from typer.testing import CliRunner

T = "2025-06-15T15:06:4"


@dataclass(frozen=True)
class Advice:
    """A file, the options it is imported with first, the advice that comes, and what following it brings."""

    text: str | bytes
    line: str  # what the line in the code holds, {} where it has a value
    advice: str  # a pattern whose groups, or all of it, are put on the command line
    brings: Callable[[Store], object]
    expected: object
    given: str = ""
    name: str = "in.csv"
    filled: str = ""  # what a person puts where the advice has a blank
    before: str = ""  # what was imported before
    named: str = ""  # from a file of this name; of the same name if empty
    code: int = 0


def tickers(table: str) -> Callable[[Store], object]:
    return lambda store: store.tickers(table)


def prices(table: str) -> Callable[[Store], object]:
    return lambda store: sorted(store.table(table).collect()["price"].to_list())


def parquet(frame: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()


LEVEL = pl.List(pl.Struct({"1": pl.Float64, "2": pl.Float64}))
ARCHIVE = parquet(
    pl.DataFrame({
        "timestamp": [1750000000_000_000], "market_ticker": ["A-1"], "event_type": ["orderbook_snapshot"],
        "yes_bids": pl.Series([[{"1": 0.47, "2": 3.0}]], dtype=LEVEL), "no_bids": pl.Series([[]], dtype=LEVEL),
        "price": pl.Series([None], dtype=pl.Float64), "delta": pl.Series([None], dtype=pl.Float64),
        "side": pl.Series([None], dtype=pl.String),
    })
)  # fmt: skip
CONTRACTS = f"ts,ticker,price\n{T}0Z,KXA-T1,0.4\n{T}0Z,KXA-T2,0.6\n"
TOKENS = f"ts,contract,price,size\n{T}0Z,one,0.47,1\n{T}1Z,two,0.63,1\n"
HEAD = "ts,ticker,price,size\n"
LOW = "".join(f"{T}{second}Z,KXA-T1,{0.4 + second / 100},1\n" for second in range(3))
SNAPSHOT = (
    '{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXA-T1","ts":1750000000,'
    '"no_dollars_fp":[["0.7000","5.00"]]}}\n'
)
ADVICES = {
    "an index without a name": Advice(
        f"ts,value\n{T}0Z,4000\n", "does not name its underlying; pass underlying=", r"pass (--underlying), such as (SPX)",
        tickers("underlying"), ["SPX"],
    ),
    "an index by the name of its file": Advice(
        f"ts,value\n{T}0Z,4000\n", "the underlying is {}, from the file's name; underlying= says otherwise",
        r"(--underlying) says otherwise", tickers("underlying"), ["ABC"], name="spx.csv", filled="ABC",
    ),
    "contracts are no index": Advice(
        CONTRACTS, "{} holds several names, {}; map={'symbol': {}} makes each an underlying of its own",
        r"(--map symbol=ticker) makes", tickers("underlying"), ["KXA-T1", "KXA-T2"],
    ),
    "contracts are no index, whatever it is called": Advice(
        CONTRACTS, "of which underlying= would make one index", r"(--map symbol=ticker) makes", tickers("underlying"),
        ["KXA-T1", "KXA-T2"], "--underlying SPX",
    ),
    "two indices are not one": Advice(
        f"ts,symbol,value\n{T}0Z,SPX,4000\n{T}0Z,NDX,9000\n", "map={'symbol': {}} makes each",
        r"(--map symbol=symbol) makes", tickers("underlying"), ["NDX", "SPX"], "--underlying SPX",
    ),
    "a spot price without a symbol": Advice(
        f"ts,ticker,yb,ya,spot\n{T}0Z,KXA-T1,40,42,4000\n", "the spot price has no symbol and is not taken; pass underlying=",
        r"pass (--underlying)", tickers("underlying"), ["SPX"], filled="SPX",
    ),
    "trades without a market": Advice(
        f"ts,price,size\n{T}0Z,0.47,1\n", "pass ticker=", r"pass (--ticker)", tickers("trades"), ["KXA-T1"],
        filled="KXA-T1",
    ),
    "trades of two tokens": Advice(
        TOKENS, "pass map={'ticker': {}}, which holds several names", r"pass (--map ticker=contract), which",
        tickers("trades"), ["one", "two"],
    ),
    "trades of two tokens are not one market": Advice(
        TOKENS, "{} holds several names, of which ticker= would make one market; map={'ticker': {}} keeps them apart",
        r"(--map ticker=contract) keeps", tickers("trades"), ["one", "two"], "--ticker KXA-T1",
    ),
    "times without a zone": Advice(
        f"{HEAD}{T.replace('T', ' ')}0,KXA-T1,0.47,1\n", "; tz= says otherwise", r"(--tz) says otherwise",
        lambda store: store.trades().collect()["ts"].to_list(), [1750014400 * 10**9], filled="America/New_York",
    ),
    "cents or dollars": Advice(
        f"{HEAD}{T}0Z,KXA-T1,1,1\n{T}1Z,KXA-T1,1,1\n", "{}{} {}: cents or dollars? Pass price_unit=",
        r"or (--price-unit dollars)", prices("trades"), [10_000, 10_000],
    ),
    "cents or dollars of polls": Advice(
        '{"ts":1750000000,"ticker":"KXA-T1","orderbook":{"yes":[[0.1,5],[0.2,5]],"no":[]}}\n',
        "{}: the levels hold nothing but tenths: cents or dollars?", r"(--price-unit cents)", prices("book"), [0, 10, 20],
        name="in.jsonl",
    ),
    "a unit that the store contradicts": Advice(
        f"{HEAD}{LOW}", "the store holds it at about {} cents then: cents or dollars?", r"Pass (--price-unit cents)",
        prices("trades"), [40, 40, 41, 42, 1030], before=f"{HEAD}{T}0Z,KXA-T1,0.4,2\n2025-06-14,KXA-T1,10.3,2\n",
        named="sister.csv",
    ),
    "books whose changes do not say the unit": Advice(
        ARCHIVE, "prices are taken to be in dollars; price_unit='cents' says otherwise", r"(--price-unit cents) says otherwise",
        prices("book"), [0, 47], name="in.parquet",
    ),
    "levels of the NO side in an archive": Advice(
        f"ts_recv,ticker,side,price,size,is_snapshot\n{T}0Z,KXA-T1,no,0.73,1,true\n",
        "NO levels are taken to be in NO prices; use_yes_price=True says otherwise", r"(--use-yes-price) says otherwise",
        prices("book"), [0, 7300],
    ),
    "levels of the NO side in a capture": Advice(
        SNAPSHOT, "NO levels are taken to be in NO prices (as use_yes_price=False asks for them; use_yes_price=True says",
        r"(--use-yes-price) says otherwise", prices("book"), [0, 7000], name="in.jsonl",
    ),
    "the price of an own fill": Advice(
        f"ts,ticker,side,price,count,order_id\n{T}0Z,KXA-T1,no,30,1,o-1\n", "use_yes_price=True says otherwise",
        r"(--use-yes-price) says otherwise", prices("own_fills"), [3000],
    ),
    "own bets without prices": Advice(
        f"ts,ticker,side,paid,n,won\n{T}0Z,KXA-T1,yes,40,1,1\n", "too: name it with map=, or the format with format=",
        r"name it with (--map)", prices("own_fills"), [4000], filled="price=paid,count=n",
    ),
    "polls without a time": Advice(
        '{"when":"' + T + '0Z","ticker":"KXA-T1","orderbook":{"yes":[[40,5]],"no":[[50,5]]}}\n'
        '{"ts":"' + T + '0Z","note":"started"}\n',
        "the polls carry no time; name it with map={'ts': '…'}", r"name it with (--map) 'ts=…'", tickers("book"), ["KXA-T1"],
        name="in.jsonl", filled="ts=when", code=1,
    ),
    "columns of another name": Advice(
        f"ts,ticker,paid,size\n{T}0Z,KXA-T1,0.47,1\n", "name columns with map= or the format with format=",
        r"name columns with (--map)", tickers("trades"), ["KXA-T1"], filled="price=paid",
    ),
    "columns that a format needs": Advice(
        f"ts,ticker,paid,size\n{T}0Z,KXA-T1,0.47,1\n", "{}: format {} needs {}; {}; see map=", r"see (--map)",
        tickers("trades"), ["KXA-T1"], "--format trades", filled="price=paid",
    ),
    "a history of prices": Advice(
        '{"history":[{"t":1750000000,"p":0.4}]}', "read it as an underlying: format='underlying', map=",
        r"(--format underlying --map ts=t,value=p --underlying NAME)", tickers("underlying"), ["NAME"], name="in.json",
    ),
    "events without an index": Advice(
        "Time,Competitor,Operation,OrderId,Instrument,Side,Volume,Price,Lifespan,Fee\n"
        "2023-04-10 13:31:01+00:00,,Insert,1,1,A,5,5700.0,G,0\n",
        "no index tick before the first event; pass ticker=", r"pass (--ticker)", tickers("book"), ["MINE"], filled="MINE",
    ),
    "a grown file that began with bad rows": Advice(
        f"{HEAD}{LOW}x,KXA-T1,0.4,1\n{T}9Z,KXA-T1,0.45,1\n", "records of it quarantined; take that one back first: engine data",
        r"engine data (forget \S+ --yes)", lambda store: store.trades().collect().height, 4,
        before=f"{HEAD}{LOW}x,KXA-T1,0.4,1\n", code=1,
    ),
    "a grown file that ended in the middle of a line": Advice(
        f"{HEAD}{LOW}".rstrip() + "5\n", "ended in the middle of a line; take that one back first: engine data", r"engine data (forget \S+ --yes)",
        lambda store: store.trades().collect()["size"].to_list(), [100, 100, 1500], before=f"{HEAD}{LOW}".rstrip(),
    ),
    "a grown file that gives less now": Advice(
        f"{HEAD}{LOW}{T}8Z,KXA-T1,45,1\n{T}9Z,KXA-T1,10.3,1\n", "but gives fewer rows now; take that one back first: engine data",
        r"engine data (forget \S+ --yes)", prices("trades"), [4500], "--price-grid linear_cent", before=f"{HEAD}{LOW}", code=1,
    ),
}  # fmt: skip
#: Lines that name an option and advise nothing; and what is followed in tests of its own.
OTHERS = {
    "named by format=": "says why",
    "map= names {}, which the file does not have": "a fault",
    "the first rows do not say the unit; pass price_unit=": "test_a_row_whose_unit_the_first_part_left_open",
}


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, list(arguments))
    if code and isinstance(done.exception, CheckError):
        return done.stderr
    if done.exception is not None:
        raise done.exception
    return done.stderr


def said(*arguments: str) -> str:
    """Return what a command says, or the error that ends it, as the command line shows it."""
    try:
        return run(*arguments)
    except (InputError, CheckError) as error:
        return spelled(str(error))


@pytest.mark.parametrize("case", ADVICES)
def test_advice_leads_where_it_says(tmp_path: Path, case: str) -> None:
    one = ADVICES[case]
    (tmp_path / "in").mkdir()
    path, folder = tmp_path / "in" / one.name, str(tmp_path / "store")
    if one.before:
        before = path.with_name(one.named or one.name)
        before.write_text(one.before)
        run("import", str(before), "--store", folder, *shlex.split(one.given), code=one.code)
    path.write_bytes(one.text if isinstance(one.text, bytes) else one.text.encode())
    message = said("import", str(path), "--store", folder, *shlex.split(one.given))
    assert re.search(pattern_of(one.line), message), message
    found = re.search(one.advice, message)
    assert found is not None, message
    follow = [word for group in found.groups() for word in shlex.split(group)]
    follow += [one.filled] if one.filled else []
    if follow[0] == "forget":
        run(*follow, "--store", folder)
        follow = []
    elif message.startswith("in") or "says otherwise" in message or "pass --underlying\n" in message:
        folder = str(tmp_path / "again")  # the import went through as it was said
    given = [] if "--underlying" in one.given or "--ticker" in one.given else shlex.split(one.given)
    again = run("import", str(path), "--store", folder, *given, *follow, code=one.code)
    assert not re.search(one.advice, again)
    assert one.brings(Store(folder)) == one.expected


def test_a_row_whose_unit_the_first_part_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("touchline.io.importers.values.lines.BLOCK_BYTES", 40)
    path = tmp_path / "q.csv"
    path.write_text("ts,ticker,bid,ask\n" + f"{T}0Z,KXA-T1,0,0\n" * 9 + f"{T}1Z,KXA-T1,0.57,0.58\n")
    found = re.search(
        r"first rows do not say the unit; pass (--price-unit)",
        run("import", str(path), "--store", str(tmp_path / "a"), code=1),
    )
    assert found is not None
    run("import", str(path), "--store", str(tmp_path / "b"), found[1], "dollars")
    assert Store(tmp_path / "b").quotes().collect()["bid"].drop_nulls().to_list() == [5700]


#: An argument as messages name it, anywhere but at their beginning, or an option of a command that they give.
_NAMED = re.compile(
    r"(?<=[^\w.'\"-])((map|format|price_grid|journal|price_unit|scale|seed|size_unit|ticker|tz|underlying|use_yes_price)="
    r"(?=['{TF ,;]|$)|--[a-z])"
)


def test_every_line_that_advises_an_option_is_followed() -> None:
    root = Path(touchline.io.importers.base.__file__).parent
    lines = [line for path in sorted(root.rglob("*.py")) for line in messages(ast.parse(path.read_text()))]
    advising = [line for line in lines if " " in line.strip() and _NAMED.search(line)]
    assert len(advising) > 25
    followed = [one.line for one in ADVICES.values()] + [*OTHERS]
    assert [line for line in advising if not any(part in line for part in followed)] == []
    assert [part for part in followed if not any(part in line for line in advising)] == []


def messages(tree: ast.AST) -> Iterator[str]:
    """Give the texts of a module as they are written, with {} where a value stands; no docstrings."""
    inner = set[int]()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            inner |= {id(part) for part in node.values}
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(node.body[0], ast.Expr):
            inner.add(id(node.body[0].value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            yield node.value


def pattern_of(line: str) -> str:
    """Turn what a line of the code holds into what the command line shows of it."""
    shown = spelled(re.sub(r"\{'(\w+)': \{\}\}", r"{'\1': 'VALUE'}", line))
    return re.escape(shown).replace(r"\{\}", ".*").replace("VALUE", ".*")
