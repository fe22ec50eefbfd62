"""One customer erased over HTTP until no read path knows them; then 10,000, as the worker does them.

Starts everything in a folder that is thrown away: servers, projector and web process as in production.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from json import dumps, loads
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from app import up
from app.children import Children
from app.cli import loading, training
from app.erasing.erase import erase
from app.projecting import runners
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.freshness import free_port, percentile
from commands.browse import RecordView
from commands.command import Command
from commands.identify import Identify
from commands.order import PlaceOrder
from domain.identity import Identifier, IdentifierKind
from domain.privacy import ErasureRequest, Method, Source
from domain.values import Channel, Line

VISIBLE = 20
BATCH = 500
GIVE_UP_S = 30.0
SAID: dict[str, Any] = {"occurred_at": datetime(2026, 5, 5, tzinfo=UTC), "channel": Channel.WEB}


def measure(persons: int, least_views: int = 4) -> dict[str, Any]:
    """``erase_visible_ms``: the slowest of ``VISIBLE`` customers, from sending the request until all read paths have
    answered without them. ``erasures_per_s``: approved requests of ``persons`` people with two streams each, from the
    first step to the last one's being unreadable."""
    with _house() as (wiring, client):
        everybody = list(_recorded(wiring, persons + VISIBLE, least_views))
        _wait(lambda: runners.lag(wiring) == 0, 600)
        times = [_visible_ms(client, number, person) for number, person in enumerate(everybody[:VISIBLE])]
        requests = _asked(wiring, everybody[VISIBLE:])
        began = time.perf_counter()
        done = erase(wiring, requests)
        took = time.perf_counter() - began
        if done != persons:
            raise RuntimeError(f"{done} of {persons} erasures are done")
        _wait(lambda: runners.lag(wiring) == 0, 600)
        return {
            "erase_visible_ms": round(max(times), 1),
            "erase_visible_p50_ms": round(percentile(times, 0.5), 1),
            "erasures_per_s": round(persons / took, 1),
            "erasures": persons,
        }


@contextmanager
def _house() -> Iterator[tuple[Wiring, "Client"]]:
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = Settings(
            var=Path(folder),
            port=free_port(),
            namespace="privacy",
            erasure_window_h=0,
            erasure_four_eyes=False,
            postgres_url=None,
            redis_url=None,
        )
        with Wiring(settings) as wiring, Children(settings) as children:
            wiring.provision()
            children.start("project", "--follow")
            loading.run(wiring, "demo")
            training.run(wiring)
            children.start("serve")
            up.wait_until_ready(settings, children)
            yield wiring, Client(settings)


class Client:
    """One kept-alive connection."""

    def __init__(self, settings: Settings) -> None:
        self._connection = HTTPConnection(settings.host, settings.port, timeout=GIVE_UP_S)
        key = settings.generated_keys()["server"]
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Status and JSON."""
        self._connection.request(method, path, dumps(body) if body is not None else None, self._headers)
        response = self._connection.getresponse()
        return response.status, loads(response.read() or b"null")


def _recorded(wiring: Wiring, persons: int, views: int) -> Iterator[UUID]:
    """People with a user id and an address, some views and an order; the stream of each one's user id."""
    bus = wiring.bus()
    for start in range(0, persons, BATCH // 4):
        numbers = range(start, min(start + BATCH // 4, persons))
        bus.dispatch([command for number in numbers for command in _life(number, views)])
        users = [_user(number) for number in numbers]
        found = wiring.directory.claim(users)
        yield from (found[user] for user in users)


def _life(number: int, views: int) -> Iterator[Command]:
    user, email = _user(number), Identifier(kind=IdentifierKind.EMAIL, value=f"p{number}@people.example")
    yield Identify(identifiers=(user, email), source_id=f"i{number}", **SAID)
    for view in range(views):
        yield RecordView(identifiers=(user,), sku=f"M{view + 1:03}", source_id=f"v{number}.{view}", **SAID)
    yield PlaceOrder(
        identifiers=(email,),
        order_id=f"O-{number}",
        total_cents=1990,
        currency="EUR",
        lines=(Line(sku="M001", price_cents=1990),),
        source_id=f"o{number}",
        **SAID,
    )


def _user(number: int) -> Identifier:
    return Identifier(kind=IdentifierKind.USER, value=f"person-{number}")


def _visible_ms(client: Client, number: int, person: UUID) -> float:
    """From the request until each read path has answered without the person."""
    by_user = f"/v1/recommendations?placement=home&limit=5&user_id=person-{number}"
    by_id = f"/v1/recommendations?placement=home&limit=5&person_id={person}"
    _, known = client.call("GET", by_user)
    if not known["version"]:
        raise RuntimeError("the customer is not known before")
    decision = f"/v1/decisions/{known['decision_id']}"
    _wait(lambda: client.call("GET", decision)[0] == 200, GIVE_UP_S)
    began = time.perf_counter()
    status, _ = client.call(
        "POST", "/v1/privacy/erasures", {"person_id": str(person), "verified": "login", "approve": True}
    )
    if status != 200:
        raise RuntimeError(f"the request was answered {status}")
    paths: list[Callable[[], bool]] = [
        lambda: client.call("GET", by_user)[1]["version"] == 0,
        lambda: client.call("GET", by_id)[1]["version"] == 0,
        lambda: _is_erased(client.call("GET", f"/v1/customers/{person}")),
        lambda: _tells_nothing(client.call("GET", f"/v1/customers/{person}/events")),
        lambda: client.call("GET", decision)[0] == 410,
    ]
    for path in paths:
        _wait(path, GIVE_UP_S)
    return (time.perf_counter() - began) * 1000


def _is_erased(answer: tuple[int, Any]) -> bool:
    status, profile = answer
    return status in (404, 410) or (profile["status"] == "erased" and not profile["identity_graph"])


def _tells_nothing(answer: tuple[int, Any]) -> bool:
    """Ledger fields alone."""
    status, told = answer
    return status in (404, 410) or not any({"sku", "lines", "value"} & e["facts"].keys() for e in told["events"])


def _asked(wiring: Wiring, people: Sequence[UUID]) -> list[UUID]:
    """An approved request for each."""
    now, numbers = datetime.now(UTC), list[UUID]()
    for start in range(0, len(people), BATCH):
        requests = []
        for person in people[start : start + BATCH]:
            request = ErasureRequest.ask(
                uuid4(),
                subject=person,
                streams=(person,),
                by="benchmark",
                source=Source.API,
                cancel_until=now,
                four_eyes=False,
                occurred_at=now,
            )
            request.verify(by="benchmark", method=Method.LOGIN, occurred_at=now)
            request.approve(by="benchmark", occurred_at=now)
            requests.append(request)
        wiring.erasures.save(requests)
        numbers += [request.id for request in requests]
    return numbers


def _wait(done: Callable[[], bool], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            raise RuntimeError("it does not come to an end")
        time.sleep(0.005)
