"""Gamma-gamma (Fader, Hardie & Lee 2005, "RFM and CLV"; Fader & Hardie 2013): each customer spends around a mean of
their own, which does not depend on how often they buy."""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ml.ltv.summary import Floats, Summary

BOUND = 15.0


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """``gamma`` in the unit of money of the summary. ``correlation`` of frequency with money, which the model takes for
    0: beyond ±.3 it should not be believed."""

    p: float
    q: float
    gamma: float
    correlation: float

    @property
    def mean(self) -> float:
        """Of a customer about whom nothing is known; infinite for q up to 1."""
        return self.gamma * self.p / (self.q - 1) if self.q > 1 else float("inf")


def fit(summary: Summary) -> GammaGamma:
    """By maximum likelihood on who bought again, for more than nothing. Raises ValueError for fewer than two of them,
    without amounts, or where no maximum is found."""
    if summary.money is None:
        raise ValueError("amounts are not known")
    chosen = (summary.frequency > 0) & (summary.money > 0)
    if int(chosen.sum()) < 2:
        raise ValueError("fewer than two customers bought again")
    x, scale = summary.frequency[chosen], float(summary.money[chosen].mean())
    m = summary.money[chosen] / scale

    def loss(logs: Floats) -> float:
        return -float(_log_likelihood(np.exp(logs), x, m).mean())

    bounds = [(-BOUND, BOUND)] * 3
    exact = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20_000, "maxfev": 20_000}
    found = optimize.minimize(loss, np.log([5.0, 3.0, 0.5]), method="Nelder-Mead", bounds=bounds, options=exact)
    if not found.success or np.abs(found.x).max() > BOUND - 0.1:
        raise ValueError("no best fit of the amounts was found")
    p, q, gamma = map(float, np.exp(found.x))
    varies = x.std() > 0 and m.std() > 0
    return GammaGamma(p, q, gamma * scale, float(np.corrcoef(x, m)[0, 1]) if varies else 0.0)


def _log_likelihood(parameters: Floats, x: Floats, m: Floats) -> Floats:
    p, q, gamma = parameters
    found = special.gammaln(p * x + q) - special.gammaln(p * x) - special.gammaln(q) + q * np.log(gamma)
    found = found + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(x * m + gamma)
    return np.asarray(found, np.float64)


def spend(model: GammaGamma, summary: Summary) -> Floats:
    """(n,) a purchase of each: their own mean, drawn to everybody's the more, the less is known of them. Raises
    ValueError without amounts, or where everybody's mean is infinite (q up to 1)."""
    if summary.money is None:
        raise ValueError("amounts are not known")
    if model.q <= 1:
        raise ValueError("amounts are so uneven that their mean is not known")
    own = model.p * summary.frequency
    return np.asarray((own * summary.money + model.p * model.gamma) / (own + model.q - 1), np.float64)
