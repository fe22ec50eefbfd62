"""Sessions: a key becomes a cookie; what is forged, old, revoked or from another site opens nothing."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Request
from litestar.datastructures import Cookie

from adapters.channels.channel import RejectedError
from adapters.http import Access, ApiKeys, Scope, generate
from adapters.http.sessions import Sessions

TEXT, KEY = generate([Scope.REPORTS_READ], id="ana")
OTHER, OTHER_KEY = generate([Scope.RECOMMEND_READ], id="app")


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def request(cookie: str | None = None, *, scheme: str = "http", **headers: str) -> Request[Any, Any, Any]:
    given = {"host": "x", **({"cookie": f"analyst={cookie}"} if cookie is not None else {}), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    scope: Any = {"type": "http", "headers": raw, "method": "GET", "path": "/", "scheme": scheme, "query_string": b""}
    return Request(scope)


def sessions(keys: ApiKeys, clock: Clock | None = None, secret: bytes = b"s" * 32) -> Sessions:
    clock = clock or Clock()
    return Sessions(Access(keys), secret, name="analyst", path="/analyst", scope=Scope.REPORTS_READ, clock=clock)


def begun(of: Sessions) -> str:
    return str(of.begin(TEXT, request()).value)


def whose(of: Sessions, cookie: str) -> str | None:
    found = asyncio.run(of.key(request(cookie)))
    return found.id if found else None


def test_a_key_becomes_a_cookie_that_scripts_cannot_read() -> None:
    cookie: Cookie = sessions(ApiKeys([KEY])).begin(f" {TEXT}\n", request(scheme="https"))
    assert cookie.httponly and cookie.secure and cookie.samesite == "strict" and cookie.path == "/analyst"
    assert TEXT not in str(cookie.value) and KEY.digest.hex() not in str(cookie.value)
    assert whose(sessions(ApiKeys([KEY])), str(cookie.value)) == "ana", "in another process"


@pytest.mark.parametrize(
    ("text", "status"), [("bsk_nothing", 401), ("", 401), (OTHER, 403)], ids=["none", "empty", "other"]
)
def test_another_key_begins_none(text: str, status: int) -> None:
    with pytest.raises(RejectedError) as caught:
        sessions(ApiKeys([KEY, OTHER_KEY])).begin(text, request())
    assert caught.value.status == status and (not text or text not in str(caught.value))


def test_another_site_begins_and_ends_none() -> None:
    from_elsewhere = request(sec_fetch_site="cross-site")
    of = sessions(ApiKeys([KEY]))
    for ask in (lambda: of.begin(TEXT, from_elsewhere), lambda: of.end(from_elsewhere)):
        with pytest.raises(RejectedError):
            ask()
    assert of.end(request(sec_fetch_site="same-origin")).max_age == 0


def test_it_ends() -> None:
    clock = Clock()
    of = sessions(ApiKeys([KEY]), clock)
    cookie = begun(of)
    clock.now += 8 * 3_600 - 1
    assert whose(of, cookie) == "ana"
    clock.now += 1
    assert whose(of, cookie) is None
    ends, _, rest = cookie.partition(".")
    assert whose(of, f"{int(ends) + 3_600}.{rest}") is None


def test_a_revoked_or_other_key_of_the_name_opens_nothing() -> None:
    cookie = begun(sessions(ApiKeys([KEY])))
    assert whose(sessions(ApiKeys([OTHER_KEY])), cookie) is None
    _, successor = generate([Scope.REPORTS_READ], id="ana")
    assert whose(sessions(ApiKeys([successor])), cookie) is None
    assert whose(sessions(ApiKeys([KEY]), secret=b"t" * 32), cookie) is None


def test_a_value_is_written_in_one_way_alone() -> None:
    of = sessions(ApiKeys([KEY]))
    assert whose(of, f"0{begun(of)}") is None


@given(st.text(max_size=500), st.integers(0, 200))
def test_what_is_forged_opens_nothing(said: str, place: int) -> None:
    of = sessions(ApiKeys([KEY]))
    good = begun(of)
    forged = good[:place] + said + good[place + 1 :]
    sent = request()
    sent._cookies = {"analyst": forged}  # as parsed, whatever it was
    if forged != good:
        assert asyncio.run(of.key(sent)) is None
