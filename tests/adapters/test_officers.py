"""Officers and their sessions, by a clock that is given."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.http.compliance.officers import Officer, Role
from app.wiring import Wiring

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RITA = Officer("rita", frozenset({Role.REQUESTER}))


def test_a_key_is_an_officer_s_until_they_are_removed(wiring: Wiring) -> None:
    officers = wiring.officers
    key = officers.add("rita", [Role.REQUESTER])
    assert officers.known(key) == RITA and RITA.actor == "officer:rita"
    assert officers.known(key + "x") is None and officers.known("x" * 10_000) is None
    token = officers.begin(RITA, NOW)
    assert officers.session(token, NOW) == RITA
    assert officers.revoke("rita") and not officers.revoke("rita")
    assert officers.known(key) is None and officers.session(token, NOW) is None
    with pytest.raises(ValueError, match="there is or was"):
        officers.add("rita", list(Role))
    assert [(each.officer.id, each.revoked is None) for each in officers.all()] == [("rita", False)]


@pytest.mark.parametrize("name", ["", "a b", "x" * 41, "maria@example.org", "é"])
def test_a_name_is_plain(wiring: Wiring, name: str) -> None:
    with pytest.raises(ValueError, match="id"):
        wiring.officers.add(name, [Role.APPROVER])


def test_a_session_goes_on_while_it_is_used_and_ends_in_any_case(wiring: Wiring) -> None:
    officers = wiring.officers
    officers.add("rita", [Role.REQUESTER])
    token, at = officers.begin(RITA, NOW), NOW
    for _ in range(16):
        at += timedelta(minutes=29)
        assert officers.session(token, at) == RITA
    assert officers.session(token, NOW + timedelta(hours=8, minutes=1)) is None
    idle = officers.begin(RITA, NOW)
    assert officers.session(idle, NOW + timedelta(minutes=31)) is None
    out = officers.begin(RITA, NOW)
    officers.end(out)
    assert officers.session(out, NOW) is None


def test_what_is_stored_opens_nothing(wiring: Wiring) -> None:
    officers = wiring.officers
    key = officers.add("rita", [Role.REQUESTER])
    token = officers.begin(RITA, NOW)
    with wiring._beside_catalogue.connection() as connection:
        rows = [*connection.execute("SELECT * FROM officer"), *connection.execute("SELECT * FROM page_session")]
    assert key not in repr(rows) and token not in repr(rows) and token.encode() not in b"".join(map(repr_bytes, rows))
    assert officers.csrf(token) != officers.csrf(token + "x") and token not in officers.csrf(token)


def repr_bytes(row: tuple[object, ...]) -> bytes:
    return b"".join(bytes(part) for part in row if isinstance(part, bytes | memoryview))
