"""The axes of a sweep as people write them, and the cells they span."""

from __future__ import annotations

import numpy as np
import pytest
from touchline.engine.results.results import Axis
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.sweeps.grid_spec import axes_of, axis, cells_of
from touchline.engine.sweeps.plan import plan_of
from touchline.io.ground.errors import InputError
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread


def test_a_switch_is_an_axis_in_any_spelling():
    for text in ("post-only=yes,no", "post_only=1,0", "post_only=On,off", "post_only=true,FALSE"):
        one = axis(text, FixedSpread)
        assert [one.setting(value) for value in one.values] == [True, False]
    with pytest.raises(InputError, match="names a value twice"):
        axis("post_only=yes,1", FixedSpread)
    for given, meant in (("no", False), ("0", False), (1.0, True), ("on", True)):
        assert Assumptions().with_options({"post-only": given}).post_only is meant
        assert Assumptions(post_only=given).post_only is meant
    with pytest.raises(InputError, match="post_only is true or false, not 'perhaps'"):
        Assumptions().with_options({"post_only": "perhaps"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gamma=0.1:0.5:3", Axis("gamma", (0.1, 0.3, 0.5))),
        ("gamma=log:0.01:1:3", Axis("gamma", (0.01, 0.1, 1.0), "log")),
        ("size=5,1", Axis("size", (5.0, 1.0))),
        ("latency-ms=0,50", Axis("entry_ms", (0.0, 50.0), "lin", "venue")),
        ("requote-ms=500,1000", Axis("requote_ms", (500.0, 1000.0), "lin", "venue")),
        ("position-limit=20,50", Axis("position_limit", (20.0, 50.0), "lin", "limits")),
        ("queue=power@1,log", Axis("queue", (0.0, 1.0), "lin", "venue", ("power@1", "log"))),
        ("post-only=true,false", Axis("post_only", (0.0, 1.0), "lin", "venue", ("true", "false"))),
        ("entry-ms=5,uniform:1:2", Axis("entry_ms", (0.0, 1.0), "lin", "venue", ("5.0", "uniform:1:2"))),
    ],
)
def test_an_axis_is_read(text, expected):
    got = axis(text, AvellanedaStoikov)
    assert got.values == pytest.approx(expected.values)
    assert (got.name, got.scale, got.part, got.labels) == (
        expected.name,
        expected.scale,
        expected.part,
        expected.labels,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gamma", "expected name=low:high:count"),
        ("gamma=", "expected name=low:high:count"),
        ("gama=1,2", r"avellaneda-stoikov has no 'gama'; did you mean 'gamma'\?"),
        ("latency=1,2", r"has no 'latency'; did you mean 'latency_ms'\?"),
        ("gamma=0.1:1", "a range is low:high:count"),
        ("gamma=0.1:x:4", "'x' is not a number"),
        ("gamma=0.1:1:2.5", "the count is a whole number"),
        ("gamma=1:0.1:4", "low must be below high"),
        ("gamma=log:0:1:4", "a log range lies above 0"),
        ("gamma=-1,1", "gamma is 1e-06 to 1000, not -1"),
        ("gamma=1,1", "names a value twice"),
        ("capped=0.5", "capped is a whole number"),
        ("queue=powr@3", r"queue model 'powr@3' is unknown"),
        ("post-only=1,2", "post_only is true or false"),
        ("position-limit=-5", "position_limit is a number from 0"),
        ("entry-ms=5,-2", "entry_ms is a number from 0"),
    ],
)
def test_a_senseless_axis_is_named(text, message):
    with pytest.raises(InputError, match=message):
        axis(text, AvellanedaStoikov)


def test_without_axes_the_model_has_its_own_grid():
    axes = axes_of(AvellanedaStoikov, None, {})
    assert [(one.name, len(one.values), one.values[0], one.values[-1]) for one in axes] == [
        ("gamma", 32, 0.05, 1.0),
        ("kappa", 32, 0.5, 5.0),
    ]
    assert len(cells_of(axes)) == 1024
    assert [one.name for one in axes_of(AvellanedaStoikov, None, {"gamma": 0.1})] == ["kappa"]
    assert axes_of(FixedSpread, {"half_spread": [1, 2], "queue": ["touch", "log"]}, {})[1].labels == ("touch", "log")


def test_an_axis_is_given_once_and_is_not_fixed():
    with pytest.raises(InputError, match="gamma is given twice"):
        axes_of(AvellanedaStoikov, ["gamma=1,2", "gamma=3,4"], {})
    for nothing in ([], (), None):
        with pytest.raises(InputError, match="axis 'gamma' names no value"):
            axes_of(AvellanedaStoikov, {"gamma": nothing}, {})
    with pytest.raises(InputError, match="gamma is both an axis and fixed"):
        axes_of(AvellanedaStoikov, ["gamma=1,2"], {"gamma": 1.0})


def test_a_sample_is_part_of_the_grid_spread_out_and_grows_at_its_end():
    axes = axes_of(AvellanedaStoikov, ["gamma=0.1:1:64", "kappa=log:0.1:10:64", "size=1,2,5,10"], {})
    few, many = cells_of(axes, "sobol:500"), cells_of(axes, "sobol:1000")
    assert np.array_equal(many[:500], few)
    assert len(np.unique(many, axis=0)) == 1000
    for column, one in zip(many.T, axes, strict=True):
        values, counts = np.unique(column, return_counts=True)
        assert np.array_equal(values, np.sort(one.values))
        assert counts.max() <= 1.3 * counts.min()
    assert len(cells_of(axes[2:], "sobol:4096")) == 4
    for wrong in ("sobol", "halton:10", "sobol:1", "sobol:x"):
        with pytest.raises(InputError, match="expected sobol:COUNT"):
            cells_of(axes, wrong)


def test_a_slip_of_the_pen_is_not_run():
    axes = axes_of(AvellanedaStoikov, ["gamma=0.1:1:2000", "kappa=0.1:1:2000"], {})
    with pytest.raises(InputError, match="4,000,000 cells are too many"):
        cells_of(axes)


def test_cells_that_differ_in_model_and_limits_share_a_group_and_venues_split_them():
    grid = ["gamma=0.1,0.2", "queue=touch,power@3", "position-limit=10,20", "shrink=none,size"]
    plan = plan_of(AvellanedaStoikov, {}, Assumptions(calm=1.0), axes_of(AvellanedaStoikov, grid, {}))
    assert len(plan.cells) == 16
    assert len(plan.groups) == 4
    assert sorted(int(cell) for group in plan.groups for cell in group.cells) == list(range(16))
    for group in plan.groups:
        assert len({(one.queue, one.shrink) for one in group.limits}) == 1
        for cell, limits in zip(group.cells, group.limits, strict=True):
            setting = plan.setting(int(cell))
            assert (limits.queue, limits.shrink) == (setting["queue"], setting["shrink"])
            assert limits.position_limit == setting["position_limit"]
