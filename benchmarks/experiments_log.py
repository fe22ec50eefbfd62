"""A/A experiments through the log: persons come, are exposed and order as commands; what the report makes of the log is
compared with what was drawn. ``make bench-experiments`` runs it after the simulations on sufficient statistics."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import numpy as np

from app.reporting import exposed_persons
from app.settings import Settings
from app.training.training_set import heads
from app.wiring import Wiring
from commands.browse import RecordView
from commands.command import Command
from commands.experiment import DesignExperiment, StartExperiment
from commands.exposure import RecordExposure, exposure_source
from commands.order import PlaceOrder
from domain.assignment.hashing import HashVersion
from domain.design import Design, Variant
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Line
from projections.experiments import moments, sequential
from projections.experiments.moments import Sample
from projections.experiments.steps import cumulated
from queries.experiment_report import Asked, ExperimentReport, report
from queries.experiments import experiments_of

ARMS, START = ("a", "b"), datetime(2026, 5, 1, tzinfo=UTC)
DAYS, DAILY, RATE, BATCH = 28, 20, 0.15, 500
Drawn = list[tuple[str, dict[str, Sample]]]


def through_the_log(experiments: int, seed: int) -> dict[str, Any]:
    """How many experiments the report told exactly as drawn, and in how many it found a difference at any look."""
    with TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = Settings(var=Path(folder), namespace="aa", postgres_url=None, redis_url=None)
        with Wiring(settings) as wiring:
            wiring.provision()
            drawn = [_lived(wiring, number, np.random.default_rng((seed, number))) for number in range(experiments)]
            made = [_reported(wiring, _key(number)) for number in range(experiments)]
    equal = sum(_equal(told, days) for told, days in zip(made, drawn, strict=True))
    found = sum(told.paths["b"].decided is not None for told in made)
    return {"experiments": experiments, "equal": equal, "found": found, "persons": experiments * DAYS * DAILY * 2}


def _lived(wiring: Wiring, number: int, random: np.random.Generator) -> Drawn:
    """Records an experiment; day → arm → that day's persons."""
    _begin(wiring, number)
    days: Drawn = []
    commands: list[Command] = []
    for day in range(DAYS):
        bought = {arm: int(random.binomial(DAILY, RATE)) for arm in ARMS}
        days.append((str(day), {arm: moments.proportion(DAILY, count) for arm, count in bought.items()}))
        for arm in ARMS:
            for place in range(DAILY):
                commands += _person(wiring, number, day, arm, place, bought=place < bought[arm])
    bus = wiring.bus()
    for at in range(0, len(commands), BATCH):
        bus.dispatch(commands[at : at + BATCH])
    return days


def _begin(wiring: Wiring, number: int) -> None:
    variants = tuple(Variant(name=arm, buckets=5_000) for arm in ARMS)
    design = Design(hypothesis="none", primary_metric="conversion", variants=variants)
    about: dict[str, Any] = {"key": _key(number), "occurred_at": START}
    wiring.bus().dispatch(
        [DesignExperiment(design=design, source_id="design", **about), StartExperiment(source_id="start", **about)]
    )


def _person(wiring: Wiring, number: int, day: int, arm: str, place: int, *, bought: bool) -> Iterator[Command]:
    name = f"{number}-{day}-{arm}-{place}"
    who = Identifier(kind=IdentifierKind.ANONYMOUS, value=name)
    at = START + timedelta(days=day, hours=1, minutes=place)
    told: dict[str, Any] = {"identifiers": (who,), "channel": Channel.WEB}
    yield RecordView(sku="S", source_id=f"view {name}", occurred_at=at - timedelta(minutes=1), **told)
    yield RecordExposure(
        stream=_stream(wiring, who),
        source_id=exposure_source(_key(number)),
        occurred_at=at,
        experiment=_key(number),
        variant=arm,
        hash_version=HashVersion.BLAKE,
        channel=Channel.WEB,
    )
    if bought:
        line = Line(sku="S", quantity=1, price_cents=5_000)
        order: dict[str, Any] = {"order_id": f"order {name}", "total_cents": 5_000, "currency": "USD", "lines": (line,)}
        yield PlaceOrder(source_id=f"order {name}", occurred_at=at + timedelta(minutes=5), **order, **told)


def _stream(wiring: Wiring, who: Identifier) -> UUID:
    return wiring.directory.claim([who])[who]


def _reported(wiring: Wiring, key: str) -> ExperimentReport:
    told = next(each for each in experiments_of(wiring.experiment_events()) if each.key == key)
    persons = exposed_persons.read(wiring, key, "USD", heads(wiring)).persons
    until = START + timedelta(days=DAYS)
    return report(told, persons, Asked(int(until.timestamp() * 1000), planned=2 * DAYS * DAILY))


def _equal(told: ExperimentReport, days: Drawn) -> bool:
    """Whether the end and every look are those of the drawn numbers."""
    looks = cumulated(days)
    result = next(each for each in told.report.results if each.metric == "conversion")
    expected = [sequential.at(arms["a"], arms["b"], tuned=2 * DAYS * DAILY) for _, arms in looks]
    intervals = [(look.absolute.low, look.absolute.high) for look in expected if look is not None]
    shown = [(look.estimate.low, look.estimate.high) for look in told.paths["b"].looks]
    end = looks[-1][1]
    counted = (result.control.n, result.treatment.n) == (end["a"].n, end["b"].n)
    means = np.allclose(
        (result.control.mean, result.treatment.mean), (end["a"].mean, end["b"].mean), rtol=0, atol=1e-12
    )
    return counted and means and len(shown) == len(intervals) and np.allclose(shown, intervals, rtol=0, atol=1e-12)


def _key(number: int) -> str:
    return f"aa-{number}"
