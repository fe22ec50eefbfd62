"""The whole way with Kafka in between: HTTP, the web process, the topic, the ingest process, the log, the projector."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from click.testing import CliRunner

from adapters.channels.channel import Trust
from adapters.directory import PostgresDirectory
from adapters.http.at_once import AtOnce
from adapters.http.intake import Intake, Verdict
from adapters.http.metrics import Metrics
from adapters.http.writer import BusWriter
from adapters.keys.wrapping import derive
from adapters.postgres import Database
from app.children import Children
from app.cli import bespoke
from app.projecting import folding, runners
from app.wiring import Wiring
from commands.bus import Bus
from domain.customer import Customer
from tests.adapters.kafka.conftest import (  # noqa: F401
    broker,
    build,
    ingested,
    lost_sockets,
    topic,
)
from tests.adapters.kafka.test_ingest import recorded, skus
from tests.app.crowd import crowded
from tests.app.looking import everything, wait_for
from tests.app.test_away import NO_POSTGRES
from tests.app.test_live import House
from tests.app.test_remaking import SKUS
from tests.app.test_reshard_processes import free_port, track
from tests.app.test_rights import items, said, shown

EVENTS = 12


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_http_accepts_is_recorded_once_and_projected(build: Callable[..., Wiring]) -> None:  # noqa: F811
    house = build(port=free_port())
    folding.start_generation(house)
    with Children(house.settings) as children:
        children.start("serve")
        wait_for(lambda: track(house.settings, 0)[0] == 202)
        accepted = [track(house.settings, number)[0] for _ in range(2) for number in range(EVENTS)]
        assert accepted == [202] * (2 * EVENTS)
        assert sum(log.head() for log in house.customers) == 0  # nobody takes from the topic yet
        children.start("ingest")
        children.start("project", "--follow")
        wait_for(lambda: recorded(house) == skus(EVENTS))
        wait_for(lambda: runners.lag(house) == 0)
    assert len([key for key in everything(house) if "person:" in key]) == EVENTS


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_doctor_looks_for_the_topic(topic: Wiring) -> None:  # noqa: F811
    def kafka(**changes: str) -> dict[str, object]:
        told = topic.settings.model_copy(update=changes).environment()
        answer = CliRunner().invoke(bespoke, ["doctor", "--json"], env=told)
        (found,) = (c for c in json.loads(answer.output)["checks"] if c["check"] == "kafka")
        return dict(found)

    assert kafka()["found"] == f"topic {topic.settings.kafka_topic} is there"
    missing = kafka(kafka_topic="nowhere")
    assert (missing["ok"], "--create-topics" in str(missing["advice"])) == (False, True)


def withdrawals(house: Wiring) -> int:
    """How many are recorded."""
    events = [e for log in house.customers for e in log.decode_all(log.read(0, 100_000))]
    return sum(isinstance(event, Customer.ConsentWithdrawn) for event in events)


def without_postgresql(wiring: Wiring, anonymous: str) -> Verdict:
    """What a web process says to a withdrawal while the topic is there and PostgreSQL is not."""
    down, topic_ = Database(NO_POSTGRES, timeout=0.2), wiring.writer()
    directory = PostgresDirectory(down, derive(wiring.master, "bespoke directory"))
    straight = BusWriter(Bus(wiring.customers, wiring.catalogue, directory))
    intake = Intake(topic_, Metrics(), lambda: datetime.now(UTC), at_once=AtOnce(straight))
    about = {"purpose": "profiling", "policy_version": "1"}
    told = {"type": "track", "event": "Consent Withdrawn", "messageId": "away", "properties": about}
    body = json.dumps(told | {"anonymousId": anonymous, "timestamp": datetime.now(UTC).isoformat()}).encode()
    try:
        return asyncio.run(intake.take("segment", wiring.channels()["segment"], {}, body, Trust()))
    finally:
        straight.close()
        topic_.close()
        down.close()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_withdrawal_counts_in_the_next_answer_while_nobody_takes_from_the_topic(
    build: Callable[..., Wiring],  # noqa: F811
) -> None:
    wiring = build(port=free_port())
    crowd = crowded(wiring)
    with Children(wiring.settings) as children:
        children.start("project", "--follow")
        children.start("serve")
        house = House(wiring, children)
        wait_for(house.up)
        personal, stranger = items(shown(house, crowd[0])), items(shown(house, str(uuid4())))
        assert personal != stranger
        assert house.viewed(crowd[0], SKUS[1]) == 202
        assert said(house, crowd[0], "Consent Withdrawn", purpose="personalisation") == 200
        assert items(shown(house, crowd[0])) == stranger
        assert without_postgresql(wiring, crowd[1]).status == 202
        assert withdrawals(wiring) == 1
        counts = ingested(wiring)
        assert (counts.records, counts.events, counts.dead_letters) == (3, 2, 0), "nothing twice"
    assert withdrawals(wiring) == 2
