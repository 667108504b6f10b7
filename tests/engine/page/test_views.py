"""What the views give: the same as the folders hold, few enough to draw, and one line where something is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline import engine
from touchline.engine.page.columns import MARKS, Question, thinned
from touchline.engine.page.folders import Folders
from touchline.engine.page.opening import OpenResults
from touchline.engine.page.views import results as results_view
from touchline.io.ground.errors import InputError

from ..conftest import hill, write_sweep
from .conftest import Ask

Named = Callable[[str], str]


def test_all_that_lies_in_the_folders_is_listed(ask: Ask, results: Path):
    rows = {row["folder"].removeprefix(f"{results}/"): row for row in ask("results")["rows"]}
    kinds = {name: row["kind"] for name, row in rows.items()}
    assert kinds == {
        "store": "store", "replay": "replay", "both": "replays", "both/MADE-00": "replay", "both/MADE-01": "replay",
        "deep/down/sweep": "sweep",
    }  # fmt: skip
    made = engine.open(results / "replay")
    assert (rows["replay"]["pnl"], rows["replay"]["strategy"]) == (made.summary["pnl"], "fixed-spread")


def test_a_sweep_is_listed_with_what_its_recommended_cell_made(tmp_path: Path):
    write_sweep(tmp_path / "sweep", hill, events=2)
    opened = OpenResults(Folders([tmp_path]))
    listed = lambda: results_view.listed(opened, Question([]))["rows"][0]["pnl"]  # noqa: E731  # short, and local
    assert listed() is None  # not over yet
    (tmp_path / "sweep" / "best_robust.json").write_text('{"cell": 7}')
    made = engine.open(tmp_path / "sweep").cells.filter(pl.col("cell") == 7)["pnl"].sum()
    assert listed() == made != 0


def test_a_damaged_folder_is_a_row_that_says_so(tmp_path: Path, results: Path):
    shutil.copytree(results / "replay", tmp_path / "replay")
    (tmp_path / "replay" / "run.json").write_text("{")
    (found,) = Folders([tmp_path]).list()
    assert found.kind == "damaged"
    assert "run.json" in found.problem


def test_a_result_in_short_has_its_figures_in_words(ask: Ask, named: Named, results: Path):
    shown = ask("result", id=named("replay"))
    assert dict(shown["facts"])["P&L"].startswith(("$", "-$"))
    assert shown["copy"]["python"] == f"engine.open({str(results / 'replay')!r})"
    both = ask("result", id=named("both"))
    assert [row["market"] for row in both["markets"]] == ["MADE-00", "MADE-01"]
    assert ask("result", id=both["markets"][0]["id"])["kind"] == "replay"


def test_results_beside_each_other_tell_what_differs(ask: Ask, named: Named):
    both = f"{named('replay')},{named('both/MADE-01')}"
    told = ask("compare", ids=both)
    assert ["market", "MADE-00", "MADE-01"] in told["settings"]
    assert [row for row in told["same"] if row[0] in ("feed", "post only", "halt")] == [
        ["feed", "0 ms"],
        ["post only", "yes"],
        ["halt", "none"],
    ]
    assert next(row[0] for row in told["figures"]) == "P&L"
    assert "at most 6" in ask("compare", 400, ids=",".join([both] * 4))
    mixed = ask("compare", ids=f"{named('deep/down/sweep')},{named('replay')}")  # one has settings that the other lacks
    assert ["strategy", "avellaneda-stoikov", "fixed-spread"] in mixed["settings"]


def test_a_window_is_what_the_tape_was_and_few_marks(ask: Ask, named: Named, results: Path):
    about = ask("replay", id=named("replay"))
    made = engine.open(results / "replay")
    assert about["fills"]["of"] == made.fills.height > 10
    whole = ask("window", id=named("replay"), **{"from": 0, "to": about["span"] + 1, "px": 50})
    assert len(whole["bid"][0]) == whole["count"] == 50
    assert whole["fills"]["price"] == made.fills["price"].to_list()
    assert whole["curve"]["position"][-1] == made.fills["position"][-1]
    assert whole["curve"]["equity"][-1] == made.equity["equity"][-1]
    at = made.quotes.filter(pl.col("bid").is_not_null())["bid"].unique().to_list()
    shown = {price for price in (*whole["own_bid"][0][0], *whole["own_bid"][0][1]) if price >= 0}
    assert shown <= set(at)
    assert max(len(one) for one in whole["trades"].values() if isinstance(one, list)) <= MARKS
    close = ask("window", id=named("replay"), **{"from": 0, "to": 1_000_000, "px": 20})
    assert close["events"] < 50
    assert "ends before it begins" in ask("window", 400, id=named("replay"), **{"from": 5, "to": 5})


def test_a_moment_and_the_jumps_from_it_follow_the_fills(ask: Ask, named: Named, results: Path):
    fills = engine.open(results / "replay").fills
    event, seen = -1, []
    while (found := ask("jump", id=named("replay"), event=event, to="fill")["event"]) is not None:
        event = found
        seen.append(ask("moment", id=named("replay"), event=event))
    assert [one["position"] for one in seen] == fills["position"].to_list()
    assert [one["fills"] for one in seen] == list(range(1, fills.height + 1))
    origin = int(ask("replay", id=named("replay"))["origin"])
    assert [origin + one["t"] for one in seen] == fills["ts"].to_list()
    back = ask("jump", id=named("replay"), event=event, to="fill", by=-1)["event"]
    assert back == seen[-2]["event"]
    assert "one jumps to" in ask("jump", 400, id=named("replay"), event=1, to="nothing")


def test_why_is_the_explanation_of_the_command(ask: Ask, named: Named, results: Path):
    event = ask("jump", id=named("replay"), event=0, to="fill")["event"] + 3
    told = ask("why", id=named("replay"), event=event)
    moment = ask("moment", id=named("replay"), event=event)["time"]
    said = engine.explain(
        "fixed-spread", "MADE-00", moment, str(results / "store"), params={"half_spread": 1, "size": 5}
    )
    assert told["wanted"] == list(said.wanted)
    assert told["resting"] == said.resting
    assert told["copy"]["command"].startswith("engine explain --strategy fixed-spread --market MADE-00")


def test_a_market_of_a_store_is_looked_into_without_a_replay(ask: Ask, named: Named):
    rows = ask("markets", store=named("store"), words="made-01")["rows"]
    assert rows["ticker"] == ["MADE-01"]
    about = ask("replay", store=named("store"), market="MADE-01")
    last = ask("moment", store=named("store"), market="MADE-01", event=about["events"])
    assert last["event"] == about["events"] - 1
    assert last["bids"][1][0] > 0
    assert "own" not in last
    calendar = ask("data", store=named("store"))["calendar"]
    assert sum(calendar["book"]) > 100
    assert calendar["series"] == ["MADE"]


def test_a_sweep_tells_its_cells_effects_picks_and_evidence(ask: Ask, named: Named):
    name = named("deep/down/sweep")
    about = ask("sweep", id=name)
    assert [axis["name"] for axis in about["axes"]] == ["gamma", "kappa"]
    assert len(about["cells"]["cell"]) == 25
    assert about["robust"] in about["cells"]["cell"]
    alone = ask("sweep", id=name, market=about["markets"][0])
    assert alone["cells"]["pnl"] != about["cells"]["pnl"]
    cell = ask("cell", id=name, cell=about["robust"])
    made = about["cells"]["pnl"][about["cells"]["cell"].index(about["robust"])]
    assert sum(cell["markets"]["pnl"]) == pytest.approx(made * len(about["markets"]))
    assert cell["around"]["cell"][0] == about["robust"]
    luck = ask("luck", id=name)
    assert all(len(row) == 3 and row[2] for row in luck["rows"])
    assert "no cell 99" in ask("cell", 400, id=name, cell=99)


def test_a_sweep_is_shown_market_by_market(ask: Ask, named: Named):
    name = named("deep/down/sweep")
    told = ask("multiples", id=name, figure="pnl", x="gamma", y="kappa")
    about = ask("sweep", id=name, market=told["markets"][0])
    assert told["of"] == len(told["markets"]) == len(about["markets"])
    gamma, kappa = (axis["values"] for axis in about["axes"])
    for row, cell in enumerate(about["cells"]["cell"]):
        i, j = gamma.index(about["cells"]["gamma"][row]), kappa.index(about["cells"]["kappa"][row])
        assert told["tables"][0][j][i] == about["cells"]["pnl"][row], cell
    line = ask("multiples", id=name, figure="pnl", x="gamma", y="")
    assert len(line["tables"][0]) == 1
    assert "no axis" in ask("multiples", 400, id=name, x="nothing")
    assert "no figure" in ask("multiples", 400, id=name, x="gamma", figure="market")


def test_a_store_tells_its_faults_and_its_programs(ask: Ask, named: Named, results: Path):
    told = ask("quality", store=named("store"), series="MADE")
    found = engine.check(str(results / "store"))
    assert (told["of"], told["faults"]) == (len(found.findings), len(found.faults))
    assert sorted(row[1:4] for row in told["rows"]) == sorted(
        [one.ticker, one.check, one.count] for one in found.findings
    )
    assert ask("programs", store=named("store"))["of"] == 0


@pytest.mark.parametrize(
    ("view", "given"), [("results", {}), ("result", {"id": "both"}), ("replay", {"id": "replay"}),
                        ("replay", {"store": "store", "market": "MADE-00"}), ("sweep", {"id": "deep/down/sweep"}),
                        ("compare", {"ids": "both,replay"}), ("data", {"store": "store"}),
                        ("quality", {"store": "store", "series": "MADE"})]
)  # fmt: skip
def test_every_view_says_how_the_same_is_asked_for(ask: Ask, named: Named, view: str, given: dict[str, str]):
    at = {
        key: value if key in ("market", "series") else ",".join(map(named, value.split(",")))
        for key, value in given.items()
    }
    told = ask(view, **at)["copy"]
    assert told["command"].startswith("engine ")
    made = eval(told["python"], {"engine": engine})  # what a user would paste
    if view == "replay" and "id" in given:
        assert made.record["result_hash"]
    if view == "compare":
        assert [one.kind for one in made] == ["replays", "replay"]


def test_what_is_wrong_with_an_address_is_one_line(ask: Ask, named: Named):
    assert "there is no result" in ask("result", 400, id="nothing")
    assert "lacks id=" in ask("result", 400)
    assert "whole number" in ask("cell", 400, id=named("deep/down/sweep"), cell="x")
    assert "holds no bets" in ask("bets", 400, id=named("replay"))
    assert "is no sweep" in ask("sweep", 400, id=named("replay"))
    assert "is no store" in ask("data", 400, store=named("replay"))


def edited(place: Path, results: Path, **given: object) -> OpenResults:
    """A copy of the replay with another record, as a stranger might send it."""
    shutil.copytree(results / "replay", place / "sent")
    (place / "sent" / "checksums.json").unlink()
    record = json.loads((place / "sent" / "run.json").read_text()) | given
    (place / "sent" / "run.json").write_text(json.dumps(record))
    return OpenResults(Folders([place]))


def test_a_stranger_s_record_runs_no_code_and_reaches_no_network(tmp_path: Path, results: Path):
    code = tmp_path / "mine.py"
    code.write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n")
    opened = edited(tmp_path / "a", results, strategy=f"{code}:Mine")
    (found,) = opened.folders.list()
    with pytest.raises(InputError, match="whose code would run"):
        opened.timeline(found.id, None, "")
    assert not (tmp_path / "ran").exists()
    opened = edited(tmp_path / "b", results, store="s3://somewhere/else")
    (found,) = opened.folders.list()
    with pytest.raises(InputError, match="is not there; say where it is now"):
        opened.timeline(found.id, None, "")


def test_a_long_curve_keeps_its_highest_and_lowest_points():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"ts": np.arange(50_000), "equity": rng.normal(size=50_000).cumsum()})
    kept = thinned(frame, "ts", ["equity"])
    assert len(kept["ts"]) <= MARKS + 2
    assert (max(kept["equity"]), min(kept["equity"])) == (frame["equity"].max(), frame["equity"].min())
    assert (kept["ts"][0], kept["ts"][-1]) == (0, 49_999)
