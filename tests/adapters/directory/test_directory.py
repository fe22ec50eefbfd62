"""The directory: one stream an identifier, whoever asks, and nothing to read in its table."""

import hmac
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from adapters.directory import PostgresDirectory, new_stream_id
from adapters.postgres import Database
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind

SECRET = b"s" * 32
EMAIL = Identifier(kind=IdentifierKind.EMAIL, value="canary.reader@example.org")
PEOPLE = [Identifier(kind=IdentifierKind.USER, value=f"canary-{n}") for n in range(200)]


@pytest.fixture
def database(wiring: Wiring) -> Iterator[Database]:
    """The directory's database."""
    opened = Database(wiring._url("directory"), size=8)
    yield opened
    opened.close()


@pytest.fixture
def directory(database: Database) -> PostgresDirectory:
    return PostgresDirectory(database, SECRET)


def fresh(database: Database, secret: bytes = SECRET) -> PostgresDirectory:
    """A directory that remembers nothing."""
    return PostgresDirectory(database, secret)


def rows(wiring: Wiring) -> list[tuple[bytes, UUID]]:
    with psycopg.connect(wiring._url("directory")) as connection:
        return connection.execute("SELECT identifier, stream FROM claim").fetchall()


def test_a_claim_is_the_same_every_time(directory: PostgresDirectory, database: Database) -> None:
    first = directory.claim(PEOPLE)
    assert len(set(first.values())) == len(PEOPLE)
    assert directory.claim(PEOPLE) == first
    assert fresh(database).claim(reversed(PEOPLE)) == first
    assert fresh(database).claim([*PEOPLE, EMAIL]).items() > first.items()


def test_nobody_is_claimed_by_looking(directory: PostgresDirectory, database: Database, wiring: Wiring) -> None:
    assert directory.find(EMAIL) is None
    assert rows(wiring) == []
    stream = fresh(database).claim([EMAIL])[EMAIL]
    assert directory.find(EMAIL) == stream  # that it was unknown is not remembered
    assert fresh(database).find(EMAIL) == stream
    assert len(rows(wiring)) == 1


def test_nothing_to_claim_is_nothing(directory: PostgresDirectory, wiring: Wiring) -> None:
    assert directory.claim([]) == {}
    assert rows(wiring) == []


def test_the_kind_belongs_to_the_identifier(directory: PostgresDirectory) -> None:
    same = [Identifier(kind=kind, value="12345678") for kind in (IdentifierKind.USER, IdentifierKind.LOYALTY)]
    assert len(set(directory.claim(same).values())) == 2


def test_eight_threads_that_know_nothing_of_each_other_agree(database: Database, wiring: Wiring) -> None:
    together = threading.Barrier(8)

    def claim(number: int) -> dict[Identifier, UUID]:
        mine = fresh(database)
        together.wait(10)
        claimed: dict[Identifier, UUID] = {}
        for part in range(0, len(PEOPLE), 20):
            batch = PEOPLE[part : part + 20]
            claimed |= mine.claim(batch[::-1] if number % 2 else batch)
        return claimed

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(claim, range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert {stream for _, stream in rows(wiring)} == set(answers[0].values())
    assert len(rows(wiring)) == len(PEOPLE)


def test_the_table_holds_pseudonyms_alone(directory: PostgresDirectory, wiring: Wiring) -> None:
    stream = directory.claim([EMAIL])[EMAIL]
    expected = hmac.digest(SECRET, b"email:canary.reader@example.org", "sha256")
    assert rows(wiring) == [(expected, stream)]


def test_who_has_another_secret_finds_nobody(directory: PostgresDirectory, database: Database) -> None:
    stream = directory.claim([EMAIL])[EMAIL]
    other = fresh(database, b"t" * 32)
    assert other.find(EMAIL) is None
    assert other.claim([EMAIL])[EMAIL] != stream


def test_stream_ids_are_uuids_of_version_7_that_begin_with_their_time() -> None:
    before = time.time_ns() // 1_000_000
    made = [new_stream_id() for _ in range(5_000)]
    after = time.time_ns() // 1_000_000
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}
    assert all(before <= each.int >> 80 <= after for each in made)
    assert [each.int >> 80 for each in made] == sorted(each.int >> 80 for each in made)
    assert len(set(made)) == len(made)
    assert len({each.int & (1 << 62) - 1 for each in made}) == len(made)
