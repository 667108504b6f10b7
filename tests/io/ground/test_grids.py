from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.io.ground import grids
from touchline.io.ground.errors import InputError


@pytest.mark.parametrize("name", grids.GRIDS)
def test_every_grid_is_symmetric_and_has_whole_cents(name: str) -> None:
    levels = grids.grid_levels(name)
    assert levels.dtype == np.int32
    assert levels[0] == 0 and levels[-1] == 10_000
    assert (np.diff(levels) > 0).all()
    assert set((10_000 - levels).tolist()) == set(levels.tolist())
    assert set(range(0, 10_001, 100)) <= set(levels.tolist())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("linear_cent", 101),
        ("deci_cent", 1_001),
        ("tapered_deci_cent", 281),
        ("center_whole_edge_half_cent", 121),
        ("center_half_edge_deci_cent", 361),
        ("center_centi_edge_centi_cent", 10_001),
        ("center_deci_edge_centi_cent", 1_181),
    ],
)
def test_level_counts(name: str, count: int) -> None:
    assert len(grids.grid_levels(name)) == count


@given(st.sampled_from(sorted(grids.GRIDS)), st.lists(st.integers(-20_000, 20_000), max_size=30))
def test_is_on_grid_agrees_with_decimal_arithmetic(name: str, prices: list[int]) -> None:
    def plain(tick: int) -> bool:
        price = Decimal(tick) / 10_000
        if not 0 < price < 1:
            return False
        return any(
            Decimal(r["start"]) <= price <= Decimal(r["end"])
            and (price - Decimal(r["start"])) % Decimal(r["step"]) == 0
            for r in grids.price_ranges(name)
        )

    assert grids.is_on_grid(prices, name).tolist() == [plain(tick) for tick in prices]


@pytest.mark.parametrize("name", grids.GRIDS)
def test_ranges_round_trip(name: str) -> None:
    ranges = grids.price_ranges(name)
    assert grids.parse_ranges(ranges) == grids.grid_ranges(name)
    assert grids.grid_name(name, ranges) == name


def test_ranges_win_over_the_label() -> None:
    assert grids.grid_name("linear_cent", grids.price_ranges("deci_cent")) == "deci_cent"
    assert grids.grid_name("banded_centi_cent", None) == "banded_centi_cent"
    assert grids.grid_name("", []) is None


def test_a_grid_without_a_name_is_spelled_out() -> None:
    ranges = [{"start": "0", "end": "0.5", "step": "0.05"}, {"start": "0.5", "end": "1", "step": "0.1"}]
    name = grids.grid_name("brand_new", ranges)
    assert name == "0:5000:500,5000:10000:1000"
    assert grids.grid_levels(name)[-3:].tolist() == [8_000, 9_000, 10_000]


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(InputError, match=r"banded_centi_cent.*linear_cent.*tapered_deci_cent"):
        grids.grid_levels("banded_centi_cent")


@pytest.mark.parametrize(
    "ranges",
    [
        [{"start": "0", "end": "0.5", "step": "0.01"}],
        [{"start": "0", "end": "1", "step": "0.03"}],
        [{"start": "0", "end": "1", "step": "0"}],
        [{"start": "0", "end": "1"}],
        [{"start": "0", "end": "1", "step": "0.00001"}],
        [{"start": "x", "end": "1", "step": "0.01"}],
    ],
)
def test_bad_ranges_are_input_errors(ranges: list[dict[str, str]]) -> None:
    with pytest.raises(InputError):
        grids.parse_ranges(ranges)
