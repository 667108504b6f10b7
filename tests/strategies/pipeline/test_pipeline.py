"""Pipelines: files, parts by name and by file, values by name, and what is wrong with them in one line."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from touchline.engine.bets.panel.panel import panel_of
from touchline.io.ground.errors import InputError
from touchline.strategies.pipeline.pipeline import load_pipeline, parts, pipeline_of, recorded_pipeline, shipped

HOUR = 3_600_000_000_000
MINIMAL = {"scorer": {"name": "momentum"}}


def some_panel(bars=120, markets=6, seed=0):
    rng = np.random.default_rng(seed)
    mark = np.clip(5000 + np.cumsum(rng.integers(-2, 3, (bars, markets)) * 100, axis=0), 200, 9800)
    named = pl.DataFrame(
        {
            "ticker": [f"KXA-{m // 2}-{m}" for m in range(markets)],
            "event": [f"KXA-{m // 2}" for m in range(markets)],
            "series": "KXA",
            "category": [("Weather", "Crypto")[m % 2] for m in range(markets)],
            "open_ts": 0,
            "close_ts": (bars + 5) * HOUR,
        }
    )
    volume = (rng.exponential(20, mark.shape) ** 2).astype(np.int64)
    extra = {"bid": mark - 100, "ask": mark + 100, "volume": volume, "buys": volume // 3, "age": volume * 0}
    return panel_of(mark, HOUR * np.arange(1, bars + 1), named, **extra)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_pipelines_load_and_describe_themselves(name):
    assert load_pipeline(name).description.endswith(".")


def test_every_part_is_documented():
    for kind, name, part in parts():
        assert part.doc().endswith("."), (kind, name)
        for parameter in part.PARAMETERS:
            assert parameter.doc, (kind, name, parameter.name)


PLAIN = ["momentum", "mean-reversion", "volume", "time-decay", "multi-timeframe-momentum", "bollinger", "order-flow"]


@pytest.mark.parametrize("name", PLAIN)
def test_scorers_have_opinions_within_their_cap(name):
    panel = some_panel()
    scorer = pipeline_of({"scorer": {"name": name, "cap": 0.04}}, "p").scorer
    edge = panel.evaluate({"e": scorer.score().cast(pl.Float64)})["e"]
    assert np.nanmax(np.abs(edge)) <= 0.04
    assert np.isfinite(edge).any()
    assert (np.abs(np.nan_to_num(edge)) > 0).sum() > 20


def test_mean_reversion_bets_against_the_move_and_momentum_with_it():
    mark = np.full((60, 2), 5000)
    mark[50:, 0] += 1000
    mark[50:, 1] -= 1000
    panel = panel_of(mark, HOUR * np.arange(1, 61))
    wanted = {n: pipeline_of({"scorer": {"name": n}}, "p").scorer.score() for n in ("mean-reversion", "momentum")}
    found = {name: values[50] for name, values in panel.evaluate(wanted).items()}
    assert found["mean-reversion"][0] < 0 < found["mean-reversion"][1]
    assert found["momentum"][1] < 0 < found["momentum"][0]


def test_category_weights_scale_another_scorer():
    panel = some_panel()
    scorer = pipeline_of(
        {
            "scorer": {
                "name": "category-weighted",
                "inner": {"name": "momentum"},
                "weights": {"Weather": 2.0},
                "other_weight": 0,
            }
        },
        "p",
    ).scorer
    plain = panel.evaluate({"e": scorer.inner.score()})["e"]
    weighted = panel.with_extras(scorer.prepare(panel)).evaluate({"e": scorer.score()})["e"]
    np.testing.assert_allclose(weighted[30:, ::2], 2 * plain[30:, ::2], rtol=1e-6)
    assert (np.nan_to_num(weighted[30:, 1::2]) == 0).all()


def test_an_ensemble_is_the_weighted_sum_and_adapts_towards_what_earns():
    panel = some_panel(seed=3)
    members = [{"name": "momentum", "weight": 2.0}, {"name": "mean-reversion", "window_bars": 24}]
    fixed = pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p").scorer
    parts_alone = panel.evaluate({str(i): m.score().fill_null(0.0) for i, m in enumerate(fixed.members)})
    np.testing.assert_allclose(panel.evaluate({"e": fixed.score()})["e"], 2 * parts_alone["0"] + parts_alone["1"])
    mark = np.cumsum(np.tile([[100], [100], [100], [-40]], (60, 3)), axis=0).astype(np.int16) % 9000 + 300
    right, wrong = np.full(mark.shape, 100, np.int16), np.full(mark.shape, -100, np.int16)
    adapting = pipeline_of({"scorer": {"name": "ensemble", "adapt": "yes", "members": members}}, "p").scorer
    panel = panel_of(mark, HOUR * np.arange(1, len(mark) + 1))
    weight = adapting.adapted([panel.lives.flat(right), panel.lives.flat(wrong)], panel)
    assert weight[-1, 0] > 2.0 > 1.0 > weight[-1, 1]
    np.testing.assert_allclose(weight.sum(axis=1), 3.0)


def test_a_part_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import polars as pl\n"
        "from touchline.strategies.pipeline.pipeline import Scorer\n"
        "from touchline.strategies.parameters import Parameter\n"
        "class Mine(Scorer):\n"
        "    '''Mine.'''\n"
        "    PARAMETERS = (Parameter('size', 0.5, low=0, high=1),)\n"
        "    def score(self):\n"
        "        return pl.lit(self.size) * (pl.col('mark') > 5000)\n"
    )
    (tmp_path / "p.toml").write_text("[scorer]\nname = 'mine.py:Mine'\nsize = 0.25\n")
    pipeline = load_pipeline(tmp_path / "p.toml")
    assert pipeline.scorer.size == 0.25
    assert pipeline.with_values(size=0.75).scorer.size == 0.75
    for name, message in (
        ("mine.py:Min", "no scorer 'Min'; did you mean 'Mine'"),
        ("his.py:X", "cannot read the file"),
    ):
        with pytest.raises(InputError, match=message):
            pipeline_of({"scorer": {"name": name}}, "p", tmp_path)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(InputError, match="line 1: loading it failed with ZeroDivisionError"):
        pipeline_of({"scorer": {"name": "broken.py:X"}}, "p", tmp_path)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "names no scorer"),
        ({**MINIMAL, "filter": []}, "no part 'filter'"),
        ({**MINIMAL, "filters": [{"max_spread": 3}]}, "a filter has no name"),
        ({"scorer": {"name": "momentun"}}, "did you mean 'momentum'"),
        ({"scorer": {"name": "momentum", "window": 3}}, "momentum: there is no parameter 'window'"),
        ({**MINIMAL, "executor": {"sizing": "all-in"}}, "sizing is one of kelly"),
        ({"scorer": {"name": "ensemble", "members": []}}, "there is no member"),
        ({"scorer": {"name": "ensemble"}}, "ensemble: missing a required argument: 'members'"),
        ({"scorer": {"name": "ensemble", "members": 5}}, "there is no member; write .* above each"),
        ({"scorer": {"name": "ensemble", "members": ["momentum"]}}, "is a table, not 'momentum'"),
        ({"scorer": {"name": "ensemble", "members": [{"name": "momentum", "weight": "x"}]}}, "is a number, not 'x'"),
        ({"scorer": {"name": "category-weighted", "inner": "momentum", "weights": {}}}, "is a table, not 'momentum'"),
        ({"scorer": {"name": "category-weighted", "inner": {"name": "momentum"}, "weights": 3}}, "weights is a table"),
        ({"scorer": "momentum"}, "scorer is a table; write .scorer. and below it name = ..., not 'momentum'"),
        ({"scorer": {"name": 5}}, "the name of a scorer is a text, not 5"),
        ({**MINIMAL, "source": [3]}, "source is a table"),
        ({**MINIMAL, "filters": 5}, "filters are a list"),
        ({"scorer": {"name": "ensemble", "members": [{"weight": 1}]}}, "has no name"),
    ],
)
def test_what_is_wrong_is_named(document, message):
    with pytest.raises(InputError, match=message):
        pipeline_of(document, "p")


def test_values_are_set_where_they_belong():
    pipeline = pipeline_of(
        {"scorer": {"name": "bollinger"}, "filters": [{"name": "liquidity"}, {"name": "spread"}]}, "p"
    )
    changed = pipeline.with_values(max_spread=2, k=7, kelly_fraction=0.5, step_minutes=5)
    assert (changed.filters[1].max_spread, changed.selector.k, changed.executor.kelly_fraction) == (2, 7, 0.5)
    assert changed.source.step_minutes == 5
    with pytest.raises(InputError, match=r"several parts; write one of bollinger\.window_bars, liquidity\.window_bars"):
        pipeline.with_values(window_bars=9)
    assert pipeline.with_values(**{"bollinger.window_bars": 9}).scorer.window_bars == 9


@pytest.mark.parametrize(
    ("given", "stopped"),
    [
        ({"name": "liquidity", "min_volume": 1e6}, 1.0),
        ({"name": "spread", "max_spread": 2}, 0.0),
        ({"name": "spread", "max_spread": 1}, 1.0),
        ({"name": "time-to-close", "min_hours": 1000}, 1.0),
        ({"name": "price-band", "low": 0, "high": 100}, 0.0),
        ({"name": "category", "only": "Weather"}, 0.5),
        ({"name": "category", "never": "Weather, Crypto"}, 1.0),
        ({"name": "fresh"}, 0.0),
        ({"name": "moving", "min_sigma": 50}, 1.0),
        ({"name": "depth"}, 1.0),
    ],
)
def test_filters(given, stopped):
    part = pipeline_of({**MINIMAL, "filters": [given]}, "p").filters[0]
    keep = some_panel().evaluate({"k": part.keep().fill_null(value=False).cast(pl.Int8)})["k"]
    assert 1 - keep[30:].mean() == pytest.approx(stopped)


def test_members_inside_a_scorer_are_set_by_their_name():
    members = [{"name": "momentum", "weight": 2.0}, {"name": "bollinger"}]
    pipeline = pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p")
    changed = pipeline.with_values(**{"momentum.window_bars": 12, "momentum.weight": 3, "width": 1.5, "adapt": "yes"})
    one, other = changed.scorer.members
    assert (one.window_bars, other.width, changed.scorer.weights, changed.scorer.adapt) == (12, 1.5, [3.0, 1.0], "yes")
    assert pipeline.scorer.members[0].window_bars == 24
    with pytest.raises(InputError, match=r"write one of momentum\.window_bars, bollinger\.window_bars"):
        pipeline.with_values(window_bars=9)
    with pytest.raises(InputError, match=r"did you mean 'momentum\.window_bars'"):
        pipeline.with_values(**{"momentum.window_bar": 9})
    weights = {"name": "category-weighted", "inner": {"name": "momentum"}, "weights": {"Weather": 2.0}}
    weighted = pipeline_of({"scorer": weights}, "p").with_values(**{"weights.Weather": 0.5, "window_bars": 6}).scorer
    assert (weighted.weights, weighted.inner.window_bars) == ({"Weather": 0.5}, 6)


OWN_WEIGHTS = """
import polars as pl
from touchline.strategies.parameters import Parameter
from touchline.strategies.pipeline import Scorer


