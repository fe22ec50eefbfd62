"""Whether arms have the shares that were designed: looked at daily, and recorded where they have not."""

from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from app.reporting import exposed_persons
from app.training.training_set import heads
from app.wiring import Wiring
from commands.experiment import TellMismatch
from projections.experiments import srm
from projections.experiments.sequential import TUNED
from queries.experiment_report import Asked, ExperimentReport, report
from queries.experiments import Told, experiments_of

UNDER_WAY = ("running", "paused")
ALPHA = 0.05


def look(wiring: Wiring, now: datetime) -> int:
    """Looks at every experiment that is under way; how many are found to be mismatched. A daily look at one chi-square
    after the other would find too much, so this is the test for any number of looks. Raises UnavailableError."""
    found = 0
    for told in experiments_of(wiring.experiment_events()):
        if told.state in UNDER_WAY and (made := _reported(wiring, told, now)) is not None:
            shares = {variant.name: float(variant.buckets) for variant in told.design.variants}
            p_value = srm.at_any_look(list(made.came.values()), [shares[arm] for arm in made.came])
            if p_value < srm.ALPHA:
                tell(wiring, told, made, p_value, now)
                found += 1
    return found


def tell(wiring: Wiring, told: Told, made: ExperimentReport, p_value: float, now: datetime) -> None:
    """Records that arms have not their shares: once for each experiment and shares, whoever finds it. Nothing where
    the experiment is not under way."""
    if told.state not in UNDER_WAY:
        return
    shares = ",".join(f"{v.name}={v.buckets}" for v in told.design.variants)
    command = TellMismatch(
        source_id=f"report:{uuid5(NAMESPACE_URL, f'{told.key} {shares}')}",
        occurred_at=now,
        key=told.key,
        counts=dict(made.report.counts),
        p_value=f"{p_value:.3g}",
    )
    wiring.bus().dispatch([command])


def _reported(wiring: Wiring, told: Told, now: datetime) -> ExperimentReport | None:
    """None where there is nothing to compare yet."""
    persons = exposed_persons.read(wiring, told.key, wiring.settings.currency, heads(wiring)).persons
    asked = Asked(int(now.timestamp() * 1000), ALPHA, TUNED, None, None, wiring.settings.least_people)
    try:
        return report(told, persons, asked)
    except ValueError:
        return None
