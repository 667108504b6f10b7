"""The Sobol sequence against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc
from touchline.engine.sweeps.sobol import DIMENSIONS, sobol
from touchline.io.ground.errors import InputError


@pytest.mark.parametrize("dimensions", range(1, DIMENSIONS + 1))
def test_it_is_the_known_sequence(dimensions: int):
    assert np.array_equal(sobol(dimensions, 0, 4096), qmc.Sobol(dimensions, scramble=False).random(4096))


def test_it_goes_on_where_it_stopped():
    assert np.array_equal(np.vstack([sobol(5, 0, 100), sobol(5, 100, 156)]), sobol(5, 0, 256))


def test_too_many_dimensions_are_refused():
    with pytest.raises(InputError, match="takes up to 16 axes, not 17"):
        sobol(17, 0, 2)
