"""The recorded weather days: models that learned from the first ones, judged on the last ones, whatever comes of it."""

from __future__ import annotations

import pytest
from touchline import engine
from touchline.engine.training.judging.words import share

from ..histories import imported

FIRST_DAYS_END = "2025-12-12T12:00:00Z"
PIPELINE = """
[source]
step_minutes = 30

[[filters]]
name = "spread"
max_spread = 20

[scorer]
name = "onnx"
file = "model"
"""


@pytest.fixture(scope="module")
def weather(market_data, tmp_path_factory):
    place = tmp_path_factory.mktemp("weather")
    (place / "weather.toml").write_text(PIPELINE)
    return place / "weather.toml", imported(market_data / "kxhighny2025_quotes", place / "store")


@pytest.mark.slow
@pytest.mark.parametrize("price", ["log_odds", "mark"])
@pytest.mark.parametrize("name", ["logistic", "boosting"])
def test_skill_on_the_last_days_has_an_interval_and_a_verdict(weather, tmp_path, name, price):
    """With ``log_odds`` a model starts from the market's price; with ``mark`` it has to find it first."""
    pipeline, store = weather
    made = engine.train(
        pipeline, name, store, out=tmp_path / "model", features=[price, "hours_left", "change_4", "spread"],
        until=FIRST_DAYS_END, folds=2, params={"min_rows": 20} if name == "boosting" else {},
    )  # fmt: skip
    found = engine.audit_model(tmp_path / "model", start=FIRST_DAYS_END)
    told = found.skill["brier"]
    print(f"\n{name} from {price}: {made.record.models[-1].events} events learned from; on the rest {share(told)}")
    assert told["low"] <= told["skill"] <= told["high"]
    assert told["events"] >= 4 and told["rows"] > 500
    assert found.has_skill == (told["low"] > 0)
    assert (found.predictions["serves_from"] <= found.predictions["ts"]).all()
    assert "few-events" in [notice.name for notice in made.warnings]
