"""A person is erased, and nobody else; who comes afterwards is a stranger; the books stay right."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from app.erasing.asking import Asked, ask
from app.settings import Settings
from app.wiring import Wiring
from domain.customer import Customer
from domain.erased import Erased
from domain.identity import Identifier
from domain.privacy import NOW, NobodyError, Source
from queries.answers import ERASED, Profile
from queries.recommend.ask import Wanted
from readmodels.erasure import UNREADABLE
from tests.app.erasing.worlds import (
    ANN,
    ANN_USER,
    BOB,
    IMMEDIATE,
    TABLET,
    erased,
    lives,
    order,
    projected,
    refund,
    stream_of,
    told,
    view,
)
from tests.namespaces import namespace


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """Two shards; a request that is approved begins at once."""
    with namespace(settings, shards=2, **IMMEDIATE) as built:
        yield built


def profile(wiring: Wiring, who: UUID) -> Profile | None:
    async def read() -> Profile | None:
        reader = wiring.reader()
        await reader.start()
        try:
            return await wiring.queries(reader).profile(who)
        finally:
            await reader.close()

    return asyncio.run(read())


def found(wiring: Wiring, who: Identifier) -> UUID | None:
    return wiring.directory.find(who)


def test_a_person_is_erased_by_any_of_their_identities_and_the_neighbour_is_not(wiring: Wiring) -> None:
    told(wiring, lives())
    projected(wiring)
    ann, user, bob, tablet = (stream_of(wiring, who) for who in (ANN, ANN_USER, BOB, TABLET))
    status = erased(wiring, ANN_USER)
    assert status.state == UNREADABLE
    assert set(status.streams) == {ann, user}
    assert set(status.steps) == set(NOW)
    assert status.steps["close"].counts == {"streams": 2, "orders": 1, "neighbours": 1}
    assert status.steps["keys"].counts["keys"] == 2
    assert status.steps["directory"].counts == {"claims": 2}
    assert status.steps["redis"].counts["fields"] == 2
    for stream in (ann, user):
        left = profile(wiring, stream)
        assert left is not None
        assert (left.status, left.identity_graph, left.behavior) == (ERASED, {}, {})
        events = [e for log in wiring.customers for _, some in log.streams([stream]) for e in some]
        assert {type(e) for e in events} == {Erased, Customer.CustomerErased}
    assert found(wiring, ANN) is None
    assert found(wiring, ANN_USER) is None
    projected(wiring)
    other = profile(wiring, bob)
    assert other is not None
    assert other.identity_graph
    assert set(other.streams) == {bob, tablet}  # the tablet is now of one person alone


def test_whoever_comes_afterwards_is_a_stranger_with_a_stream_of_their_own(wiring: Wiring) -> None:
    told(wiring, lives())
    bus = wiring.bus()
    bus.dispatch([view(ANN, "S-9", "warm")])  # its hot aggregates and caches know Ann
    before = stream_of(wiring, ANN)
    erased(wiring, ANN)
    (outcome,) = bus.dispatch([view(ANN, "S-9", "late")])
    assert outcome.refused is None
    assert outcome.stream != before
    assert outcome.version == 2
    assert stream_of(wiring, ANN) == outcome.stream
    projected(wiring)
    stranger = profile(wiring, outcome.stream or UUID(int=0))
    assert stranger is not None
    assert stranger.streams == (outcome.stream,)


def test_a_refund_goes_to_the_erased_stream_with_ledger_fields_alone(wiring: Wiring) -> None:
    told(wiring, lives())
    ann = stream_of(wiring, ANN)
    erased(wiring, ANN)
    back = refund(ANN, "A-1", "R-1", 990, "late-1")
    first, again = told(wiring, [back, back])
    assert (first.stream, first.events, again.events) == (ann, 1, 0)
    assert found(wiring, ANN) is not None  # a claim without events is harmless
    left = profile(wiring, ann)
    assert left is not None
    assert left.ledger_net == {"EUR": "40.00"}
    last = [e for log in wiring.customers for _, some in log.streams([ann]) for e in some][-1]
    assert isinstance(last, Customer.LedgerRefunded)
    mine, theirs = told(wiring, [order(BOB, "B-2", 100, "x"), refund(BOB, "B-2", "R-2", 100, "y")])
    assert mine.stream == theirs.stream == stream_of(wiring, BOB)


def test_nothing_can_be_asked_for_nobody_and_one_request_is_enough(wiring: Wiring) -> None:
    told(wiring, lives())
    with pytest.raises(NobodyError):
        ask(wiring, Asked(UUID(int=7), "key:test", Source.API))
    one = ask(wiring, Asked(ANN, "key:test", Source.API))
    assert ask(wiring, Asked(ANN_USER, "key:other", Source.CLI)).request == one.request
    assert one.verification == "unverified"
    assert one.state == "waiting"


def test_a_stranger_gets_the_answer_of_a_stranger(wiring: Wiring) -> None:
    told(wiring, lives())
    projected(wiring)
    ann = stream_of(wiring, ANN)

    async def answers() -> tuple[int, int]:
        reader = wiring.reader()
        await reader.start()
        queries = wiring.queries(reader)
        try:
            before = await queries.recommend(Wanted("home", 3), ann)
            await asyncio.to_thread(erased, wiring, ANN)
            async with asyncio.timeout(2):
                while (after := await queries.recommend(Wanted("home", 3), ann)).version:
                    await asyncio.sleep(0.01)
            return before.version, after.version
        finally:
            await reader.close()

    assert asyncio.run(answers()) == (9, 0)
