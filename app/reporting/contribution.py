"""What an experiment measured of recommendations, beside what they are credited with."""

from dataclasses import replace

from app.reporting import exposed_persons
from app.training.work import Positions
from app.wiring import Wiring
from queries import experiment_report
from queries.attribution_personalization import beside, elsewhere
from queries.attribution_report import AttributionReport
from queries.experiment_report import ExperimentReport
from queries.experiments import Told, experiments_of
from queries.reports import RefusedError

METRICS = ("conversion", "revenue", "net_revenue")


def with_experiment(wiring: Wiring, made: AttributionReport, key: str, positions: Positions) -> AttributionReport:
    """With the lifts of an experiment, in the shop's currency, of whom it exposed before the period's end. Raises
    RefusedError where there is no such experiment, UnavailableError."""
    told = next((each for each in experiments_of(wiring.experiment_events()) if each.key == key), None)
    if told is None:
        raise RefusedError("there is no experiment with this key")
    found, currency = _measured(wiring, told, positions, made.asked.to_ms), wiring.settings.currency
    return replace(
        made,
        currencies=tuple(
            replace(
                each,
                personalization=beside(each.personalization, found, METRICS)
                if each.currency == currency
                else elsewhere(each.personalization, currency),
            )
            for each in made.currencies
        ),
    )


def _measured(wiring: Wiring, told: Told, positions: Positions, until_ms: int) -> ExperimentReport | None:
    """None where there is nothing to compare."""
    persons = exposed_persons.read(wiring, told.key, wiring.settings.currency, positions).persons
    try:
        return experiment_report.report(told, persons, experiment_report.Asked(until_ms))
    except ValueError:
        return None
