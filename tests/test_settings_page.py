"""The page on settings says what the code has, and its pipelines run."""

from __future__ import annotations

import re
import tomllib

from touchline.engine.simulator.assumptions.venue import MEANINGS, Assumptions
from touchline.strategies.pipeline.pipeline import pipeline_of

from .settings_page import PAGE, written


def test_the_tables_are_those_of_the_code():
    text = PAGE.read_text()
    assert text == written(text), "docs/settings.md is old: run python -m tests.settings_page"


def test_every_value_that_has_a_meaning_is_one_that_can_be_assumed():
    for name, values in MEANINGS.items():
        for value in values:
            given = {name: value} | ({"calm": 1.0} if name == "shrink" else {})
            assert Assumptions().with_options(given).as_dict()[name] == value


def test_the_pipelines_of_the_page_load():
    made = [pipeline_of(tomllib.loads(text), "p") for text in re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.S)]
    assert made[0].with_values(**{"slow.window_bars": 96}).scorer.members[1].window_bars == 96
    assert made[1].with_values(**{"weights.Crypto": 1}).scorer.weights["Crypto"] == 1
