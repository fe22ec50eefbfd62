"""Trials as observations: showings and clicks counted by arm and context, so that their order is of no matter."""

from collections.abc import Iterable, Mapping

import numpy as np

from ml.bandit.context import CELLS, Context, vectors
from ml.bandit.model import Observations
from readmodels.bandit import Trial

DAY_H = 24
HOUR_MS = 3_600_000
#: 1 January 1970 was a Thursday.
FIRST_WEEKDAY = 3


def observations(trials: Iterable[Trial], rows: Mapping[str, int], clock_h: int = 0) -> Observations:
    """Counts of the trials whose SKU has a row. ``clock_h``: the shop's clock, in hours ahead of UTC."""
    arms, codes, clicked = [], [], []
    for trial in trials:
        if trial.sku in rows:
            arms.append(rows[trial.sku])
            codes.append(context_of(trial, clock_h).code)
            clicked.append(trial.clicked)
    cells = np.array(arms, np.int64) * CELLS + np.array(codes, np.int64)
    distinct, which = np.unique(cells, return_inverse=True)
    return Observations(
        (distinct // CELLS).astype(np.int32),
        vectors(distinct % CELLS),
        np.bincount(which, minlength=len(distinct)).astype(np.int64),
        np.bincount(which[np.array(clicked, np.bool_)], minlength=len(distinct)).astype(np.int64),
    )


def context_of(trial: Trial, clock_h: int = 0) -> Context:
    """The trial's context by the shop's clock."""
    hours = trial.at // HOUR_MS + clock_h
    weekday = (hours // DAY_H + FIRST_WEEKDAY) % 7
    return Context.of(hours % DAY_H, weekday, trial.device, trial.location, trial.intent)
