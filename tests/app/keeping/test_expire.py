"""What has served its time goes from the log, Redis, L3 and other processes; what has not stays."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from adapters.eventlog.scan import position_at
from adapters.keys.retention import Periods
from app.erasing.asking import Asked, ask
from app.identities.index import drop, index_of
from app.identities.link import Linking, link_all
from app.identities.model import in_use
from app.keeping.anonymous import months_before, stale
from app.keeping.expire import expire, first_months
from app.keeping.rotate import rotate
from app.settings import Settings
from app.wiring import Wiring
from commands.browse import RecordSearch, RecordView
from commands.identify import Identify
from domain.customer import Customer
from domain.erased import Erased
from domain.event import Retention
from domain.identity import Identifier, IdentifierKind
from domain.privacy import Source
from domain.values import Channel
from readmodels import customer as records
from tests.app.alike import ANNA, MAYBE, use_model
from tests.app.erasing.worlds import order, projected, stream_of, told
from tests.namespaces import namespace

ANN = Identifier(kind=IdentifierKind.EMAIL, value="ann@expiry.example")
GUEST = Identifier(kind=IdentifierKind.ANONYMOUS, value="guest-1")
CART = Identifier(kind=IdentifierKind.CART, value="cart-of-ann")
OLD, NEW = datetime(2025, 3, 5, tzinfo=UTC), datetime(2026, 8, 5, tzinfo=UTC)
NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
KEPT = {
    "keep_behaviour_months": 13,
    "keep_identity_months": 13,
    "keep_transaction_months": 120,
    "keep_consent_months": 120,
    "keep_anonymous_months": 13,
}


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """Facts of behaviour and identity are kept 13 months."""
    with namespace(settings, shards=2, **KEPT) as built:
        yield built


def said(number: int, at: datetime) -> dict[str, Any]:
    return {"source_id": f"expiry:{number}", "occurred_at": at, "channel": Channel.WEB}


def events(wiring: Wiring, stream: UUID) -> list[str]:
    found = {s: e for log in wiring.customers for s, e in log.streams([stream])}
    return [type(each).__name__ for each in found[stream]]


def seen(wiring: Wiring, who: Identifier) -> list[str]:
    """The SKUs in the person's record in Redis."""
    stream = stream_of(wiring, who)
    ((_, field),) = wiring.people(wiring.generations.all_live().customers).read([stream]).values()
    assert field is not None
    return [view.sku for view in records.decode(field).views]


def test_facts_of_a_class_expire_by_month_and_records_are_folded_anew(wiring: Wiring) -> None:
    told(
        wiring,
        [
            RecordView(identifiers=(ANN,), sku="S-old", **said(1, OLD)),
            order(ANN, "A-1", 4990, 2),
            RecordView(identifiers=(ANN,), sku="S-new", **said(3, NEW)),
        ],
    )
    projected(wiring)
    stream = stream_of(wiring, ANN)
    assert sorted(seen(wiring, ANN)) == ["S-new", "S-old"]
    told_only = expire(wiring, NOW, dry_run=True)
    assert [str(each) for each in told_only.periods] == ["behaviour 2025-03", "identity 2025-03"]
    assert events(wiring, stream) == ["Opened", "ProductViewed", "OrderPlaced", "ProductViewed"]

    done = expire(wiring, NOW)
    assert [str(each) for each in done.periods] == ["behaviour 2025-03", "identity 2025-03"]
    assert events(wiring, stream) == ["Erased", "Erased", "OrderPlaced", "ProductViewed"]
    projected(wiring)
    assert seen(wiring, ANN) == ["S-new"]
    assert wiring.generations.previous().customers == 0  # nothing with the old view can be gone back to
    for shard in wiring.records:
        assert all(v.sku == "S-new" for r in shard.load([stream]).values() for v in r.views)
    assert expire(wiring, NOW).periods == ()


