"""The proof of a real erasure: it holds, and does not where something is left."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from adapters.proof.bundle import Verified, seal, verify
from app.erasing.proof import NotErasedError, enter, statement
from app.keeping.rotate import rotate
from app.settings import Settings
from app.wiring import Wiring
from domain.proof import Stage, digest_rows
from readmodels import customer
from readmodels.keys import Keys
from tests.app.erasing.worlds import ANN, ANN_USER, BOB, IMMEDIATE, TABLET, erased, lives, projected, stream_of, told
from tests.namespaces import namespace


@pytest.fixture
def wiring(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """Two shards; a request that is approved begins at once; Ann and Bob have been there."""
    with namespace(settings, shards=2, **IMMEDIATE) as built:
        told(built, lives())
        projected(built)
        yield built


def proven(wiring: Wiring, request: UUID) -> Verified:
    return verify(seal(statement(wiring, request), wiring.signer), wiring.signer.verifier)


def test_an_erasure_is_proven_unreadable_and_after_a_rotation_unrecoverable(wiring: Wiring) -> None:
    streams = {stream_of(wiring, who) for who in (ANN, ANN_USER, TABLET)}  # which is hers when Bob is gone
    bob = erased(wiring, BOB)
    ann = erased(wiring, ANN)
    projected(wiring)
    found = proven(wiring, ann.request)
    assert found.wrong == ()
    said = found.statement
    assert said is not None
    assert said.stage is Stage.UNREADABLE
    assert {each.stream for each in said.streams} == streams
    assert (said.previous is not None, said.head.size) == (True, 4)
    swept = {each.store: each.removed for each in said.sweeps}
    assert (swept["data keys"], swept["identifiers"], swept["redis"]) == (3, 3, 3)
    assert [each.what for each in said.pending] == ["statistics", "training", "models", "topic"]
    retained = {each.topic: each for each in said.retained}
    assert retained["customer.order_placed"].events == 1
    assert "order_id" in retained["customer.order_placed"].fields
    assert "skus" not in retained["customer.order_placed"].fields

    assert rotate(wiring, new_epoch=True).destroyed == (said.streams[0].epoch,)
    for request in (ann.request, bob.request):
        after = proven(wiring, request)
        assert after.wrong == ()
        assert after.statement is not None
        assert after.statement.stage is Stage.UNRECOVERABLE
        status = wiring.erasures.find(request)
        assert status is not None
        assert status.unrecoverable_ms > 0
    again = wiring.erasures.find(ann.request)
    rotate(wiring, new_epoch=True)
    assert wiring.erasures.find(ann.request) == again  # it is said once


def test_the_digest_is_of_what_lies_in_the_log(wiring: Wiring) -> None:
    ann = erased(wiring, ANN)
    said = statement(wiring, ann.request)
    for each in said.streams:
        rows = [r for log in wiring.customers for r in log.recorder.select_streams([each.stream])]
        assert (each.rows, each.digest) == digest_rows((r.originator_version, r.topic, r.state) for r in rows)
    assert enter(wiring, [each.stream for each in said.streams]) == 0  # what is in the tree stays as it is
    assert statement(wiring, ann.request).head == said.head


def test_there_is_no_proof_of_what_was_not_done(wiring: Wiring) -> None:
    with pytest.raises(NotErasedError):
        statement(wiring, uuid4())


def test_a_proof_does_not_hold_while_a_key_is_there(wiring: Wiring) -> None:
    ann = erased(wiring, ANN)
    projected(wiring)
    stream = ann.streams[0]
    with wiring.keyring.database.connection() as connection:
        connection.execute("INSERT INTO stream_key VALUES (%s, 1, 'x')", (stream,))
    assert proven(wiring, ann.request).wrong == ("1 entries are left in data keys",)


def test_the_neighbours_records_are_compared_with_what_the_log_folds_to(wiring: Wiring) -> None:
    ann = erased(wiring, ANN)
    behind = proven(wiring, ann.request)  # the projector has not seen yet that the tablet is not hers any more
    (wrong,) = behind.wrong
    assert wrong.endswith("who was linked is not what it would be without the person")
    projected(wiring)
    found = proven(wiring, ann.request)
    assert found.wrong == ()
    assert found.statement is not None
    assert [each.model for each in found.statement.differences] == [
        "customers, generation 1",
        "customers, generation 1, who was linked",
    ]
    tablet = stream_of(wiring, TABLET)
    store = wiring.people(1)
    person, field = store.read([tablet])[tablet]
    assert field is not None
    record = customer.decode(field)
    forged = customer.encode(replace(record, views=()))
    wiring.redis.hset(Keys(wiring.settings.namespace, 1).person(person), str(tablet), forged)
    assert len(proven(wiring, ann.request).wrong) == 1
