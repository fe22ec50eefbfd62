"""The web process as front ends meet it: a socket that is told after each action, keys, the audit log, its end."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from adapters.channels import identity_token
from adapters.http.live import Close
from app.children import Children
from app.cli import bespoke
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from tests.app.looking import wait_for
from tests.app.test_reshard_processes import free_port
from tests.namespaces import namespace

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


class House:
    """A namespace with its processes."""

    def __init__(self, wiring: Wiring, children: Children) -> None:
        self.wiring, self.children, self.settings = wiring, children, wiring.settings
        self.key = self.settings.generated_keys()["server"]

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = HTTPConnection("127.0.0.1", self.settings.port, timeout=20)
        told = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"} | headers
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, told)
            response = connection.getresponse()
            text = response.read()
            return (
                response.status,
                json.loads(text) if text else None,
                {name.lower(): value for name, value in response.headers.items()},
            )
        finally:
            connection.close()

    def viewed(self, anonymous: str, sku: str) -> int:
        message = {
            "event": "Product Viewed",
            "messageId": str(uuid4()),
            "anonymousId": anonymous,
            "timestamp": datetime.now(UTC).isoformat(),
            "properties": {"sku": sku, "price": 19.99, "currency": "USD"},
        }
        return self.ask("POST", "/v1/track", message)[0]

    def up(self) -> bool:
        try:
            return self.ask("GET", "/health/ready")[0] == 200
        except (OSError, HTTPException):
            return False

    def hello(self, anonymous: str, **changes: Any) -> str:
        expires = datetime.now(UTC) + timedelta(minutes=5)
        token = identity_token.sign(self.settings.identity_key(), anonymous, expires, identity_token.ANONYMOUS)
        return json.dumps({"type": "hello", "anonymous_id": anonymous, "anonymous_token": token} | changes)

    def live(self) -> Any:
        return connect(f"ws://127.0.0.1:{self.settings.port}/v1/live")


@pytest.fixture(scope="module")
def house(servers: Wiring, settings: Settings) -> Iterator[House]:
    with namespace(settings, port=free_port()) as wiring:
        folding.start_generation(wiring)
        with Children(wiring.settings) as children:
            children.start("project", "--follow")
            children.start("serve")
            house = House(wiring, children)
            wait_for(house.up)
            yield house


async def told(socket: ClientConnection) -> Any:
    async with asyncio.timeout(20):
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "recommendations":
                return message


async def until_version(socket: ClientConnection, version: int) -> Any:
    while (message := await told(socket))["version"] < version:
        pass
    return message


def test_an_action_brings_a_new_list_that_counts_it(house: House) -> None:
    anonymous, other = str(uuid4()), str(uuid4())

    async def visit() -> tuple[list[int], Any]:
        async with house.live() as socket, house.live() as quiet:
            await socket.send(house.hello(anonymous, limit=5))
            await quiet.send(house.hello(other))
            first = await told(socket)
            assert (first["version"], first["placement"]) == (0, "home")
            await told(quiet)
            seen = [0]
            for number in range(3):
                assert await asyncio.to_thread(house.viewed, anonymous, f"sku-{number}") == 200
                seen.append((await until_version(socket, seen[-1] + 1))["version"])
            await socket.send(json.dumps({"type": "view", "placement": "cart", "limit": 2}))
            cart = await told(socket)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await quiet.recv()
            return seen, cart

    seen, cart = asyncio.run(visit())
    assert seen == sorted(set(seen))
    assert (cart["placement"], cart["version"]) == ("cart", seen[-1])


def test_a_user_is_told_with_an_identity_token(house: House) -> None:
    user = uuid4().hex
    token = identity_token.sign(house.settings.identity_key(), user, datetime.now(UTC) + timedelta(minutes=1))

    async def visit() -> Any:
        async with house.live() as socket:
            await socket.send(json.dumps({"type": "hello", "user_id": user, "identity_token": token}))
            return await told(socket)

    assert asyncio.run(visit())["version"] == 0


def test_nobody_is_told_without_a_token_and_no_key_opens_a_socket(house: House) -> None:
    anonymous, expires = str(uuid4()), datetime.now(UTC) + timedelta(minutes=1)
    secret = house.settings.identity_key()
    wrong = {
        "none": {"type": "hello", "anonymous_id": anonymous},
        "of a user": {"anonymous_id": anonymous, "anonymous_token": identity_token.sign(secret, anonymous, expires)},
        "for another": json.loads(house.hello(anonymous)) | {"anonymous_id": str(uuid4())},
        "expired": {
            "anonymous_id": anonymous,
            "anonymous_token": identity_token.sign(
                secret, anonymous, datetime.now(UTC) - timedelta(seconds=1), identity_token.ANONYMOUS
            ),
        },
        "a key": {"anonymous_id": anonymous, "anonymous_token": house.key},
    }

    async def closed(message: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {house.key}"}
        async with connect(f"ws://127.0.0.1:{house.settings.port}/v1/live", additional_headers=headers) as socket:
            await socket.send(message)
            with pytest.raises(ConnectionClosed) as ended:
                await socket.recv()
            assert ended.value.rcvd is not None
            return ended.value.rcvd.code, ended.value.rcvd.reason

    for what, message in wrong.items():
        code, reason = asyncio.run(closed(json.dumps(message)))
        assert code == Close.UNAUTHENTICATED, what
        assert anonymous not in reason
    assert asyncio.run(closed("{"))[0] == Close.INVALID
    assert asyncio.run(closed(house.hello(anonymous, limit=51)))[1].startswith("limit:")
    assert asyncio.run(closed(house.hello(anonymous, placement="canary")))[1].startswith("placement:")
    assert asyncio.run(closed("x" * 5_000))[0] == Close.LARGE


def test_sockets_of_one_visitor_are_few(house: House) -> None:
    anonymous = str(uuid4())

    async def many() -> int | None:
        async with asyncio.timeout(20):
            sockets = [await house.live() for _ in range(9)]
            try:
                for socket in sockets[:8]:
                    await socket.send(house.hello(anonymous))
                    await told(socket)
                await sockets[8].send(house.hello(anonymous))
                with pytest.raises(ConnectionClosed) as ended:
                    await told(sockets[8])
                return ended.value.rcvd.code if ended.value.rcvd else None
            finally:
                await asyncio.gather(*(socket.close() for socket in sockets))

    assert asyncio.run(many()) == Close.TOO_MANY


def cli(house: House, *words: str) -> Any:
    answer = CliRunner().invoke(bespoke, [*words, "--json"], env=house.settings.environment())
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.output)


def test_a_key_made_on_the_command_line_opens_and_a_revoked_one_does_not(house: House) -> None:
    made = cli(house, "keys", "create", "front", "--scope", "recommend:read", "--per-s", "50", "--burst", "7")

    def status() -> int:
        return house.ask("GET", "/v1/recommendations", Authorization=f"Bearer {made['key']}")[0]

    wait_for(lambda: status() == 200)
    _, _, headers = house.ask("GET", "/v1/recommendations", Authorization=f"Bearer {made['key']}")
    assert headers["ratelimit-limit"] == "7"
    statuses = [status() for _ in range(30)]
    assert 429 in statuses or statuses.count(200) == 30  # fast machines run into the limit
    listed = {each["id"]: each for each in cli(house, "keys", "list")["keys"]}
    assert (listed["front"]["state"], listed["server"]["state"]) == ("made", "settings")
    assert made["key"] not in json.dumps(listed)
    cli(house, "keys", "revoke", "front")
    wait_for(lambda: status() == 401)


def test_readings_are_listed_by_key_and_by_person(house: House) -> None:
    anonymous = str(uuid4())
    assert house.viewed(anonymous, "sku-1") == 200
    wait_for(lambda: cli_shows(house, anonymous))
    person = cli(house, "customer", "show", f"anonymous:{anonymous}", "--purpose", "ticket 9")["profile"]["person_id"]
    assert house.ask("GET", f"/v1/customers/{person}", **{"X-Purpose": "ticket 10"})[0] == 200
    assert house.ask("GET", f"/v1/customers/{person}/events")[0] == 200
    query = {"query": f'{{ customer(id: "{person}") {{ version }} }}'}
    assert house.ask("POST", "/v1/graphql", query)[0] == 200
    assert house.ask("POST", "/v1/rules/preview", {"anonymous_id": anonymous})[0] == 200
    of_person = cli(house, "audit", "list", "--person", person)["entries"]
    by_key = [(each["action"], each["purpose"]) for each in of_person if each["actor"] == "key:server"]
    assert by_key == [
        ("rules.preview", None),
        ("graphql.customer", None),
        ("customer.events", None),
        ("customer", "ticket 10"),
    ]
    assert ("customer.show", "ticket 9") in {(each["action"], each["purpose"]) for each in of_person}
    listed = cli(house, "audit", "list", "--key", "server", "--limit", "4")["entries"]
    assert {each["position"] for each in listed} <= {each["position"] for each in of_person}
    assert person not in json.dumps(listed)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert cli(house, "audit", "list", "--since", tomorrow)["entries"] == []


def cli_shows(house: House, anonymous: str) -> bool:
    words = ["customer", "show", f"anonymous:{anonymous}", "--json"]
    return CliRunner().invoke(bespoke, words, env=house.settings.environment()).exit_code == 0


class Caller(threading.Thread):
    """Asks again and again on a kept connection, as clients do, and goes elsewhere when it is told to."""

    def __init__(self, house: House) -> None:
        super().__init__(daemon=True)
        self.house, self.answers, self.failed, self.told_to_go = house, 0, list[str](), False

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.house.settings.port, timeout=20)
        while not self.told_to_go:
            try:
                connection.request("GET", "/v1/recommendations", headers={"Authorization": f"Bearer {self.house.key}"})
                response = connection.getresponse()
                response.read()
                self.answers += 1
                self.told_to_go = response.getheader("Connection") == "close"
                if response.status != 200:
                    self.failed.append(str(response.status))
            except (OSError, HTTPException) as error:
                self.failed.append(type(error).__name__)
                return


def test_at_its_end_it_fails_no_request_and_closes_sockets(servers: Wiring, settings: Settings) -> None:
    with namespace(settings, port=free_port()) as wiring:
        folding.start_generation(wiring)
        with Children(wiring.settings) as children:
            children.start("project", "--follow")
            serving = children.start("serve")
            house = House(wiring, children)
            wait_for(house.up)

            async def watch() -> int | None:
                async with house.live() as socket:
                    await socket.send(house.hello(str(uuid4())))
                    await told(socket)
                    callers = [Caller(house) for _ in range(4)]
                    for caller in callers:
                        caller.start()
                    await asyncio.to_thread(wait_for, lambda: all(caller.answers > 20 for caller in callers))
                    serving.terminate()
                    with pytest.raises(ConnectionClosed) as ended:
                        await socket.recv()
                    for caller in callers:
                        await asyncio.to_thread(caller.join, 20)
                    assert not any(caller.is_alive() for caller in callers)
                    assert [failure for caller in callers for failure in caller.failed] == []
                    assert all(caller.told_to_go for caller in callers)
                    return ended.value.rcvd.code if ended.value.rcvd else None

            began = time.monotonic()
            assert asyncio.run(watch()) == Close.AWAY
            assert serving.wait(20) == 0
            assert time.monotonic() - began < 20
