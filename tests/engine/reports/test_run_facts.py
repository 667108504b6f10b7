"""A replay in words: one definition a figure, and units that a person uses."""

from __future__ import annotations

import html
import re

import pytest
from touchline.engine.cli.tell.runs import tell_replay
from touchline.engine.reports.told.asked import run_asked
from touchline.engine.reports.told.run_facts import data_facts, queue_rows, run_facts
from touchline.engine.runs.replayed import recorded, run_settings, settings_of
from touchline.engine.runs.result import Result
from touchline.engine.simulator.assumptions.venue import Assumptions

from ..made_books import made_books


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = made_books(tmp_path_factory.mktemp("books") / "data", markets=1, seconds=300)
    settings = settings_of("fixed-spread", "MADE-00", store.path, {"skew": 0.1}, Assumptions(queue="power@3"))
    run = run_settings(settings)
    folder = tmp_path_factory.mktemp("run")
    result = Result(recorded(run, settings))
    return run, result.record, result.written(folder)


def test_figures_are_told_in_contracts_dollars_and_time(made):
    run, record, _ = made
    told = dict(run_facts(record))
    held = record["summary"]["quoting"]["inventory"]
    assert told["P&L"] == f"${run.totals.pnl / 1e6:,.2f}"
    assert told["fills"] == f"{run.totals.fills:,}"
    assert told["traded"] == f"{run.totals.volume / 100:g} contracts"
    assert told["position on average, without sign"] == f"{held['mean_abs'] / 100:.2f} contracts"
    assert told["largest position"] == f"{held['max_abs'] / 100:g} contracts"
    assert told["contracts times hours held"] == f"{held['lot_hours'] / 100:.2f}"
    assert told["half-life of the position"].endswith(("seconds", "minutes"))
    assert told["filled of what was posted"].endswith(" %")
    assert re.fullmatch(r"[+-]\d+\.\d\d c", told["the mid 10 s after a fill"])
    assert dict(data_facts(record))["time with a known book"] == "100.0 % of 5 minutes"
    asked = {one.name: one for group in run_asked(record) for one in group.settings}
    assert asked["skew"][1:] == ("0.1", asked["skew"].means, False)
    assert asked["requote_ms"].text == "1,000 ms"
    assert asked["position_limit"].text == "100 contracts"
    assert asked["store"].text == "data"  # the last name of its path


def test_page_and_command_tell_one_figure_each(made, capsys):
    """The page had its own half-life and mean position, from the samples of the equity instead of from the fills."""
    _, record, result = made
    tell_replay(record)
    printed, page = capsys.readouterr().out, result.report().read_text()
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for name, text in run_facts(record):
        assert re.search(rf"{re.escape(name)}\s*│ {re.escape(text)}", printed), name
        assert re.search(rf">{re.escape(name)}</dt><dd[^>]*>{re.escape(text)}</dd>", html.unescape(own)), name
    assert own.count("half-life") == printed.count("half-life") == 1
    assert own.count("position on average") == 1


@pytest.mark.parametrize(
    "raw", ["lot_hours", "lot hours", "micros", "quoting.", "inventory.", "mean_abs", "_ns", "lots"]
)
def test_no_field_names_or_raw_units_on_a_page(made, raw):
    page = made[2].report().read_text()
    own = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    assert raw not in own


def test_what_an_old_record_lacks_is_left_out(made):
    assert run_facts({}) == []
    assert data_facts({}) == []
    assert run_facts({"summary": {"pnl": -5_000, "fees": 20_000}}) == [("P&L", "-$0.01"), ("fees", "-$0.02")]


def test_the_least_favourable_is_the_worst_of_those_that_were_run():
    rows = queue_rows({"pessimistic@1": 3_000_000, "power@3": -1_000_000, "optimistic@1": 9_000_000})
    assert rows == [
        ("pessimistic@1", "$3.00"),
        ("power@3, the least favourable", "-$1.00"),
        ("optimistic@1, the most favourable", "$9.00"),
    ]
    assert queue_rows({"power@3": 5, "touch@1": 5}) == [("power@3", "$0.00"), ("touch@1", "$0.00")]
    assert queue_rows(None) == []
