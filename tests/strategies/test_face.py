"""The short face of strategies: what it names, and the places where users' files have looked for them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from touchline import strategies
from touchline.strategies.pipeline import Executor, Filter, Pipeline, Scorer, Selector, Source, Table, load_pipeline
from touchline.strategies.quoting import QuotingModel


def test_every_public_name_is_what_its_module_defines():
    for name, home in strategies._HOME.items():
        found = getattr(strategies, name)
        assert found.__module__ == f"touchline.strategies.{home}"
        assert name in dir(strategies)
    with pytest.raises(AttributeError, match="has no name 'Scorers'; it has AvellanedaStoikov, "):
        _ = strategies.Scorers


def test_rooms_name_what_users_files_import_from_them():
    for one in (Executor, Filter, Pipeline, Scorer, Selector, Source, Table, load_pipeline, QuotingModel):
        assert getattr(strategies, one.__name__) is one


def test_the_face_loads_nothing_by_itself():
    code = "import sys, touchline.strategies; assert not {'numba', 'polars', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
