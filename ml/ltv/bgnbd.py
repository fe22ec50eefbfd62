"""BG/NBD (Fader, Hardie & Lee 2005, "Counting your customers" the easy way): while alive, a customer buys at a rate of
their own (gamma: r, alpha), and after each purchase leaves for good with a chance of their own (beta: a, b)."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ml.ltv.summary import Floats, Summary

#: Logarithms of the parameters stay within this, so that no step of the search can overflow.
BOUND = 12.0


@dataclass(frozen=True, slots=True)
class BgNbd:
    """``alpha`` in the unit of time of the summary. ``log_likelihood`` of all customers."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


def fit(summary: Summary) -> BgNbd:
    """By maximum likelihood. Raises ValueError where nobody ever bought again, or no maximum is found."""
    if not summary.frequency.any():
        raise ValueError("nobody bought a second time, so nothing can be learnt")
    rows = np.stack((summary.frequency, summary.recency, summary.age))
    distinct, times = np.unique(rows, axis=1, return_counts=True)
    scale = float(distinct[2].max()) or 1.0
    x, tx, t = distinct[0], distinct[1] / scale, distinct[2] / scale

    def loss(logs: Floats) -> float:
        return -float(times @ _log_likelihood(np.exp(logs), x, tx, t)) / len(summary.frequency)

    bounds = [(-BOUND, BOUND)] * 4
    found = optimize.minimize(loss, np.log([0.5, 0.25, 0.8, 2.0]), method="L-BFGS-B", bounds=bounds)
    exact = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20_000, "maxfev": 20_000}
    found = optimize.minimize(loss, found.x, method="Nelder-Mead", bounds=bounds, options=exact)
    if not found.success or np.abs(found.x).max() > BOUND - 0.1:
        raise ValueError("no best fit was found: these purchases do not look like buying at a rate until leaving")
    r, alpha, a, b = map(float, np.exp(found.x))
    moved = float(times @ x) * np.log(scale)
    return BgNbd(r, alpha * scale, a, b, -float(found.fun) * len(summary.frequency) - float(moved))


def _log_likelihood(parameters: Floats, x: Floats, tx: Floats, t: Floats) -> Floats:
    """(n,), their equation 6 in logarithms."""
    r, alpha, a, b = parameters
    common = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
    common += special.betaln(a, b + x) - special.betaln(a, b)
    alive = -(r + x) * np.log(alpha + t)
    left = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + tx)
    return np.asarray(common + np.where(x > 0, np.logaddexp(alive, left), alive), np.float64)


def alive(model: BgNbd, summary: Summary) -> Floats:
    """(n,) chance that each is still a customer (Fader, Hardie & Lee 2008)."""
    x = summary.frequency
    odds = model.a / (model.b + np.maximum(x, 1) - 1)
    odds = odds * ((model.alpha + summary.age) / (model.alpha + summary.recency)) ** (model.r + x)
    return np.where(x > 0, 1 / (1 + odds), 1.0)


def purchases(model: BgNbd, summary: Summary, ahead: float) -> Floats:
    """(n,) purchases expected of each within ``ahead`` from now (their equation 10)."""
    x, t = summary.frequency, summary.age
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    if abs(a - 1) < 1e-6:
        a = 1 + 1e-6
    hyper = special.hyp2f1(r + x, b + x, a + b + x - 1, ahead / (alpha + t + ahead))
    power = ((alpha + t) / (alpha + t + ahead)) ** (r + x)
    return np.asarray((a + b + x - 1) / (a - 1) * (1 - power * hyper) * alive(model, summary), np.float64)
