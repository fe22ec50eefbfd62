"""How many units an experiment needs, for how long, or what would show: what the command line and HTTP both ask."""

from dataclasses import asdict, dataclass
from typing import Any

from projections.experiments.power import Asked, Baseline, detectable, duration_days, proportion, sample_size


@dataclass(frozen=True, slots=True)
class PlanAsk:
    """``rate``, or ``mean`` and ``sd``, of the control. ``effect``: relative, to be seen; else ``units`` in both arms,
    or so many ``daily`` for so many ``days``. ``arms``: the control too; alpha is divided by the others."""

    rate: float | None = None
    mean: float | None = None
    sd: float | None = None
    effect: float | None = None
    units: int | None = None
    daily: float | None = None
    days: int | None = None
    alpha: float = 0.05
    power: float = 0.8
    share: float = 0.5
    arms: int = 2
    rho: float = 0.0
    sequential: bool = False


class PlanError(ValueError):
    """Something is missing, or too much is said: ``field`` is rate or effect."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


def plan(ask: PlanAsk) -> dict[str, Any]:
    """With an effect: ``units``, ``control``, ``treatment`` and ``days``; else ``units`` and the smallest ``effect``
    that shows. Raises PlanError, ValueError for what cannot be."""
    baseline = _baseline(ask)
    asked = Asked(ask.alpha, ask.power, ask.share, ask.arms - 1, ask.sequential)
    if ask.effect is not None:
        found = sample_size(baseline, ask.effect, asked)
        days = duration_days(found, ask.daily) if ask.daily else None
        return {"units": found.units} | asdict(found) | {"days": days}
    size = ask.units or (int(ask.daily * ask.days) if ask.daily and ask.days else 0)
    if not size:
        raise PlanError("effect", "give effect, or units, or daily and days")
    return {"units": size, "effect": detectable(baseline, size, asked)}


def _baseline(ask: PlanAsk) -> Baseline:
    if ask.rate is not None and ask.mean is None and ask.sd is None:
        return proportion(ask.rate, ask.rho)
    if ask.rate is None and ask.mean is not None and ask.sd is not None:
        return Baseline(ask.mean, ask.sd * ask.sd, ask.rho)
    raise PlanError("rate", "give rate, or mean and sd")
