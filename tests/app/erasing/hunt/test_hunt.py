"""The canary hunt: unique strings of a customer, planted through every channel, and looked for everywhere: in every
byte on disk and through every reader there is. Before the erasure the readers find them, so the hunt works."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from uuid import UUID

import psycopg
import pytest

from adapters.embedded.broker import EmbeddedBroker
from adapters.http.compliance.officers import Role
from adapters.redis import on_disk
from app.children import Children
from app.erasing.later import follow_up
from app.jobs.schedule import FULL
from app.jobs.training import Training
from app.keeping.expire import expire_day_keys
from app.rights.exporting import exports_of
from app.wiring import Wiring
from domain.identity import Identifier
from readmodels import keys
from readmodels.erasure import DONE, UNREADABLE
from tests.adapters.kafka.conftest import broker, build, ingested, lost_sockets  # noqa: F401
from tests.app.erasing.hunt.canaries import CARD, LIKE, PHONE, SHOP, TWIN, WHO, N, canaries
from tests.app.erasing.hunt.planting import (
    House,
    Officer,
    at_the_desk,
    by_jobs,
    by_scores,
    published,
    running,
    settled,
    through_channels,
    through_questions,
)
from tests.app.erasing.hunt.reading import hits, on_topic, read_all
from tests.app.erasing.worlds import projected
from tests.app.looking import wait_for
from tests.app.test_canary import found_in, written_as
from tests.app.test_reshard_processes import free_port

NAMES = [WHO, SHOP, CARD, TWIN, LIKE]
#: What is told of nobody, and goes with the next generation; and what is skipped, until its key dies.
PENDING = {"statistics", "topic"}
CHANGES = {"shards": 2, "erasure_window_h": 0.0, "redis_wait_ms": 5_000, "rescue_wait_ms": 5_000}


@dataclass(frozen=True, slots=True)
class Her:
    """Who was planted: a stream of hers and all of them, an answer that she got, how many messages of hers wait."""

    person: UUID
    streams: list[UUID]
    decision: UUID
    waiting: int


@pytest.mark.skipif(find_spec("splink") is None, reason="needs the extra 'identity'")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_nothing_of_somebody_who_was_erased_is_found_anywhere(
    build: Callable[..., Wiring],  # noqa: F811
    broker: EmbeddedBroker,  # noqa: F811
) -> None:
    wiring = build(port=free_port(), **CHANGES)
    with running(wiring) as (house, children):
        rita, paul = (Officer(house, n, [r]) for n, r in (("rita", Role.REQUESTER), ("paul", Role.APPROVER)))
        her = planted(house, children, rita)
        assert_all_found(told_of(house, her))
        request = erased(wiring, rita, paul, her)
        assert told_of(house, her).keys() == PENDING
    counts = ingested(wiring)
    assert (counts.skipped, counts.events, counts.dead_letters) == (her.waiting, 0, 0)
    assert_unread_on_the_broker(wiring, her)
    finished(wiring, datetime.now(UTC) + timedelta(days=6))
    assert _state(wiring, request) == DONE
    with Wiring(wiring.settings, own_servers=False) as afterwards:  # as a process is that begins then
        assert hits(read_all(afterwards, her.streams, NAMES)) == {}
    # Every canary but the phone number has this in it, in whatever form it lies there.
    folders = wiring.settings.var, broker.log_file.parent
    assert [found_in(folder, word) for folder in folders for word in (N, PHONE[1:])] == [[]] * 4


def planted(house: House, children: Children, rita: Officer) -> Her:
    """Through every channel, until the readers have it."""
    wiring, queue = house.wiring, dict[str, set[str]]()
    through_channels(house)
    ingest = children.start("ingest")
    wait_for(lambda: all(map(wiring.directory.find, (WHO, SHOP, CARD))) and settled(wiring), 60)
    ingest.terminate()
    ingest.wait(20)
    by_scores(wiring, lambda: queue.update(hits(read_all(wiring, [found(wiring, WHO)], []))))
    assert queue["review queue"]
    wait_for(lambda: settled(wiring), 60)
    decision = through_questions(house, found(wiring, WHO))
    person = at_the_desk(rita)
    by_jobs(wiring, person)
    her = Her(person, sorted(exports_of(wiring).members(person)), decision, published(wiring))
    assert {found(wiring, who) for who in NAMES} < {*her.streams}
    wait_for(lambda: settled(wiring) and house.send("GET", f"/v1/decisions/{decision}")[0] == 200, 60)
    return her


def told_of(house: House, her: Her) -> dict[str, set[str]]:
    """Reader → the canaries that it tells, the web process among them."""
    return hits(read_all(house.wiring, her.streams, NAMES) | house.tells(her.streams, her.decision))


def erased(wiring: Wiring, rita: Officer, paul: Officer, her: Her) -> UUID:
    """By two officers; their page knows nothing of her afterwards."""
    _, path = rita.do(f"/person/{her.person}/erase", verified="document")
    paul.do(f"{path}/approve")
    request = UUID(path.rpartition("/")[2])
    wait_for(lambda: _state(wiring, request) == UNREADABLE and settled(wiring), 60)
    assert N.encode() not in b"".join(rita.see(f"/person/{stream}") for stream in her.streams)
    return request


def assert_unread_on_the_broker(wiring: Wiring, her: Her) -> None:
    """Whoever has the broker's data has nothing in clear, in no form."""
    records = on_topic(wiring)
    raw = b"".join(repr(each).encode() + (each.value or b"") + (each.key or b"") for each in records)
    assert len(records) > her.waiting and not any(form in raw for form in written_as(N))


def assert_all_found(before: dict[str, set[str]]) -> None:
    """Each planted string is told by a reader, and so by each channel."""
    seen = set().union(*before.values())
    assert {channel: words - seen for channel, words in canaries().items() if words - seen} == {}
    assert len(seen) >= 50
    assert before.keys() >= {
        *("profile", "profile then", "events", "events then", "audit", "letters", "redis", "log", "export", "case"),
        *("export to read", "receipts", "requests for access", "identity index", "topic", "records", "statistics"),
        *("http", "graphql"),
    }


def finished(wiring: Wiring, now: datetime) -> None:
    """All that follows with the next generation and with the keys of the topic, and all of it on disk."""
    projected(wiring)
    Training(wiring).do(FULL, 1)
    expire_day_keys(wiring, now)
    follow_up(wiring, now)
    projected(wiring)
    wait_for(lambda: not wiring.redis.info("persistence")["aof_rewrite_in_progress"])
    assert on_disk(wiring.redis, partial(keys.confirmed, wiring.settings.namespace))
    with psycopg.connect(wiring.postgres_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")


def found(wiring: Wiring, who: Identifier) -> UUID:
    stream = wiring.directory.find(who)
    assert stream is not None
    return stream


def _state(wiring: Wiring, request: UUID) -> str:
    status = wiring.erasures.find(request)
    assert status is not None
    return status.state
