"""Numbers and times from text against the plain definition."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.io.importers.values.text import OK, decimals, times

from .plain import moment, number

numbers = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.integers().map(str),
    st.text(alphabet="0123456789.eE+- _x", max_size=24),
    st.from_regex(r"[+-]?\d{1,20}(\.\d{0,20})?([eE][+-]?\d{1,3})?", fullmatch=True),
)
clock = st.from_regex(
    r"(19|20)\d\d-[01]\d-[0-3]\d([ Tt][0-2]\d:[0-5]\d(:[0-6]\d(\.\d{1,11})?)?( ?(Z|z|UTC|[+-][01]\d:?[0-5]\d|[+-]0\d))?)?",
    fullmatch=True,
)
moments = st.one_of(
    clock,
    st.datetimes().map(str),
    st.integers(min_value=0, max_value=2**70).map(str),
    st.integers(min_value=946_684_800, max_value=4_102_444_799).flatmap(
        lambda second: st.sampled_from(
            [f"{second}", f"{second}.25", f"{second}123", f"{second}123456", f"{second}123456789.0"]
        )
    ),
    st.text(alphabet="0123456789-: TZ.+", max_size=32),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(numbers, max_size=20), st.sampled_from([0, 2, 4, 6]))
def test_decimals_are_those_of_the_decimal_module(texts: list[str], places: int) -> None:
    values, faults = decimals(pl.Series(texts, dtype=pl.String), places)
    read = [int(value) if fault == OK else None for value, fault in zip(values, faults, strict=True)]
    assert read == [number(text, places) for text in texts]


@settings(max_examples=60, deadline=None)
@given(st.lists(moments, max_size=20))
def test_times_are_those_of_the_calendar(texts: list[str]) -> None:
    values, faults, _ = times(pl.Series(texts, dtype=pl.String))
    read = [int(value) if fault == OK else None for value, fault in zip(values, faults, strict=True)]
    assert read == [moment(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "ticks"),
    [("10.299999999999997", 1030), ("0.09999999999999432", 10), ("0.47", 47), ("0.475", None), ("47.00001", None)],
)
def test_noise_around_a_tick_is_the_tick_and_nothing_else_is(text: str, ticks: int | None) -> None:
    values, faults = decimals(pl.Series([text]), 2)
    assert (int(values[0]) if faults[0] == OK else None) == ticks


def test_a_time_without_a_zone_is_marked() -> None:
    naive = times(pl.Series(["2025-06-15 15:06:40", "2025-06-15T15:06:40Z", "1750000000"]))[2]
    assert naive.tolist() == [True, False, False]