def test_a_stream_whose_beginning_has_expired_goes_on(wiring: Wiring) -> None:
    told(wiring, [RecordView(identifiers=(ANN,), sku="S-old", **said(1, OLD))])
    stream = stream_of(wiring, ANN)
    expire(wiring, NOW)
    (log,) = [each for each in wiring.customers if each.load([stream])]
    loaded = log.load([stream])[stream]
    assert (loaded.version, loaded.erased) == (2, False)
    (outcome,) = told(wiring, [RecordView(identifiers=(ANN,), sku="S-new", **said(2, NEW))])
    assert (outcome.stream, outcome.version, outcome.events) == (stream, 4, 1)
    assert events(wiring, stream) == ["Erased", "Erased", "Reopened", "ProductViewed"]
    other = Identifier(kind=IdentifierKind.USER, value="ann-1")
    told(wiring, [Identify(identifiers=(other, ANN), **said(3, NEW))])  # the link names the kind, which ANN tells
    found = {s: e for log in wiring.customers for s, e in log.streams([stream_of(wiring, other)])}
    (link,) = found[stream_of(wiring, other)][1:]
    assert events(wiring, stream)[4:] == ["IdentifierLinked"]  # it is said once what the stream belongs to
    assert isinstance(link, Customer.IdentifierLinked)
    assert link.other_kind is IdentifierKind.EMAIL
    projected(wiring)
    assert seen(wiring, ANN) == ["S-new"]
    asked = ask(wiring, Asked(ANN, "key:test", Source.API))
    assert set(asked.streams) == {stream, stream_of(wiring, other)}  # and it is one person with the other


def test_late_facts_of_an_expired_month_get_a_key_that_expires_again(wiring: Wiring) -> None:
    told(wiring, [RecordView(identifiers=(ANN,), sku="S-1", **said(1, OLD))])
    expire(wiring, NOW)
    told(wiring, [RecordView(identifiers=(ANN,), sku="S-late", **said(2, OLD))])
    assert events(wiring, stream_of(wiring, ANN)) == ["Erased", "Erased", "Reopened", "ProductViewed"]
    assert [str(each) for each in expire(wiring, NOW).periods] == ["behaviour 2025-03", "identity 2025-03"]
    assert events(wiring, stream_of(wiring, ANN)) == ["Erased"] * 4


def test_another_process_reads_an_expired_month_no_more(wiring: Wiring) -> None:
    told(wiring, [RecordSearch(identifiers=(ANN,), query="q", **said(1, OLD))])
    with Wiring(wiring.settings, own_servers=False) as other:
        stream = stream_of(other, ANN)
        assert events(other, stream) == ["Opened", "Searched"]
        Periods(wiring.keyring).destroy(Periods(wiring.keyring).past(first_months(wiring.settings, NOW)))

        async def wiped() -> None:
            while events(other, stream) != ["Erased", "Erased"]:
                await asyncio.sleep(0.01)

        asyncio.run(asyncio.wait_for(wiped(), 1.0))


def test_anonymous_visitors_who_stay_away_go_and_nobody_else(wiring: Wiring) -> None:
    told(
        wiring,
        [
            RecordView(identifiers=(GUEST,), sku="S-1", **said(1, NEW)),
            RecordView(identifiers=(ANN,), sku="S-2", **said(2, NEW)),
            Identify(identifiers=(ANN, CART), **said(3, NEW)),  # a cart that is hers stays with her
        ],
    )
    projected(wiring)
    guest = stream_of(wiring, GUEST)
    assert [s for some in stale(wiring, datetime.now(UTC)) for s in some] == []
    later = datetime.now(UTC).replace(year=datetime.now(UTC).year + 2, day=1)
    assert [s for some in stale(wiring, later) for s in some] == [guest]
    assert expire(wiring, later, dry_run=True).visitors == 1
    assert expire(wiring, later).visitors == 1
    assert wiring.directory.find(GUEST) is None
    assert wiring.keyring.living([guest]) == set()
    assert wiring.people(wiring.generations.all_live().customers).read([guest])[guest][1] is None
    assert wiring.directory.find(ANN) is not None
    assert wiring.directory.find(CART) is not None
    told(wiring, [RecordView(identifiers=(GUEST,), sku="S-1", **said(4, NEW))])
    assert stream_of(wiring, GUEST) != guest  # who comes back is somebody new
    assert [s for some in stale(wiring, months_before(later, 1)) for s in some] == [stream_of(wiring, GUEST)]


def indexed(wiring: Wiring) -> set[UUID]:
    """The streams of which linking's indexes hold anything: entries, blocks, pairs."""
    found, prefix = set[UUID](), f"{wiring.settings.namespace}:identity:"
    client: Any = wiring.redis
    for key in client.scan_iter(f"{prefix}*:stream:*"):
        found.add(UUID(key.decode()[-37:-1]))
    for key in client.scan_iter(f"{prefix}*:block:*"):
        found.update(UUID(bytes=each) for each in client.smembers(key))
    for key in client.scan_iter(f"{prefix}*:pairs:*"):
        found.update(UUID(bytes=each) for each in client.hkeys(key))
    return found


