"""The parameter file's assumptions: typed, checked, the same on their way out and back."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from touchline.engine.live.live import Live
from touchline.engine.results.params import (
    FORMAT,
    VERSION,
    Applies,
    Params,
    Provenance,
    Validity,
    content_hash,
    load_params,
    write_params,
)
from touchline.engine.simulator.assumptions.venue import MEANINGS, Assumptions, table_of
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.io.ground.errors import InputError
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.quoting.fingerprint import fingerprint

PAGE = Path(__file__).parents[3] / "docs" / "params.md"
DELAYS = st.one_of(st.floats(0, 1e4), st.sampled_from(["lognormal:50:0.5", "exponential:20", "uniform:1:2"]))


def file_with(venue: dict[str, Any], limits: dict[str, Any]) -> Params:
    return Params(
        FORMAT, VERSION, "avellaneda-stoikov", [Applies({"size": 1.0}, series="S")], limits, venue,
        Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"),
        Provenance("robust", "0.1.0", "d", 1, 1, 1, 1, 0),
    )  # fmt: skip


def values() -> st.SearchStrategy[dict[str, Any]]:
    """Some assumptions with any value that is allowed."""
    made: dict[str, st.SearchStrategy[Any]] = {
        "queue": st.sampled_from(["power@3", "log@1", "touch", "poisson@0.7,0.3", "risk-averse@1"]),
        "post_only": st.booleans(),
        "rewards": st.sampled_from(["none", "recorded", "pool=20,per=15m,target=300,discount=0.5"]),
        "reaction": st.sampled_from(["none", "step:5s"]),
        "reward_rules": st.sampled_from(["by-day", "lip@2026-07,inside=filed"]),
        "reduce_only": st.booleans(),
        "requote_on": st.sampled_from(["time", "time+trade", "touch+signal", "book"]),
        "tolerance": st.integers(0, 10_000),
        "seed": st.integers(0, 2**53),
        **{name: st.sampled_from([*choices]) for name, choices in MEANINGS.items()},
        **dict.fromkeys(("feed_ms", "entry_ms", "response_ms"), DELAYS),
    }
    for one in fields(Assumptions):
        if one.name not in made:
            made[one.name] = st.floats(one.metadata["low"], one.metadata["high"])
    return st.fixed_dictionaries({"calm": made.pop("calm")}, optional=made)


@given(values())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_assumptions_come_back_from_a_parameter_file_as_they_were(tmp_path: Path, chosen: dict[str, Any]):
    assumed = Assumptions(**chosen)
    tables = assumed.tables()
    assert all(table_of(name) == table for table, held in tables.items() for name in held)
    write_params(tmp_path / "params.toml", file_with(tables["venue"], tables["limits"]))
    assert load_params(tmp_path / "params.toml").assumptions == assumed


@pytest.mark.parametrize(
    ("venue", "limits", "says"),
    [
        ({}, {"max_position": 20}, r"there is no assumption 'max_position'; did you mean 'position_limit'\?"),
        ({"latency": 50}, {}, r"there is no assumption 'latency'; did you mean 'latency_ms'\?"),
        ({"fees": "quadratic"}, {}, "fees is one of exchange, none, not 'quadratic'; known: "),
        ({}, {"position_limit": -1}, "position_limit is a number from 0 to 1e[+]07, not -1"),
        ({"variance": float("nan")}, {}, "variance is a number from 0 to 1e[+]06, not nan"),
        ({"tau": "soon"}, {}, "tau is a number from 0 to 1e[+]09, not soon"),
        ({"seed": True}, {}, "seed is a number from 0 to .*, not True"),
        ({"latency_ms": 50, "entry_ms": 50}, {}, "entry_ms is given twice, once as 'entry_ms'; leave one out"),
        (
            {"capital": 5},
            {"capital": 9},
            r"capital stands in .* it belongs in \[limits\] alone",
        ),
    ],
)
def test_a_parameter_file_with_a_wrong_assumption_is_one_line(
    tmp_path: Path, venue: dict[str, Any], limits: dict[str, Any], says: str
):
    file = tmp_path / "params.toml"
    write_params(file, file_with({}, {}))
    wrong = file_with(venue, limits)
    with pytest.raises(InputError, match=rf"params\.toml: {says}"):
        write_params(file, wrong)
    text = file.read_text()
    for table, held in (("venue", venue), ("limits", limits)):
        lines = "".join(
            f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}\n"
            for name, value in held.items()
        )
        text = text.replace(f"[{table}]\n", f"[{table}]\n{lines}")
    file.write_text(re.sub('content_hash = ".*"', f'content_hash = "{content_hash(wrong)}"', text))
    with pytest.raises(InputError, match=rf"params\.toml: {says}"):
        load_params(file, allow_edited=True)


def test_the_example_of_the_page_runs(tmp_path: Path):
    text = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    own = fingerprint(quoting_model("avellaneda-stoikov"))
    text = re.sub('strategy_hash = ".*"', f'strategy_hash = "{own}"', text)
    file = tmp_path / "params.toml"
    file.write_text(text)
    write_params(file, load_params(file, allow_edited=True))
    live = Live.from_params(file, TapeMarket("KXINX-26JAN02-B1", close_ts=1_767_380_000_000_000_000))
    assert (live.assumptions.position_limit, live.assumptions.entry_ms, live.assumptions.queue) == (20, 50, "power@3")
    assert live.given["gamma"] == 0.2
