"""Lifetime value: purchases expected, times what each is worth, less for what comes later."""

from itertools import pairwise

import numpy as np

from ml.ltv import bgnbd, gamma_gamma
from ml.ltv.bgnbd import BgNbd
from ml.ltv.gamma_gamma import GammaGamma
from ml.ltv.summary import Floats, Summary

PARTS = 12


def residual(model: BgNbd, money: GammaGamma, summary: Summary, ahead: float, discount: float = 0.0) -> Floats:
    """(n,) value of each customer's purchases from now until ``ahead``. ``discount``: what is lost over the whole of
    ``ahead``, .1 for a tenth; each of ``PARTS`` parts of it is discounted at its middle. Raises ValueError."""
    if ahead <= 0 or not 0 <= discount < 1:
        raise ValueError("ahead is above 0, and a discount from 0 to below 1")
    ends = np.linspace(0, ahead, PARTS + 1)
    total = np.zeros(len(summary.frequency))
    before = np.zeros(len(summary.frequency))
    for start, end in pairwise(ends):
        until = bgnbd.purchases(model, summary, float(end))
        total += (until - before) * (1 - discount) ** ((start + end) / 2 / ahead)
        before = until
    return total * gamma_gamma.spend(money, summary)
