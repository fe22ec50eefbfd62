"""What an experiment measured of recommendations, beside what they are credited with."""

from dataclasses import replace

from app.reporting import exposed_persons
from app.training.work import Positions
from app.wiring import Wiring
from queries import experiment_report
from queries.attribution_personalization import beside
from queries.attribution_report import AttributionReport
from queries.experiments import experiments_of

METRICS = ("conversion", "revenue", "net_revenue")


def with_experiment(wiring: Wiring, made: AttributionReport, key: str, positions: Positions) -> AttributionReport:
    """With the lifts of an experiment, in the shop's currency, of whom it exposed before the period's end. Raises
    ValueError where there is no such experiment or nothing to compare, UnavailableError."""
    told = next((each for each in experiments_of(wiring.experiment_events()) if each.key == key), None)
    if told is None:
        raise ValueError("there is no experiment with this key")
    currency = wiring.settings.currency
    persons = exposed_persons.read(wiring, key, currency, positions).persons
    found = experiment_report.report(told, persons, experiment_report.Asked(made.asked.to_ms))
    return replace(
        made,
        currencies=tuple(
            replace(each, personalization=beside(each.personalization, found, METRICS))
            if each.currency == currency
            else each
            for each in made.currencies
        ),
    )
