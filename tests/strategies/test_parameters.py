"""Declared parameters: defaults, bounds, kinds, and hints for misspelt names."""

from __future__ import annotations

import pytest
from touchline.io.ground.errors import InputError
from touchline.strategies.parameters import Parameter, check, nearest, switch

GAMMA = Parameter("gamma", 0.1, low=0, high=5, doc="risk aversion")
DEPTH = Parameter("depth", 1, low=1, kind="int")
RULE = Parameter("rule", "mean", kind="choice", choices=("mean", "best"))


def test_defaults_fill_what_is_not_given():
    assert check([GAMMA, DEPTH, RULE], {"gamma": "0.5"}) == {"gamma": 0.5, "depth": 1, "rule": "mean"}


@pytest.mark.parametrize("on", ["yes", "true", "True", "on", "1", True, 1, 1.0])
@pytest.mark.parametrize("off", ["no", "false", "OFF", "0", False, 0, 0.0])
def test_a_switch_takes_the_usual_spellings(on, off):
    fees = Parameter("fees", "yes", kind="choice", choices=("yes", "no"))
    assert (fees.check(on), fees.check(off), switch(on), switch(off)) == ("yes", "no", True, False)
    for given in ("perhaps", None, 2, "", float("nan")):
        assert switch(given) is None
        with pytest.raises(InputError, match="fees is one of yes, no"):
            fees.check(given)


def test_bounds_are_inclusive():
    assert [check([GAMMA], {"gamma": value})["gamma"] for value in (0, 5)] == [0, 5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gama": 1}, "no parameter 'gama'; did you mean 'gamma'?"),
        ({"gamma": 5.1}, "gamma is 0 to 5, not 5.1"),
        ({"gamma": float("nan")}, "gamma is 0 to 5, not nan"),
        ({"gamma": "much"}, "gamma is a number, not 'much'"),
        ({"depth": 1.5}, "depth is a whole number, not 1.5"),
        ({"depth": float("inf")}, "depth is a whole number, not inf"),
        ({"depth": 0}, "depth is 1 or more, not 0"),
        ({"rule": "worst"}, "rule is one of mean, best, not 'worst'"),
    ],
)
def test_what_is_wrong_is_named(given, message):
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        check([GAMMA, DEPTH, RULE], given)


def test_a_default_out_of_bounds_is_refused_where_it_is_declared():
    with pytest.raises(InputError):
        Parameter("gamma", 9, low=0, high=5)


def test_known_names_come_nearest_first_whatever_order_they_are_kept_in():
    names = ["window", "queue", "entry_ms", "fees", "halt"]
    wanted = "known: halt, entry_ms, fees, queue, window"
    assert nearest("xhx", names) == nearest("xhx", set(names)) == nearest("xhx", names[::-1]) == wanted
    assert nearest("x", [f"n{at:03d}" for at in range(40)]).startswith("known: n000, n001, n002")
