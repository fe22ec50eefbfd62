"""The running processes go over to the moved shards by themselves: web by answering 503 meanwhile, ingest by reading
again from the least offset."""

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import connect

from adapters.eventlog import fence
from app import ingest
from app.children import Children
from app.settings import Settings
from app.sharding.reshard import abort, reshard
from app.wiring import Wiring
from tests.adapters.kafka.conftest import broker, build, lost_sockets, source_of  # noqa: F401
from tests.adapters.kafka.test_ingest import publish, recorded, skus, views
from tests.app.looking import wait_for

PIECE = 200


def free_port() -> int:
    """A port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def track(settings: Settings, number: int) -> tuple[int, str | None]:
    """Sends a view; the status and Retry-After, status 0 where nobody answers."""
    event = {
        "anonymousId": f"a{number}",
        "messageId": f"m{number}",
        "event": "Product Viewed",
        "timestamp": "2026-03-01T10:00:00Z",
        "properties": {"sku": f"SKU{number}"},
    }
    request = urllib.request.Request(
        f"http://{settings.host}:{settings.port}/v1/track",
        json.dumps(event).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {settings.generated_keys()['server']}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return answer.status, None
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Retry-After"]
    except urllib.error.URLError:
        return 0, None


def test_web_answers_503_while_closed_and_goes_over(wiring: Wiring) -> None:
    own = wiring.settings.model_copy(update={"port": free_port()})
    with Children(own) as children:
        web = children.start("serve")
        wait_for(lambda: track(own, 0)[0] == 200)
        place = wiring.place(wiring.layout(), 0)
        with connect(place.url, autocommit=True) as connection:
            fence.close(connection, place.schema, 2)
        status, retry = track(own, 1)
        assert (status, bool(retry)) == (503, True)
        abort(wiring)
        assert track(own, 1)[0] == 200
        reshard(wiring, 3, drop_old=True)
        for number in range(2, 12):
            wait_for(lambda: track(own, number)[0] == 200)  # noqa: B023
        assert web.poll() is None
    assert recorded(wiring) == skus(12)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_ingest_goes_over_and_takes_everything_once(build: Callable[..., Wiring]) -> None:  # noqa: F811
    topic = build(shards=1)
    stop, counts = threading.Event(), list[Any]()
    thread = threading.Thread(target=lambda: counts.append(ingest.run(topic, stop)))
    publish(topic, views(PIECE))
    thread.start()
    try:
        wait_for(lambda: len(recorded(topic)) >= PIECE // 4)
        publish(topic, views(PIECE, begin=PIECE))
        with Wiring(topic.settings) as elsewhere:
            assert reshard(elsewhere, 3).moved
        publish(topic, views(PIECE, begin=2 * PIECE))
        wait_for(lambda: len(topic.customers) == 3 and len(recorded(topic)) == 3 * PIECE)
    finally:
        stop.set()
        thread.join()
    assert recorded(topic) == skus(3 * PIECE)
    wanted = [3 * PIECE] * 4
    assert [sum(log.consumed(source_of(topic)).values()) for log in (*topic.customers, topic.catalogue)] == wanted
