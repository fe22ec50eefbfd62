"""Revenue with capping: one order of a wholesaler must not decide an experiment. Values above a percentile that the
design fixes are set to it (winsorised), for all arms alike."""

from collections.abc import Sequence

import numpy as np

from projections.experiments.moments import Floats


def cap(values: Floats, percentile: float, *, zeros: bool = True) -> float:
    """The percentile (0 … 100) over all units of all arms, or over those above 0 alone. Raises ValueError."""
    if not 0 < percentile < 100:
        raise ValueError("a percentile lies between 0 and 100")
    counted = values if zeros else values[values > 0]
    return float(np.percentile(counted, percentile)) if len(counted) else 0.0


def winsorised(arms: Sequence[Floats], percentile: float, *, zeros: bool = True) -> tuple[float, list[Floats]]:
    """The cap, and each arm's values (n,) under it."""
    limit = cap(np.concatenate(list(arms)), percentile, zeros=zeros)
    return limit, [np.minimum(values, limit) for values in arms]
