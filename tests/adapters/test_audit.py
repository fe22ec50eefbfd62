"""The log of accesses on a real PostgreSQL: what it says, what it hides, what erasure leaves of it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from psycopg import Error, connect

from app.wiring import Wiring
from queries.audit import Access

SHOP, CLI = "key:support-desk", "cli:marianne"


@pytest.fixture
def person(wiring: Wiring) -> UUID:
    stream = uuid4()
    wiring.keyring.add_streams([stream])
    return stream


def test_the_latest_comes_first_and_names_who_what_and_when(wiring: Wiring, person: UUID) -> None:
    wiring.audit.record(Access(SHOP, "customer", person, "ticket 4711"))
    wiring.audit.record(Access(CLI, "customer.show", person))
    cli, shop = wiring.audit.latest(10)
    assert (cli.actor, cli.action, shop.actor, shop.action) == (CLI, "customer.show", SHOP, "customer")
    assert cli.person == shop.person != str(person)
    assert abs(datetime.now(UTC) - cli.at) < timedelta(minutes=1)
    assert cli.purpose is shop.purpose is None  # told only to who asks for the person


def test_one_actor_one_person_and_a_time_can_be_asked_for(wiring: Wiring, person: UUID) -> None:
    other = uuid4()
    wiring.keyring.add_streams([other])
    wiring.audit.record(Access(SHOP, "customer", person, "ticket 4711"))
    wiring.audit.record(Access(CLI, "customer", other))
    assert [each.actor for each in wiring.audit.latest(10, actor=SHOP)] == [SHOP]
    (of_person,) = wiring.audit.latest(10, streams=[person])
    assert (of_person.actor, of_person.purpose) == (SHOP, "ticket 4711")
    assert wiring.audit.latest(10, since=datetime.now(UTC) + timedelta(hours=1)) == []
    assert wiring.audit.latest(10, streams=[uuid4()]) == []
    assert len(wiring.audit.latest(1)) == 1


def test_nothing_personal_is_in_clear(wiring: Wiring, person: UUID) -> None:
    wiring.audit.record(Access(CLI, "customer", person, "ticket 4711"))
    with connect(wiring._url("catalogue")) as connection:
        row = connection.execute("SELECT actor, named, person, sealed, action FROM audit").fetchone()
    assert row is not None
    stored = b"".join(bytes(part) for part in row[:4]) + row[4].encode()
    for clear in (b"marianne", b"4711", person.bytes, str(person).encode()):
        assert clear not in stored


def test_when_the_persons_key_is_destroyed_nobody_knows_whose_record_it_was(wiring: Wiring, person: UUID) -> None:
    wiring.audit.record(Access(SHOP, "customer", person, "ticket 4711"))
    with connect(wiring._url("keys"), autocommit=True) as connection:
        connection.execute("DELETE FROM stream_key WHERE stream = %s", (person,))
    with Wiring(wiring.settings, own_servers=False) as later:
        assert later.audit.latest(10, streams=[person]) == []
        (entry,) = later.audit.latest(10)
        assert (entry.actor, entry.action) == (SHOP, "customer")
        later.audit.record(Access(SHOP, "customer", person))  # what law keeps of them was read
        assert later.audit.latest(1)[0].person == ""


@pytest.mark.parametrize("change", ["UPDATE audit SET action = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_it_only_grows(wiring: Wiring, person: UUID, change: str) -> None:
    wiring.audit.record(Access(SHOP, "customer", person))
    with connect(wiring._url("catalogue"), autocommit=True) as connection, pytest.raises(Error, match="append-only"):
        connection.execute(change)  # type: ignore[call-overload]
    assert len(wiring.audit.latest(10)) == 1


@pytest.mark.parametrize("purpose", ["", "x" * 61, " lead", "a\nb", "a@b.c"])
def test_a_purpose_is_a_few_plain_words(purpose: str) -> None:
    with pytest.raises(ValueError, match="purpose"):
        Access(SHOP, "customer", uuid4(), purpose)
