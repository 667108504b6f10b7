"""A run over several markets: a folder that reports and verifies, with totals, and warnings that name their market."""

from __future__ import annotations

import json

import polars as pl
import pytest
from touchline.engine.results.result_files import read_record
from touchline.engine.runs.several import combine, joined_curve, named_notices
from touchline.io.store.store import Store

from ...program import engine
from ..made_books import made_books

MARKETS = ("MADE-00", "MADE-01")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return made_books(tmp_path_factory.mktemp("books") / "data", markets=2, seconds=60)


@pytest.fixture(scope="module")
def multi(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "multi"
    named = [text for market in (*MARKETS, "MADE-00") for text in ("--market", market)]
    done = engine("backtest", "-s", "fixed-spread", *named, "--store", store.path, "--out", out)
    assert done.returncode == 0, done.stderr
    return out, done


def test_it_prints_a_row_a_market_the_total_and_whose_warning_it_is(multi):
    out, done = multi
    rows = {line.split("│")[0].strip(): line for line in done.stdout.splitlines() if "│" in line}
    own = {market: read_record(out / market)["summary"] for market in MARKETS}
    for market in MARKETS:
        assert f"${own[market]['pnl'] / 1e6:,.2f}" in rows[market].replace("-$", "$")
    total = sum(made["pnl"] for made in own.values())
    assert f"${total / 1e6:,.2f}" in rows["total"]
    assert f"{sum(made['fills'] for made in own.values()):,}" in rows["total"]
    assert rows["best market"].split("│")[1].strip().startswith(max(MARKETS, key=lambda name: own[name]["pnl"]))
    assert rows["worst market"].split("│")[1].strip().startswith(min(MARKETS, key=lambda name: own[name]["pnl"]))
    few = [line for line in done.stderr.splitlines() if line.startswith("warning: few-fills")]
    assert len(few) == 1
    assert "(MADE-00: " in few[0]
    assert "; MADE-01: " in few[0]


def test_the_advice_it_prints_is_right(multi):
    out, done = multi
    assert f"engine report {out} makes a page of it" in done.stderr
    assert engine("report", out).returncode == 0
    page = (out / "report.html").read_text()
    for words in ("fixed-spread on 2 markets", "MADE-00", "MADE-01", "best market", "worst market", ">total<"):
        assert words in page
    assert page.index("Warnings") < page.index("In short") < page.index("Market by market")
    shown = engine("summary", out)
    assert (shown.returncode, shown.stdout) == (0, done.stdout)


def test_it_verifies_and_notices_a_market_that_does_not_repeat(multi, tmp_path):
    out, _ = multi
    done = engine("verify", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_record(out)["result_hash"] in done.stdout
    changed = json.loads((out / "MADE-01/run.json").read_text())
    kept = (out / "MADE-01/run.json").read_text()
    (out / "MADE-01/run.json").write_text(json.dumps(changed | {"parameters": {"half_spread": 3.0}}))
    try:
        assert engine("verify", out).returncode == 1
        (out / "MADE-01/checksums.json").rename(out / "MADE-01/away")
        assert engine("verify", out).returncode == 1
        (out / "MADE-01/run.json").write_text(json.dumps(changed | {"market": "MADE-00"}))
        other = engine("verify", out)
        assert (other.returncode, other.stderr.count("\n")) == (2, 1)
        assert "is not the run of MADE-01" in other.stderr
    finally:
        (out / "MADE-01/run.json").write_text(kept)
        (out / "MADE-01/away").rename(out / "MADE-01/checksums.json")


def test_one_document_holds_the_total(store, multi):
    named = [text for market in MARKETS for text in ("-m", market)]
    done = engine("backtest", "-s", "fixed-spread", *named, "--store", store.path, "--json")
    made = json.loads(done.stdout)
    assert made == read_record(multi[0])
    assert [row["ticker"] for row in made["markets"]] == list(MARKETS)
    assert made["total"]["pnl"] == sum(row["summary"]["pnl"] for row in made["markets"])
    parts = ("spread_capture", "drift", "settlement", "rebates")
    assert sum(made["total"][name] for name in parts) - made["total"]["fees"] == made["total"]["pnl"]
    assert made["total"]["by_queue"]["power@3"] == made["total"]["pnl"]
    curve = pl.read_parquet(multi[0] / "equity.parquet")
    assert curve["equity"][-1] == made["total"]["pnl"]


def test_the_joined_curve_is_the_sum_of_the_last_equities():
    first = pl.DataFrame({"ts": [1, 5, 9], "equity": [10, 30, 20]})
    second = pl.DataFrame({"ts": [5, 7], "equity": [-5, -100]})
    assert joined_curve([first, second]).rows() == [(1, 10), (5, 25), (7, -70), (9, -80)]


def record(ticker: str, pnl: int, warned: list[dict[str, str]], queue: str = "power@3") -> dict:
    made = dict.fromkeys(("spread_capture", "drift", "settlement", "rebates", "fees", "cash"), 0)
    made |= {"pnl": pnl, "fills": 1, "volume": 100, "requotes": 2, "refused": 0, "rejected": 0, "position": 0}
    made |= {"by_queue": {queue: pnl}, "settled": True}
    return {"kind": "replay", "strategy": "s", "market": ticker, "markets": [{"ticker": ticker}], "summary": made,
            "result_hash": ticker, "warnings": warned}  # fmt: skip


def test_warnings_are_told_once_with_their_markets():
    records = [record(f"M{n}", n, [{"name": "few-fills", "detail": f"{n} fills"}]) for n in range(7)]
    records[3]["warnings"].append({"name": "book-from-quotes", "detail": ""})
    found = {notice.name: notice.detail for notice in named_notices(records)}
    assert found == {
        "few-fills": "M0: 0 fills; M1: 1 fills; M2: 2 fills; M3: 3 fills; M4: 4 fills; and 2 more",
        "book-from-quotes": "M3",
    }


def test_a_total_by_queue_model_needs_the_same_models_everywhere():
    curve = pl.DataFrame({"ts": [1, 2], "equity": [5, -20]})
    made = combine([record("A", 5, []), record("B", -25, [])], curve)
    assert made["total"]["by_queue"] == {"power@3": -20}
    assert (made["best"], made["worst"], made["total"]["max_drawdown"]) == ("A", "B", 25)
    assert "market" not in made
    other = combine([record("A", 5, []), record("B", -25, [], queue="touch@1")], curve)
    assert "by_queue" not in other["total"]
    assert other["result_hash"] == made["result_hash"]
    assert combine([record("B", -25, []), record("C", 5, [])], curve)["result_hash"] != made["result_hash"]
