"""Plants what ``canaries`` has: through the real web process, the topic, the ingest process and the projector, through
pages and sockets, and what only commands and jobs can say through those."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

from websockets.asyncio.client import connect

from adapters.channels import identity_token
from adapters.http.compliance.officers import Role
from adapters.kafka.dead_letters import Kept, Letter
from adapters.kafka.envelope import NAMES, dump
from adapters.kafka.producer import Publisher
from app.children import Children
from app.identities import link as linking
from app.identities import model as training
from app.identities import review as reviewing
from app.projecting import folding, runners
from app.training import bandit
from app.wiring import Wiring
from commands.browse import RecordView
from commands.exposure import RecordExposure
from commands.identify import Identify
from domain.identity import Identifier
from domain.values import Channel, Details
from tests.adapters.channels.signing import signed
from tests.app.erasing.hunt import canaries as said
from tests.app.erasing.hunt.canaries import LIKE, TWIN, USER, WHO, N, body, mark
from tests.app.erasing.worlds import BOB, told, view
from tests.app.looking import wait_for
from tests.app.test_identity import Shop

JSON = {"Content-Type": "application/json"}
HER = {
    "name": said.TRAITS["name"],
    "birth_date": said.TRAITS["birthday"],
    "street": f"17 {mark('street')}",
    "city": mark("city"),
    "postcode": mark("zip"),
}
#: Of whom so much is not told may be her, and may not.
LESS = dict.fromkeys(("name", "birth_date", "postcode"))


class House:
    """The processes of a namespace, and what can be sent to them."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring, self.settings = wiring, wiring.settings
        self.key = self.settings.generated_keys()["server"]

    def send(self, method: str, path: str, content: bytes | None = None, **headers: str) -> tuple[int, bytes, Any]:
        """Status, body and headers of an answer."""
        connection = HTTPConnection("127.0.0.1", self.settings.port, timeout=30)
        known = {"Authorization": f"Bearer {self.key}"} if "Cookie" not in headers else {}
        connection.request(method, path, content, known | JSON | {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, text, response.headers

    def told(self, method: str, path: str, what: Any = None, **headers: str) -> Any:
        """The same as JSON, which must be fine."""
        status, text, _ = self.send(method, path, None if what is None else body(what), **headers)
        assert status in (200, 202), (path, status, text)
        return json.loads(text) if text else None

    def tells(self, streams: list[UUID], decision: UUID) -> dict[str, list[str]]:
        """What the web process answers of a person to whoever may ask."""
        parts = ("", "/events?limit=200", "/export", "/export?format=html")
        paths = [f"/v1/customers/{stream}{part}" for stream in streams for part in parts]
        asked = [
            f'{{ customer(id: "{s}") {{ identityGraph behavior realTimeContext demographics }} }}' for s in streams
        ]
        graph = [self.send("POST", "/v1/graphql", body({"query": query}))[1] for query in asked]
        rest = [self.send("GET", path)[1] for path in (*paths, f"/v1/decisions/{decision}")]
        return {"http": [text.decode() for text in rest], "graphql": [text.decode() for text in graph]}

    def up(self) -> bool:
        try:
            return self.send("GET", "/health/ready")[0] == 200
        except OSError:
            return False


class Officer:
    """Somebody at the compliance desk, with a session of their own."""

    def __init__(self, house: House, name: str, roles: list[Role]) -> None:
        self._house, self._cookie = house, ""
        key = house.wiring.officers.add(name, roles)
        _, page, headers = house.send("GET", "/compliance", Cookie="none=1")
        self._cookie = headers["Set-Cookie"].partition(";")[0]
        self._csrf = _csrf(page)
        _, _, headers = self._post("/login", key=key)
        self._cookie = next(c for c in headers.get_all("Set-Cookie") if c.startswith("officer=")).partition(";")[0]
        self._csrf = _csrf(self.see(""))

    def see(self, path: str) -> bytes:
        """A page."""
        status, page, _ = self._house.send("GET", f"/compliance{path}", Cookie=self._cookie)
        assert status in (200, 404), (path, status)
        return page

    def do(self, path: str, **fields: str) -> tuple[bytes, str]:
        """A form that is sent: what comes back, and where it leads."""
        status, page, headers = self._post(path, **fields)
        assert status in (200, 303), (path, status, page)
        return page, headers.get("Location", "").removeprefix("/compliance")

    def _post(self, path: str, **fields: str) -> tuple[int, bytes, Any]:
        form = urlencode({"csrf": self._csrf if self._cookie else "", **fields}).encode()
        kind = {"Content_Type": "application/x-www-form-urlencoded", "Cookie": self._cookie}
        return self._house.send("POST", f"/compliance{path}", form, **kind)


def _csrf(page: bytes) -> str:
    found = re.search(rb'name="csrf" value="([^"]*)"', page)
    assert found is not None
    return found[1].decode()


@contextmanager
def running(wiring: Wiring) -> Iterator[tuple[House, Children]]:
    """The web process and the projector; logs in ``var``."""
    folding.start_generation(wiring)
    house = House(wiring)
    with Children(wiring.settings) as children:
        children.start("project", "--follow")
        children.start("serve")
        wait_for(house.up)
        yield house, children


def through_channels(house: House) -> None:
    """What the shop, its platform, its tills and its mails send."""
    messages = [*said.SEGMENT, *said.CONSENT, *said.MAIL, *said.FEEDBACK]
    batch = [{**said.SAID, **message, "messageId": f"{N}-m{n}"} for n, message in enumerate(messages)]
    assert house.told("POST", "/v1/batch", {"batch": batch})["accepted"] == len(batch)
    secret = house.settings.shopify_key().encode()
    for topic, what in (*said.SHOPIFY.items(), ("customers/data_request", said.DATA_REQUEST)):
        named = {"x-shopify-topic": topic, "x-shopify-webhook-id": f"{N}-{topic}"}
        house.told("POST", "/v1/webhooks/shopify", what, **named, **signed(body(what), secret))
    status, text, _ = house.send("POST", "/v1/pos/poslog", said.TILL.encode(), Content_Type="application/xml")
    assert status == 202, text


def through_questions(house: House, person: UUID) -> UUID:
    """Recommendations asked for in every way, a correction, readings; the decision of one."""
    question = "&".join(f"{name}={quote(value)}" for name, value in (said.ASKED | {"user_id": USER}).items())
    decision = UUID(house.told("GET", f"/v1/recommendations?{question}")["decision_id"])
    house.told("POST", "/v1/recommendations", said.HITS | {"user_id": USER})
    asked = ", ".join(f"{name}: {json.dumps(value)}" for name, value in (said.GRAPHQL | {"userId": USER}).items())
    answer = house.told("POST", "/v1/graphql", {"query": f"{{ recommendations({asked}) {{ decisionId }} }}"})
    assert "errors" not in answer, answer
    asyncio.run(_live(house))
    path = f"/v1/customers/{person}"
    house.told("POST", f"{path}/corrections", said.CORRECTED, Idempotency_Key=mark("once"), X_Purpose=mark("purpose"))
    assert house.send("GET", f"{path}/export?format=html", X_Purpose=mark("export-for"))[0] == 200
    return decision


async def _live(house: House) -> None:
    expires = datetime.now(UTC) + timedelta(minutes=5)
    token = identity_token.sign(house.settings.identity_key(), USER, expires)
    async with asyncio.timeout(20), connect(f"ws://127.0.0.1:{house.settings.port}/v1/live") as socket:
        await socket.send(json.dumps({"type": "hello", "user_id": USER, "identity_token": token} | said.LIVE))
        assert json.loads(await socket.recv())["type"] == "recommendations"


def at_the_desk(rita: Officer) -> UUID:
    """A search, a case, an export and a correction; the person as the desk has it."""
    _, path = rita.do("/search", kind="email", value=said.EMAIL, purpose=mark("desk-purpose"))
    assert N.encode() in rita.see(path)
    rita.do(f"{path}/export", format="json")
    rita.do(f"{path}/correct", **said.AT_THE_DESK)
    return UUID(path.rpartition("/")[2])


def by_scores(wiring: Wiring, look: Callable[[], object]) -> None:
    """Somebody like her whom scores make one with her, and one whom an officer does, who is asked about at ``look``."""
    others = Shop(wiring)
    told(wiring, [_details(WHO, HER), _details(TWIN, HER), _details(LIKE, HER | LESS)])
    training.from_log(wiring, lambda name: lambda done: None)
    assert linking.link_all(wiring) > len(others.details) / 3
    look()
    her, like = (wiring.directory.find(who) for who in (WHO, LIKE))
    assert her is not None and like is not None
    reviewing.accept(wiring, her, like, "cli:rita", mark("review"))


def _details(who: Identifier, said_: dict[str, Any]) -> Identify:
    return Identify(identifiers=(who,), details=Details(**said_), **_facts(Channel.STORE))


def _facts(channel: Channel) -> dict[str, Any]:
    return {"source_id": f"{N}:{uuid4().hex}", "occurred_at": datetime.now(UTC), "channel": channel}


def by_jobs(wiring: Wiring, person: UUID) -> None:
    """An exposure, a letter that could not be taken, a model of what was shown; and a neighbour's day."""
    seen = {"experiment": mark("variant"), "variant": "a", "decision_id": mark("exposed")}
    told(wiring, [RecordExposure(stream=person, hash_version="blake2b-10000", **seen, **_facts(Channel.WEB))])
    kept = Kept(b"", b"", [], dump(view(WHO, mark("letter-left"), "letter")))
    wiring.dead_letters.keep([Letter("topic", 0, 9, NAMES[RecordView].decode(), "refused: test", kept)])
    told(wiring, [view(BOB, "S-3", "bob")])
    bandit.run(wiring)


def published(wiring: Wiring) -> int:
    """On the topic, where nobody takes them from for now: a view, and one that a newer program sent; how many."""
    publisher = Publisher(wiring.broker, wiring.envelope)
    unknown = RecordView.model_construct(**view(WHO, "S", "poison").__dict__ | {"sku": mark("poison") * 9})
    try:
        publisher.publish([view(WHO, mark("waits"), "waits"), unknown])
    finally:
        publisher.close()
    return 2


def settled(wiring: Wiring) -> bool:
    """Whether the projector has come to the ends of the logs."""
    return runners.lag(wiring) == 0
