"""The whole way with Kafka in between: HTTP, the web process, the topic, the ingest process, the log, the projector."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from app.children import Children
from app.cli import bespoke
from app.projecting import folding, runners
from app.wiring import Wiring
from tests.adapters.kafka.conftest import broker, build, lost_sockets, topic  # noqa: F401
from tests.adapters.kafka.test_ingest import recorded, skus
from tests.app.looking import everything, wait_for
from tests.app.test_reshard_processes import free_port, track

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