def test_linking_s_index_forgets_details_that_expired_and_visitors_who_stay_away(wiring: Wiring) -> None:
    use_model(wiring)
    users = [Identifier(kind=IdentifierKind.USER, value=f"u{number}") for number in range(4)]
    times = zip(users, (OLD, OLD, NEW, NEW), (ANNA, MAYBE, ANNA, MAYBE), strict=True)
    told(wiring, [Identify(identifiers=(u,), details=d, **said(n, at)) for n, (u, at, d) in enumerate(times)])
    told(wiring, [RecordView(identifiers=(GUEST,), sku="S-1", **said(9, NEW))])
    link_all(wiring)
    streams, guest = [stream_of(wiring, user) for user in users], stream_of(wiring, GUEST)
    assert indexed(wiring) == {*streams, guest}
    expire(wiring, NOW)
    assert indexed(wiring) == set(), "until somebody links again"
    link_all(wiring)
    index = index_of(wiring, in_use(wiring).version)
    assert index.compared(streams).keys() == set(streams[2:]) == index.edges(streams).keys()
    assert not index.keys_of(streams[:2])
    later = datetime.now(UTC).replace(year=datetime.now(UTC).year + 2, day=1)
    assert expire(wiring, later).visitors == 1
    link_all(wiring)
    assert guest not in indexed(wiring)


def test_links_by_scores_stay_when_what_carried_them_has_expired(wiring: Wiring) -> None:
    use_model(wiring)
    users = [Identifier(kind=IdentifierKind.USER, value=f"u{number}") for number in range(2)]
    identify = [Identify(identifiers=(u,), details=ANNA, **said(n, OLD)) for n, u in enumerate(users)]
    told(wiring, identify)
    assert link_all(wiring) == 1
    expire(wiring, NOW)
    assert link_all(wiring) == 0
    (first, second) = (stream_of(wiring, user) for user in users)
    assert events(wiring, first) == ["Erased", "Erased", "ProbablyLinked"]
    told(wiring, [Identify(identifiers=(users[0],), details=ANNA, **said(5, NEW))])  # it is opened again
    assert link_all(wiring) == 0
    assert "ProbablyUnlinked" not in events(wiring, first) + events(wiring, second)


def test_a_process_that_links_meanwhile_makes_its_index_anew(wiring: Wiring) -> None:
    model = use_model(wiring)
    users = [Identifier(kind=IdentifierKind.USER, value=f"u{number}") for number in range(2)]
    told(wiring, [Identify(identifiers=(u,), details=ANNA, **said(n, OLD)) for n, u in enumerate(users)])
    linking, index = Linking(wiring, model), index_of(wiring, model.version)
    while not linking.idle:
        linking.step()
    assert index.whole() and len(indexed(wiring)) == 2
    drop(wiring)
    assert not index.whole()
    linking.step()
    assert index.whole() and len(indexed(wiring)) == 2
    index.begin()
    drop(wiring)
    assert not index.made(), "what was being made when it was dropped is not whole"


def test_a_rotation_takes_streams_without_a_key_out_of_linking_s_index(wiring: Wiring) -> None:
    use_model(wiring)
    users = [Identifier(kind=IdentifierKind.USER, value=f"u{number}") for number in range(2)]
    told(wiring, [Identify(identifiers=(u,), details=ANNA, **said(n, NEW)) for n, u in enumerate(users)])
    link_all(wiring)
    first, second = (stream_of(wiring, user) for user in users)
    wiring.keyring.destroy([first])
    assert indexed(wiring) == {first, second}
    rotate(wiring, new_epoch=True)
    assert indexed(wiring) == {second}


def test_a_position_is_found_by_time(wiring: Wiring) -> None:
    for n in range(7):
        told(wiring, [RecordView(identifiers=(ANN,), sku=f"S-{n}", **said(n, NEW))])
    (log,) = [each for each in wiring.customers if each.head()]
    stored = log.read(0, 100)
    times = [log.decode(each).timestamp for each in stored]
    assert position_at(log, times[0]) == 0
    assert [position_at(log, at) for at in times[2:]] == list(range(2, len(times)))
    assert position_at(log, datetime.now(UTC)) == log.head()


def test_months_are_counted_from_the_present_one() -> None:
    kept = first_months(Settings(keep_behaviour_months=2), datetime(2026, 1, 31, tzinfo=UTC))
    assert kept[Retention.BEHAVIOUR] == 2025 * 12 + 10  # November: December and November are kept
    assert months_before(datetime(2026, 1, 31, tzinfo=UTC), 13) == datetime(2024, 12, 1, tzinfo=UTC)
    assert Erased.RETENTION is Retention.PUBLIC
