"""On real servers: all that is made of a log with an erasure is as in a shop where that person never came.

The second namespace has the same directory but for that person, so the same people have the same streams.
"""

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from msgspec.structs import replace

from app.erasing.later import follow_up
from app.erasing.people import people
from app.reporting import attribution, exposed_persons
from app.settings import Settings
from app.training import training_set
from app.wiring import Wiring
from commands.browse import RecordVisit
from commands.command import Command, CustomerCommand
from commands.exposure import RecordExposure
from domain.identity import Identifier, IdentifierKind
from domain.values import Campaign
from projections.examples import Rules
from queries.attribution_report import Asked
from readmodels.customer import decode
from readmodels.keys import Keys
from tests.app.erasing.worlds import IMMEDIATE, erased, linked, order, projected, refund, said, told, view
from tests.namespaces import namespace
from tests.projections.memory import members
from tests.projections.test_erased import owed

PEOPLE = 9
MODELS = ("linear", "markov-1")
CHANGES: dict[str, Any] = IMMEDIATE | {"shards": 2, "least_people": 2}


def names_of(number: int) -> tuple[Identifier, Identifier]:
    email = Identifier(kind=IdentifierKind.EMAIL, value=f"p{number}@never.example")
    return Identifier(kind=IdentifierKind.USER, value=f"u{number}"), email


def device(number: int) -> Identifier:
    return Identifier(kind=IdentifierKind.DEVICE, value=f"d{number}")


def history(seed: int) -> list[Command]:
    """People with two streams each, devices that one or two of them use, who came by links, orders and refunds, in a
    random order."""
    chance, found = random.Random(seed), list[Command]()
    for number in range(PEOPLE):
        user, email = names_of(number)
        found.append(linked(user, email, f"link {number}"))
        found.append(linked(user, device(chance.randrange(PEOPLE)), f"device {number}"))
        for each in range(chance.randrange(2, 8)):
            found.append(view(chance.choice([user, email]), f"S{chance.randrange(6)}", f"view {number}.{each}"))
        campaign = Campaign(medium=chance.choice(["email", "social", "cpc"]))
        found.append(RecordVisit(identifiers=(user,), campaign=campaign, **said(f"visit {number}")))
        found.append(order(email, f"O{number}", 1000 + number, f"order {number}"))
        if chance.random() < 0.5:
            found.append(refund(email, f"O{number}", f"R{number}", 100, f"refund {number}"))
    found += [view(device(number), f"S{number % 6}", f"device view {number}") for number in range(PEOPLE)]
    chance.shuffle(found)
    return found


def of_somebody_else(command: Command, gone: set[Identifier]) -> bool:
    return isinstance(command, CustomerCommand) and not gone.intersection(command.identifiers)


def exposures(wiring: Wiring, who: list[Identifier]) -> list[Command]:
    found: list[Command] = []
    for number, identifier in enumerate(who):
        stream = wiring.directory.find(identifier)
        assert stream is not None
        facts = said(f"exposure {number}") | {"variant": "ab"[number % 2], "hash_version": "blake2b-10000"}
        found.append(RecordExposure(stream=stream, experiment="hero", **facts))
    return found


def made_of(wiring: Wiring, streams: list[UUID]) -> dict[str, Any]:
    """All that is made of the log, without versions and positions."""
    projected(wiring)
    generation = wiring.generations.live("statistics")
    where = Keys(wiring.settings.namespace, generation)
    current: Any = wiring.redis.get(where.statistics_current)
    records = {
        stream: (home, {s: replace(decode(value), version=0) for s, value in fields.items()})
        for stream, (home, fields) in members(wiring.people(wiring.generations.live()), streams).items()
    }
    found = training_set.read(wiring, Rules())
    credited = owed(attribution.made(wiring, Asked(MODELS, 0, 1 << 42), training_set.heads(wiring)))
    tally = exposed_persons.read(wiring, "hero", "EUR", training_set.heads(wiring))
    return {
        "records": records,
        "statistics": wiring.redis.get(where.statistics(current.decode())) if current else None,
        "examples": found.examples.digest(),
        "skus": tuple(found.names.skus),
        "experiment": tally.persons,
        "attribution": credited,
    }


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    with namespace(settings, **CHANGES) as built:
        yield built


@pytest.mark.parametrize("seed", [1, 2])
def test_a_log_with_an_erasure_is_that_of_a_shop_where_the_person_never_came(
    wiring: Wiring, settings: Settings, seed: int
) -> None:
    commands, victim = history(seed), names_of(seed)[0]
    told(wiring, commands)
    told(wiring, exposures(wiring, [names_of(number)[0] for number in range(PEOPLE)]))
    projected(wiring)
    claims = _claims(wiring)
    subject = wiring.directory.find(victim)
    assert subject is not None
    gone = set(people(wiring.kept, [subject])[subject])
    everybody = {i for c in commands if isinstance(c, CustomerCommand) for i in c.identifiers}
    names = {i for i in everybody if wiring.directory.find(i) in gone}
    erased(wiring, victim)
    follow_up(wiring)
    with namespace(settings, **CHANGES) as never:
        _claim(never, [row for row in claims if row[1] not in gone])
        told(never, [command for command in commands if of_somebody_else(command, names)])
        others = [who for number in range(PEOPLE) if (who := names_of(number)[0]) not in names]
        own = {names_of(number)[0]: number for number in range(PEOPLE)}
        told(never, exposures_of(never, others, own))
        streams = sorted({row[1] for row in claims} - gone)
        before, after = made_of(never, streams), made_of(wiring, streams)
    assert before["attribution"]["EUR"][0][0] > 0, "somebody is credited"
    assert after.keys() == before.keys()
    for name, what in before.items():
        assert after[name] == what, name


def exposures_of(wiring: Wiring, who: list[Identifier], numbers: dict[Identifier, int]) -> list[Command]:
    """Those of these people, as they were said of them."""
    found = exposures(wiring, who)
    return [
        command.model_copy(
            update={"source_id": f"test:exposure {numbers[identifier]}", "variant": "ab"[numbers[identifier] % 2]}
        )
        for command, identifier in zip(found, who, strict=True)
    ]


def _claims(wiring: Wiring) -> list[tuple[bytes, UUID]]:
    with psycopg.connect(wiring._url("directory")) as connection:
        return connection.execute("SELECT identifier, stream FROM claim").fetchall()


def _claim(wiring: Wiring, rows: list[tuple[bytes, UUID]]) -> None:
    with psycopg.connect(wiring._url("directory")) as connection, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO claim VALUES (%s, %s)", rows)
