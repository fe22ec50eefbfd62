"""Whether arms have the shares that were designed: looked at daily, and recorded where they have not."""

from collections.abc import Mapping
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from app.reporting import exposed_persons
from app.training.training_set import heads
from app.wiring import Wiring
from commands.experiment import TellMismatch
from projections.experiments import srm
from projections.experiments.exposed import Rules
from queries.experiment_report import arrivals
from queries.experiments import Told, experiments_of

UNDER_WAY = ("running", "paused")


def look(wiring: Wiring, now: datetime) -> int:
    """Looks at every experiment that is under way; how many are found to be mismatched. A daily look at one chi-square
    after the other would find too much, so this is the test for any number of looks. Raises UnavailableError."""
    found = 0
    for told in experiments_of(wiring.experiment_events()):
        if told.state in UNDER_WAY:
            persons = exposed_persons.read(wiring, told.key, wiring.settings.currency, heads(wiring)).persons
            came = arrivals(told, persons, Rules(until_ms=int(now.timestamp() * 1000)))
            shares = {variant.name: float(variant.buckets) for variant in told.design.variants}
            p_value = srm.at_any_look(list(came.values()), [shares[arm] for arm in came])
            if p_value < srm.ALPHA:
                tell(wiring, told, came, p_value, now)
                found += 1
    return found


def tell(wiring: Wiring, told: Told, came: Mapping[str, int], p_value: float, now: datetime) -> None:
    """Records that arms have not their shares: once for each experiment and shares, whoever finds it. Nothing where
    the experiment is not under way. ``came``: arm → persons since shares were changed last."""
    if told.state not in UNDER_WAY:
        return
    shares = ",".join(f"{v.name}={v.buckets}" for v in told.design.variants)
    command = TellMismatch(
        source_id=f"report:{uuid5(NAMESPACE_URL, f'{told.key} {shares}')}",
        occurred_at=now,
        key=told.key,
        counts=dict(came),
        p_value=f"{p_value:.3g}",
    )
    wiring.bus().dispatch([command])
