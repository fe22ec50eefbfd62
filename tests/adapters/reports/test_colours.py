"""Colours of charts as people see them who lack one kind of cones: simulated (Machado, Oliveira & Fernandes 2009), and
told apart in CIELAB."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from adapters.reports.attribution_shown import COLOURED
from adapters.reports.charts import COLOURS

Floats = NDArray[np.float64]
#: On linear RGB, at full severity.
SEEN = {
    "all cones": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]]
    ),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
#: A difference that is seen at a glance, not only side by side.
GLANCE = 11.0


def lab(colour: str, seen: Floats) -> Floats:
    """L, a and b (D65) of ``#rrggbb``."""
    rgb = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x, y, z = XYZ @ np.clip(seen @ linear, 0, 1) / np.array([0.9505, 1.0, 1.089])
    fx, fy, fz = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize("who", SEEN)
@pytest.mark.parametrize("colours", [COLOURS, COLOURED, ("#0072B2", "#E69F00", "#59626d")])
def test_no_two_colours_look_alike(who: str, colours: tuple[str, ...]) -> None:
    for one, other in combinations(colours, 2):
        assert float(np.linalg.norm(lab(one, SEEN[who]) - lab(other, SEEN[who]))) > GLANCE, (one, other)
