"""Tables of one's own in a pipeline: known from their publication on, named by scorers, filters and models."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from touchline.engine.bets.backtest import backtest, run_grid, score_panel
from touchline.engine.bets.panel import panel as panel_module
from touchline.engine.bets.panel.panel import Panel
from touchline.engine.bets.panel.scratch import Scratch
from touchline.engine.bets.results import BetsResult, run_record
from touchline.engine.results.result_files import read_record
from touchline.engine.runs.result import Result
from touchline.io.ground.errors import InputError
from touchline.strategies.pipeline.pipeline import load_pipeline, pipeline_of, recorded_pipeline

from ...engine.made_books import SECOND, made_books
from ...engine.made_books import START as BOOKS
from .test_pipeline import HOUR, some_panel

START = 1_704_067_200 * 10**9  # 2024
BARS = 60


def dated_panel(bars=BARS, markets=4) -> Panel:
    panel = some_panel(bars, markets, seed=2)
    moved = panel.markets.with_columns(pl.col("open_ts", "close_ts") + START, series=pl.Series(list("ABBC")))
    return replace(panel, times=panel.times + START, markets=moved)


def stamp(ns: int) -> str:
    return datetime.fromtimestamp(ns // 10**9, UTC).isoformat()


def prepared(folder, text, **given):
    (folder / "table.csv").write_text(text)
    made = (
        pipeline_of({"tables": [given], "scorer": {"name": "momentum"}}, "p", folder).tables[0].prepare(dated_panel())
    )
    return {name: dated_panel().matrix_of(values) for name, values in made.items()}


releases = st.lists(
    st.tuples(st.integers(-5, (BARS + 5) * 60), st.none() | st.integers(-9, 9)), min_size=1, max_size=12
)


@settings(deadline=None)
@given(rows=releases, late=releases, age=st.sampled_from([0, 5]))
def test_a_bar_knows_what_was_published_by_its_close_and_nothing_else(tmp_path_factory, rows, late, age):
    folder = tmp_path_factory.mktemp("table")

    def known(rows):
        lines = [f"{stamp(START + minute * 60 * 10**9)},{'' if x is None else x}" for minute, x in rows]
        return prepared(folder, "published,x\n" + "\n".join(lines) + "\n", max_age_hours=age)["x"]

    found, close = known(rows), [(t + 1) * 60 for t in range(BARS)]
    for t, now in enumerate(close):
        told = [(minute, place, x) for place, (minute, x) in enumerate(rows) if x is not None and minute <= now]
        if age:
            told = [one for one in told if max(told)[0] >= now - age * 60]
        expected = float(max(told)[2]) if told else np.nan
        np.testing.assert_array_equal(found[t], np.full(4, expected))
    cut = 30
    after = [(minute, x) for minute, x in late if minute > close[cut - 1]]
    np.testing.assert_array_equal(known(rows + after)[:cut], found[:cut])


def test_a_table_speaks_of_some_markets(tmp_path):
    text = f"published,series,x\n{stamp(START + 5 * HOUR)},B,7\n{stamp(START + 9 * HOUR)},C,8\n{stamp(START)},Z,9\n"
    found = prepared(tmp_path, text, by="series", prefix="us_")["us_x"]
    assert np.isnan(found[:, 0]).all()
    assert np.isnan(found[:4, 1:3]).all()
    assert (found[4:, 1:3] == 7).all()
    assert np.isnan(found[:8, 3]).all()
    assert (found[8:, 3] == 8).all()
    with pytest.raises(InputError, match=r"no row of .*table\.csv is about event of these markets; it has Z, B, C"):
        prepared(tmp_path, text.replace("series", "event"), by="event")


@pytest.fixture
def folder(tmp_path):
    """A release that turns the sign of what is bet on, a scorer, a filter and a model that read it."""
    (tmp_path / "news.csv").write_text(
        f"at,mood,note\n{stamp(START + 10 * HOUR)},0.05,up\n{stamp(START + 40 * HOUR)},-0.05,down\n"
    )
    (tmp_path / "own.py").write_text(
        "import numpy as np\nimport polars as pl\n"
        "from touchline.strategies.pipeline.pipeline import Filter, Scorer, Table\n"
        "class Mood(Scorer):\n    '''The mood.'''\n    def score(self):\n        return pl.col('news_mood')\n"
        "class Bold(Filter):\n    '''Only when bold.'''\n    def keep(self):\n        return pl.col('news_mood') > 0\n"
        "class Clock(Table):\n    '''The bar.'''\n    def prepare(self, panel):\n"
        "        shape = (len(panel.times), panel.markets.height)\n"
        "        return {'tick': np.broadcast_to(np.arange(shape[0])[:, None], shape)}\n"
    )
    table = "[[tables]]\nfile = 'news.csv'\npublished = 'at'\ncolumns = 'mood'\nprefix = 'news_'\n"
    (tmp_path / "own.toml").write_text(table + "[scorer]\nname = 'own.py:Mood'\n[selector]\nmin_score = 0.01\n")
    (tmp_path / "bold.toml").write_text(table + "[[filters]]\nname = 'own.py:Bold'\n[scorer]\nname = 'own.py:Mood'\n")
    (tmp_path / "model.toml").write_text(
        table + "[scorer]\nname = 'onnx'\nfile = 'm.onnx'\nfeatures = 'mark,news_mood'\ngives = 'edge'\n"
    )
    (tmp_path / "clock.toml").write_text("[[tables]]\nname = 'own.py:Clock'\n[scorer]\nname = 'momentum'\n")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])
    second = [
        helper.make_node("Constant", [], ["one"], value_int=1),
        helper.make_node("Gather", ["x", "one"], ["y"], axis=1),
    ]
    graph = helper.make_graph(second, "second", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "m.onnx")
    return tmp_path


def test_scorers_filters_and_models_read_a_table(folder):
    panel = dated_panel()
    scored = panel.matrix_of(score_panel(panel, load_pipeline(folder / "own.toml")).score)
    assert (scored[:9] == 0).all()
    assert (scored[9:39] == 500).all()
    assert (scored[39:] == -500).all()
    again = score_panel(panel, load_pipeline(folder / "model.toml")).score
    np.testing.assert_array_equal(panel.matrix_of(again), scored)
    passed = score_panel(panel, load_pipeline(folder / "bold.toml")).passed
    assert passed is not None
    passed = panel.matrix_of(passed)
    assert (np.flatnonzero((passed == 0).all(axis=1)) == np.arange(9, 39)).all()
    assert load_pipeline(folder / "clock.toml").tables[0].prepare(panel)["tick"][7, 0] == 7


def test_a_run_with_tables_is_recorded_cut_and_swept(folder):
    panel = dated_panel()
    pipeline = load_pipeline(folder / "own.toml").with_values(max_positions=9, max_hold_hours=4)
    whole = backtest(panel, pipeline)
    assert {int(side) for side in whole.run.trades["side"]} == {1, -1}
    early = backtest(panel.until(35), pipeline)
    early_score, score = (one.panel.matrix_of(one.scored.score) for one in (early, whole))
    np.testing.assert_array_equal(early_score, score[:35])
    np.testing.assert_array_equal(early.run.curve, whole.run.curve[:35])
    again = recorded_pipeline(pipeline.as_dict())
    assert again.as_dict() == pipeline.as_dict()
    np.testing.assert_array_equal(backtest(panel, again).run.curve, whole.run.curve)
    cells = [{"max_age_hours": 0}, {"max_age_hours": 3}]
    grid = run_grid(panel, pipeline, cells).frame
    alone = [backtest(panel, pipeline, options=cell) for cell in cells]
    assert grid["pnl"].to_list() == pytest.approx([one.run.pnl / 1e6 for one in alone])
    assert grid["trades"][0] > grid["trades"][1] > 0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"file": "none.csv"}, "there is no table"),
        ({"columns": "tone"}, "has no column 'tone'; it has at, mood, note"),
        ({"columns": ""}, r"news\.csv, line 2: note 'up' cannot be read; name the columns that are numbers"),
        ({"prefix": "", "published": "mood", "columns": "at"}, r"news\.csv, line 2: "),
        ({"colums": "mood"}, "dated: there is no parameter 'colums'; did you mean 'columns'"),
        ({"by": "city"}, "dated: by is one of all, ticker"),
    ],
)
def test_what_is_wrong_with_a_table_is_one_line(folder, table, message):
    told = {"file": "news.csv", "published": "at", "columns": "mood"} | table
    with pytest.raises(InputError, match=message) as caught:
        score_panel(dated_panel(), pipeline_of({"tables": [told], "scorer": {"name": "momentum"}}, "p", folder))
    assert "\n" not in str(caught.value)


def test_a_column_is_named_once(folder):
    (folder / "mark.csv").write_text(f"published,mark\n{stamp(START)},1\n")
    document = {"tables": [{"file": "mark.csv"}], "scorer": {"name": "momentum"}}
    with pytest.raises(InputError, match="has a column 'mark' already; give the new one another name or a prefix"):
        score_panel(dated_panel(), pipeline_of(document, "p", folder))
    with pytest.raises(InputError, match=r"tables are a list; write \[\[tables\]\] above each"):
        pipeline_of({**document, "tables": {"file": "mark.csv"}}, "p", folder)


def test_a_recorded_run_is_the_same_until_the_table_changes(folder, tmp_path):
    store = made_books(tmp_path / "store", markets=3)
    (folder / "news.csv").write_text(f"at,mood\n{stamp(BOOKS)},0.05\n{stamp(BOOKS + 300 * SECOND)},-0.05\n")
    pipeline = load_pipeline(folder / "own.toml").with_values(step_minutes=1, max_hold_hours=0.05)
    found = BetsResult(backtest(store, pipeline))
    record = read_record(Result(found.recorded).write(tmp_path / "out"))
    assert len(found.found.run.trades) > 2
    assert run_record(record).result_hash == record["result_hash"]
    (folder / "news.csv").write_text(f"at,mood\n{stamp(BOOKS)},0.05\n")
    assert run_record(record).result_hash != record["result_hash"]


def test_files_and_blocks_change_nothing(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    lines = [f"{stamp(START + int(m) * 60 * 10**9)},{'ABC'[m % 3]},{m}" for m in rng.integers(0, BARS * 60, 40)]
    (tmp_path / "table.csv").write_text("published,series,x\n" + "\n".join(lines) + "\n")
    document = {"tables": [{"file": "table.csv", "by": "series"}], "scorer": {"name": "momentum"}}
    table, panel = pipeline_of(document, "p", tmp_path).tables[0], dated_panel()
    whole = table.prepare(panel)["x"]
    monkeypatch.setattr(panel_module, "BLOCK_ROWS", BARS)  # a block of one market
    parts = table.prepare(replace(panel, folder=Scratch("table-")))["x"]
    assert isinstance(parts, np.memmap)
    np.testing.assert_array_equal(parts, whole)
    assert np.isfinite(whole).mean() > 0.8
    some = panel.markets.with_columns(series=pl.Series([None, "A", None, "C"]))
    told = table.prepare(replace(panel, markets=some))["x"]
    told, whole = panel.matrix_of(told), panel.matrix_of(whole)
    assert np.isnan(told[:, [0, 2]]).all()
    np.testing.assert_array_equal(told[:, [1, 3]], whole[:, [0, 3]])


def test_a_scorer_of_ones_own_reads_every_column_that_the_page_names(folder):
    page = (Path(__file__).resolve().parents[3] / "docs" / "features.md").read_text()
    rows = re.findall(r"^\| (`.*?) \|", page.split("## Panel columns")[1].split("##")[0], re.MULTILINE)
    named = re.findall(r"`(\w+)`", " ".join(rows))
    panel = dated_panel()
    assert sorted(named) == sorted(panel.known())
    asked = [*(name.replace("_N", "_3") for name in named), "news_mood"]
    (folder / "every.py").write_text(
        "import polars as pl\nfrom touchline.strategies.pipeline.pipeline import Scorer\n"
        "class Every(Scorer):\n    '''How much is known.'''\n    def score(self):\n"
        f"        known = [pl.col(name).is_not_null() for name in {asked!r}]\n"
        "        return pl.sum_horizontal(known) / 100\n"
    )
    (folder / "every.toml").write_text((folder / "own.toml").read_text().replace("own.py:Mood", "every.py:Every"))
    scored = panel.matrix_of(score_panel(panel, load_pipeline(folder / "every.toml")).score)
    unknown = {"bid_lots", "ask_lots", "previous_rate"}  # of this panel
    assert scored[30, 0] == 100 * (len(asked) - len(unknown))
