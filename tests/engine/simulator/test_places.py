"""Where a block's rows lie in memory: what the walk reads together shares no line and no place of the cache."""

from __future__ import annotations

import numpy as np
import pytest
from touchline.engine.simulator import block as blocks
from touchline.engine.simulator.kernel.rows import I, S


@pytest.mark.parametrize("cells", [17, 512, 1000])
def test_long_rows_start_with_a_line_of_the_cache_and_at_places_of_their_own(cells):
    state, flight = blocks.new_state(np.zeros((3, cells)), 100, float_queue=True), blocks.new_flight(cells)
    for column in (state.ints, state.longs, state.ahead, state.params, flight.orders[0], flight.notices[0]):
        places = [row.ctypes.data for row in column]
        assert not any(place % blocks.LINE for place in places)
        for first in range(0, max(1, len(places) - 63)):  # a page has 64 lines
            near = places[first : first + 64]
            assert len({place % 4096 for place in near}) == len(near)
    together = [
        state.ints[row] for row in (I.px, I.px + 1, I.left, I.left + 1, I.want, I.size, I.mask, I.change, I.moved)
    ]
    assert len({row.ctypes.data % 4096 for row in together}) == len(together)
    assert state.ints.shape[1] >= cells == state.scalars[S.cells]