class Weighted(Scorer):
    PARAMETERS = (Parameter("weight", 1.0, low=0, high=1), Parameter("edge", 0.05))

    def score(self):
        return pl.lit(self.edge) * self.weight


class Named(Scorer):
    PARAMETERS = (Parameter("label", 1.0),)
"""


def test_a_member_s_weight_and_its_scorer_s_own_weight_are_two_things(tmp_path):
    (tmp_path / "mine.py").write_text(OWN_WEIGHTS)
    members = [{"name": "mine.py:Weighted", "weight": 2.0, "own_weight": 0.5}, {"name": "momentum"}]
    pipeline = pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p", tmp_path)
    assert (pipeline.scorer.weights, pipeline.scorer.members[0].weight) == ([2.0, 1.0], 0.5)
    changed = pipeline.with_values(**{"mine.py:Weighted.weight": 3})
    assert (changed.scorer.weights, changed.scorer.members[0].weight) == ([3.0, 1.0], 0.5)
    changed = pipeline.with_values(own_weight=0.25)
    assert (changed.scorer.weights, changed.scorer.members[0].weight) == ([2.0, 1.0], 0.25)
    assert changed.scorer.members[0].weight == recorded_pipeline(changed.as_dict()).scorer.members[0].weight
    edges = [
        some_panel().evaluate(
            {"e": pipeline.with_values(**{"mine.py:Weighted.weight": w, "strength": 0}).scorer.score()}
        )
        for w in (1, 3)
    ]
    assert np.nanmax(edges[1]["e"]) == pytest.approx(3 * np.nanmax(edges[0]["e"]))
    inner = {"name": "category-weighted", "inner": members[0] | {"name": "mine.py:Weighted"}, "weights": {}}
    with pytest.raises(InputError, match="no parameter 'own_weight'; did you mean 'weight'"):
        pipeline_of({"scorer": inner}, "p", tmp_path)
    inner["inner"] = {"name": "mine.py:Weighted", "weight": 0.5}
    assert pipeline_of({"scorer": inner}, "p", tmp_path).scorer.inner.weight == 0.5
    with pytest.raises(InputError, match="a parameter named 'label' could not be set in a pipeline; rename it"):
        pipeline_of({"scorer": {"name": "mine.py:Named"}}, "p", tmp_path)


def test_members_of_one_kind_are_set_by_label_or_number():
    members = [{"name": "momentum", "label": "fast", "window_bars": 4}, {"name": "momentum"}, {"name": "momentum"}]
    pipeline = pipeline_of({"scorer": {"name": "ensemble", "members": members}}, "p")
    changed = pipeline.with_values(**{"fast.window_bars": 3, "momentum-2.window_bars": 12, "momentum-3.weight": 0.5})
    assert [one.window_bars for one in changed.scorer.members] == [3, 12, 24]
    assert changed.scorer.weights == [1.0, 1.0, 0.5]
    assert recorded_pipeline(changed.as_dict()).as_dict() == changed.as_dict()
    with pytest.raises(InputError, match=r"write one of fast\.window_bars, momentum-2\.window_bars, momentum-3\."):
        pipeline.with_values(window_bars=9)
    for label, message in (
        ("fast", "two members are labelled 'fast'"),
        ("a.b", "a label is a word"),
        (3, "a label is"),
    ):
        with pytest.raises(InputError, match=message):
            pipeline_of(
                {"scorer": {"name": "ensemble", "members": [*members[:2], {**members[2], "label": label}]}}, "p"
            )


def test_filters_of_one_kind_are_set_by_number():
    filters = [{"name": "moving"}, {"name": "price-band"}, {"name": "moving", "window_bars": 6}]
    changed = pipeline_of({**MINIMAL, "filters": filters}, "p").with_values(**{"moving-2.min_sigma": 2})
    assert [part.values.get("min_sigma") for part in changed.filters] == [0.1, None, 2]


def test_a_recorded_pipeline_is_the_pipeline():
    for name in shipped():
        pipeline = load_pipeline(name)
        assert recorded_pipeline(pipeline.as_dict()).as_dict() == pipeline.as_dict()


def test_columns_of_shipped_scorers_keep_their_names_when_modules_move(monkeypatch):
    scorer = pipeline_of({"scorer": {"name": "correlation"}}, "p").scorer
    name = scorer.own("led")
    monkeypatch.setattr(type(scorer), "__module__", "touchline.elsewhere")
    assert scorer.own("led") == name
    mine = type("Mine", (type(scorer),), {"__module__": "mine"})
    others = type("Mine", (type(scorer),), {"__module__": "another"})
    assert len({name, mine().own("led"), others().own("led")}) == 3
