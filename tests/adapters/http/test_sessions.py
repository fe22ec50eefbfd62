"""Sessions: a key becomes a cookie; what is forged, old, revoked or from another site opens nothing. Stored in real
PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Request, Response

from adapters.channels.channel import RejectedError
from adapters.http import Access, ApiKeys, Scope, generate
from adapters.http.analyst import Analysts, house
from adapters.http.keys import ApiKey
from adapters.http.sessions import ATTEMPTS, WITHIN_S, Attempts, Doors, LockedError
from app.wiring import Wiring

TEXT, KEY = generate([Scope.REPORTS_READ], id="ana")
OTHER, OTHER_KEY = generate([Scope.RECOMMEND_READ], id="app")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PATH = "/analyst/experiments"


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


def request(*, scheme: str = "http", cookies: dict[str, str] | None = None, **headers: str) -> Request[Any, Any, Any]:
    given = {"host": "x", **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    scope: Any = {"type": "http", "headers": raw, "method": "GET", "path": "/", "scheme": scheme, "query_string": b""}
    sent = Request[Any, Any, Any](scope)
    sent._cookies = cookies or {}  # as parsed, whatever it was
    return sent


def doors(wiring: Wiring, keys: ApiKeys, clock: Clock | None = None, pages: str = "analysts") -> Doors[ApiKey]:
    return Doors(Analysts(Access(keys), wiring.sessions(pages)), house(), clock or Clock())


def cookies(answer: Response[Any]) -> dict[str, Any]:
    return {cookie.key: cookie for cookie in answer.cookies}


def enter(of: Doors[ApiKey], text: str = TEXT, **more: str) -> Response[bytes]:
    """As somebody does: the page first, then its form."""
    shown = of.locked(request())
    door = str(cookies(shown)["analyst_door"].value)
    form = {"key": text, "csrf": of._people.csrf(door), "next": PATH}
    return run(of.enter(request(cookies={"analyst_door": door}), form | more))


def run(work: Awaitable[Any]) -> Any:
    async def awaited() -> Any:
        return await work

    return asyncio.run(awaited())


def begun(of: Doors[ApiKey]) -> str:
    return str(cookies(enter(of))["analyst"].value)


def whose(of: Doors[ApiKey], cookie: str) -> str | None:
    try:
        found: str = run(of.session(request(cookies={"analyst": cookie}))).who.id
    except LockedError:
        return None
    return found


def test_a_key_becomes_a_cookie_that_scripts_cannot_read(wiring: Wiring) -> None:
    of = doors(wiring, ApiKeys([KEY]))
    answer = enter(of, f" {TEXT}\n")
    assert answer.status_code == 303 and answer.headers["Location"] == PATH
    cookie = of.stays(request(scheme="https"), str(cookies(answer)["analyst"].value), answer).cookies[-1]
    assert cookie.httponly and cookie.secure and cookie.samesite == "lax" and cookie.path == "/analyst"
    assert cookie.max_age == 30 * 60
    door = cookies(of.locked(request(x_forwarded_proto="https")))["analyst_door"]
    assert door.httponly and door.secure and door.samesite == "strict"
    assert TEXT not in str(cookie.value) and KEY.digest.hex() not in str(cookie.value)
    assert whose(doors(wiring, ApiKeys([KEY])), str(cookie.value)) == "ana", "in another process"


@pytest.mark.parametrize("text", ["bsk_nothing", ""])
def test_a_key_that_is_not_known_begins_none(wiring: Wiring, text: str) -> None:
    answer = enter(doors(wiring, ApiKeys([KEY])), text)
    assert answer.status_code == 403 and "analyst" not in cookies(answer)
    assert not text or text.encode() not in answer.content


def test_a_key_without_the_scope_begins_none(wiring: Wiring) -> None:
    with pytest.raises(RejectedError) as caught:
        enter(doors(wiring, ApiKeys([KEY, OTHER_KEY])), OTHER)
    assert caught.value.status == 403 and OTHER not in str(caught.value)


def test_a_form_of_another_page_or_site_changes_nothing(wiring: Wiring) -> None:
    of = doors(wiring, ApiKeys([KEY]))
    token = begun(of)
    mine, form = {"analyst": token}, {"csrf": of._people.csrf(token)}
    forged: list[Callable[[], Any]] = [
        lambda: enter(of, csrf="x"),
        lambda: enter(of, csrf=of._people.csrf(token)),
        lambda: run(of.posted(request(cookies=mine), {})),
        lambda: run(of.posted(request(cookies=mine), {"csrf": of._people.csrf("another")})),
        lambda: run(of.posted(request(cookies=mine, sec_fetch_site="cross-site"), form)),
    ]
    for ask in forged:
        with pytest.raises(RejectedError) as caught:
            ask()
        assert caught.value.status == 403
    assert run(of.posted(request(cookies=mine, sec_fetch_site="same-origin"), form)).who.id == "ana"
    assert run(of.enter(request(), {"key": TEXT})).status_code == 403, "without the cookie of the login page"


def test_it_ends(wiring: Wiring) -> None:
    clock = Clock()
    of = doors(wiring, ApiKeys([KEY]), clock)
    cookie = begun(of)
    for _ in range(16):
        clock.now += timedelta(minutes=29)
        assert whose(of, cookie) == "ana"
    clock.now = START + timedelta(hours=8, minutes=1)
    assert whose(of, cookie) is None
    idle = begun(of)
    clock.now += timedelta(minutes=31)
    assert whose(of, idle) is None
    out = begun(of)
    run(of.leave(run(of.session(request(cookies={"analyst": out})))))
    assert whose(of, out) is None, "on the server, too"


def test_a_revoked_or_other_key_of_the_name_opens_nothing(wiring: Wiring) -> None:
    cookie = begun(doors(wiring, ApiKeys([KEY])))
    assert whose(doors(wiring, ApiKeys([OTHER_KEY])), cookie) is None
    _, successor = generate([Scope.REPORTS_READ], id="ana")
    assert whose(doors(wiring, ApiKeys([successor])), cookie) is None
    assert whose(doors(wiring, ApiKeys([KEY])), cookie) == "ana"


def test_a_session_of_other_pages_opens_nothing(wiring: Wiring) -> None:
    cookie = begun(doors(wiring, ApiKeys([KEY])))
    assert whose(doors(wiring, ApiKeys([KEY]), pages="officers"), cookie) is None
    assert wiring.officers.session(cookie, START) is None


def test_what_is_stored_opens_nothing(wiring: Wiring) -> None:
    token = begun(doors(wiring, ApiKeys([KEY])))
    with wiring._beside_catalogue.connection() as connection:
        rows = connection.execute("SELECT * FROM page_session").fetchall()
    assert rows and token not in repr(rows) and KEY.digest.hex() not in repr(rows) and KEY.digest not in rows[0]


@given(said=st.text(max_size=500), place=st.integers(0, 42))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_forged_opens_nothing(wiring: Wiring, said: str, place: int) -> None:
    of = doors(wiring, ApiKeys([KEY]))
    good = begun(of)
    forged = good[:place] + said + good[place + 1 :]
    assert forged == good or whose(of, forged) is None


def test_after_some_wrong_keys_an_address_has_to_wait_and_others_have_not() -> None:
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(ATTEMPTS):
        attempts.check("10.0.0.1")
        attempts.failed("10.0.0.1")
        now[0] += 1
    with pytest.raises(RejectedError) as refused:
        attempts.check("10.0.0.1")
    assert refused.value.status == 429
    attempts.check("10.0.0.2")
    now[0] = WITHIN_S + 0.5
    attempts.check("10.0.0.1")
