"""The Sobol sequence: points that fill a cube evenly, however many are taken.

Direction numbers: Joe & Kuo, SIAM J. Sci. Comput. 30 (2008), new-joe-kuo-6. Order: Gray code, Antonov & Saleev (1979).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...io.ground.errors import InputError

BITS = 30
#: Degree, inner coefficients and first direction numbers of each dimension's polynomial, from the second one on.
POLYNOMIALS = (
    (1, 0, (1,)),
    (2, 1, (1, 3)),
    (3, 1, (1, 3, 1)),
    (3, 2, (1, 1, 1)),
    (4, 1, (1, 1, 3, 3)),
    (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)),
    (5, 4, (1, 1, 5, 5, 5)),
    (5, 7, (1, 1, 7, 11, 19)),
    (5, 11, (1, 1, 5, 1, 1)),
    (5, 13, (1, 1, 1, 3, 11)),
    (5, 14, (1, 3, 5, 5, 31)),
    (6, 1, (1, 3, 3, 9, 7, 49)),
    (6, 13, (1, 1, 1, 15, 21, 21)),
    (6, 16, (1, 3, 1, 13, 27, 49)),
)
DIMENSIONS = len(POLYNOMIALS) + 1


def sobol(dimensions: int, start: int, count: int) -> npt.NDArray[np.float64]:
    """Points ``start`` to ``start + count`` of the sequence, a row each, in [0, 1).

    >>> sobol(2, 0, 4).tolist()
    [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]
    """
    if not 1 <= dimensions <= DIMENSIONS:
        raise InputError(f"a Sobol sample takes up to {DIMENSIONS} axes, not {dimensions}; fix some with params=")
    numbers = np.arange(start, start + count, dtype=np.uint64)
    gray = numbers ^ (numbers >> np.uint64(1))
    points = np.zeros((count, dimensions), np.uint64)
    for bit in range(BITS):
        chosen = (gray >> np.uint64(bit)) & np.uint64(1) == 1
        points[chosen] ^= np.array([_directions(dimension)[bit] for dimension in range(dimensions)], np.uint64)
    return points / float(1 << BITS)


def _directions(dimension: int) -> list[int]:
    """What each bit of a number's Gray code adds in a dimension, as integers of BITS bits."""
    if dimension == 0:
        return [1 << (BITS - 1 - bit) for bit in range(BITS)]
    degree, inner, first = POLYNOMIALS[dimension - 1]
    made = [number << (BITS - 1 - bit) for bit, number in enumerate(first)]
    for bit in range(degree, BITS):
        value = made[bit - degree] ^ (made[bit - degree] >> degree)
        for step in range(1, degree):
            value ^= made[bit - step] * (inner >> (degree - 1 - step) & 1)
        made.append(value)
    return made
