"""log Φ, the logarithm of the standard normal distribution function, for arrays: a table of cubics through erfc."""

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LOW, HIGH, PER_UNIT = -36, 9, 32
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def _table() -> Floats:
    """(4, cells): on each cell the cubic that has log Φ's value and slope φ/Φ at both ends (Hermite)."""
    knots = np.linspace(LOW, HIGH, (HIGH - LOW) * PER_UNIT + 1)
    value = np.array([math.log(0.5 * math.erfc(-z / math.sqrt(2))) if z < 0 else _upper(z) for z in knots])
    slope = np.exp(-knots * knots / 2 - _HALF_LOG_2PI - value) / PER_UNIT
    rise = np.diff(value)
    left, right = slope[:-1], slope[1:]
    return np.array([value[:-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise])


def _upper(z: float) -> float:
    return math.log1p(-0.5 * math.erfc(z / math.sqrt(2)))


_TABLE = _table()


def log_cdf(z: Floats) -> Floats:
    """log Φ(z), any shape; within 1e-8 above -36, and by its asymptotic series below."""
    place = (np.clip(z, LOW, HIGH - 1e-9) - LOW) * PER_UNIT
    cell = place.astype(np.intp)
    t = place - cell
    out: Floats = _TABLE[3].take(cell)
    for coefficients in (_TABLE[2], _TABLE[1], _TABLE[0]):
        out *= t
        out += coefficients.take(cell)
    if z.size and z.min() < LOW:
        below = z < LOW
        far = z[below]
        out[below] = -far * far / 2 - np.log(-far) - _HALF_LOG_2PI - 1 / (far * far)
    return out


def log_density(z: Floats) -> Floats:
    """log φ(z)."""
    return np.asarray(-z * z / 2 - _HALF_LOG_2PI)
