"""Persons' rights through the real processes: a withdrawal, an objection, an export, a correction."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.children import Children
from app.settings import Settings
from app.wiring import Wiring
from commands.consent import PassConsentString, RequestAccess
from commands.identify import Identify
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Details
from projections.history import Sharded
from queries.recommend.placements import Source
from tests.app.crowd import crowded
from tests.app.looking import wait_for
from tests.app.test_cli import answered, bespoke
from tests.app.test_live import House
from tests.app.test_remaking import SKUS, command
from tests.app.test_reshard_processes import free_port
from tests.namespaces import namespace

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
HOSTILE = "<script>alert('x')</script>"
#: Who is not profiled gets nothing that was found by what they did.
PERSONAL = {Source.SESSION, Source.PEOPLE, Source.TOGETHER, Source.CONTENT}


@pytest.fixture(scope="module")
def house(servers: Wiring, settings: Settings) -> Iterator[House]:
    with namespace(settings, port=free_port()) as wiring:
        crowded(wiring)
        with Children(wiring.settings) as children:
            children.start("project", "--follow")
            children.start("serve")
            house = House(wiring, children)
            wait_for(house.up)
            yield house


def visitor(house: House) -> str:
    """Somebody who looked at three things."""
    anonymous = str(uuid4())
    for sku in (SKUS[3], SKUS[4], SKUS[3]):
        assert house.viewed(anonymous, sku) == 200
    wait_for(lambda: shown(house, anonymous)["version"] >= 4)
    return anonymous


def shown(house: House, anonymous: str, **headers: str) -> Any:
    status, told, _ = house.ask("GET", f"/v1/recommendations?anonymous_id={anonymous}", **headers)
    assert status == 200
    return told


def items(told: Any) -> list[tuple[str, str]]:
    return [(item["sku"], item["reason"]) for item in told["items"]]


def personal(told: Any) -> bool:
    """Whether it says something of whom it is for. Items themselves change with what all others do meanwhile."""
    return bool({item["source"] for item in told["items"]} & PERSONAL)


def as_stranger(house: House, anonymous: str) -> bool:
    """Whether both are shown the same."""
    return items(shown(house, anonymous)) == items(shown(house, str(uuid4())))


def said(house: House, anonymous: str, event: str, **properties: str) -> int:
    message = {
        "event": event,
        "messageId": str(uuid4()),
        "anonymousId": anonymous,
        "timestamp": datetime.now(UTC).isoformat(),
        "properties": {"policy_version": "7", **properties},
    }
    return house.ask("POST", "/v1/track", message)[0]


def recorded(house: House, anonymous: str) -> list[Customer.Event]:
    stream = house.wiring.directory.find(Identifier(kind=IdentifierKind.ANONYMOUS, value=anonymous))
    assert stream is not None
    ((_, events),) = Sharded(house.wiring.customers).streams([stream])
    return [event for event in events if isinstance(event, Customer.Event)]


def sharing(house: House, anonymous: str) -> list[type]:
    words = [e for e in recorded(house, anonymous) if isinstance(e, Customer.ConsentWithdrawn | Customer.ConsentGiven)]
    return [type(word) for word in words if word.purpose == "sharing"]


@pytest.mark.parametrize("purpose", ["personalisation", "sharing"])
def test_a_withdrawal_counts_in_the_very_next_answer_until_it_is_taken_back(house: House, purpose: str) -> None:
    anonymous = visitor(house)
    assert personal(shown(house, anonymous))
    for _ in range(3):
        assert said(house, anonymous, "Consent Withdrawn", purpose=purpose) == 200
        assert not personal(shown(house, anonymous))
        wait_for(lambda: as_stranger(house, anonymous))
        assert said(house, anonymous, "Consent Given", purpose=purpose) == 200
        wait_for(lambda: personal(shown(house, anonymous)))


def test_a_withdrawal_elsewhere_is_none_here(house: House) -> None:
    anonymous = visitor(house)
    assert said(house, anonymous, "Consent Withdrawn", purpose="personalisation", medium="email") == 200

    def on(channel: str) -> Any:
        return house.ask("GET", f"/v1/recommendations?anonymous_id={anonymous}&channel={channel}")[1]

    assert personal(on("web"))
    assert not personal(on("email"))
    wait_for(lambda: items(on("email")) == items(shown(house, str(uuid4()))))


def test_the_signal_counts_in_its_own_answer_and_is_recorded_once(house: House) -> None:
    anonymous = visitor(house)
    assert personal(shown(house, anonymous))
    for _ in range(3):
        assert not personal(shown(house, anonymous, **{"Sec-GPC": "1"}))
    wait_for(lambda: sharing(house, anonymous))
    wait_for(lambda: as_stranger(house, anonymous))
    assert sharing(house, anonymous) == [Customer.ConsentWithdrawn]
    decision = shown(house, anonymous, **{"Sec-GPC": "1"})["decision_id"]
    wait_for(lambda: house.ask("GET", f"/v1/decisions/{decision}")[0] == 200)
    assert house.ask("GET", f"/v1/decisions/{decision}")[1]["asked"]["opted_out"] is True
    assert answered(bespoke("decision", "replay", decision, "--json", settings=house.settings))["equal"] == 1


def test_the_signal_on_collection_opts_out_before_what_it_tells(house: House) -> None:
    anonymous = str(uuid4())
    message = {"event": "Product Viewed", "anonymousId": anonymous, "properties": {"sku": SKUS[1]}}
    for number in range(2):
        whole = message | {"messageId": f"{anonymous}-{number}", "timestamp": datetime.now(UTC).isoformat()}
        assert house.ask("POST", "/v1/track", whole, **{"Sec-GPC": "1"})[0] == 200
    kinds = [type(event).__name__ for event in recorded(house, anonymous)]
    assert kinds == ["Opened", "ConsentWithdrawn", "ProductViewed", "ProductViewed"]
    wait_for(lambda: as_stranger(house, anonymous))


def test_nothing_but_one_is_a_signal(house: House) -> None:
    anonymous = visitor(house)
    for value in ("0", "true", "", "11"):
        assert personal(shown(house, anonymous, **{"Sec-GPC": value}))
    assert sharing(house, anonymous) == []


def maria(house: House) -> tuple[str, UUID]:
    """Somebody with two streams, details, a consent string, a request and decisions."""
    anonymous, bus = visitor(house), house.wiring.bus()
    mail = f"{uuid4().hex}@example.org"
    who = (
        Identifier(kind=IdentifierKind.EMAIL, value=mail),
        Identifier(kind=IdentifierKind.ANONYMOUS, value=anonymous),
    )
    base: dict[str, Any] = {"identifiers": who, "channel": Channel.WEB}
    details = Details(name=f"Maria {HOSTILE}", city="Rome", birth_date="2015-05-05")
    bus.dispatch([command(Identify, 1, details=details, **base)])
    bus.dispatch([command(PassConsentString, 2, framework="tcf", text="CPXxRfA.YAAA", **base)])
    bus.dispatch([command(RequestAccess, 3, request_id="r-1", **base)])
    wait_for(lambda: shown(house, anonymous)["version"] >= 9)
    person = UUID(shown(house, anonymous)["person_id"])
    wait_for(lambda: house.wiring.receipts.of_person([person], 10))
    return mail, person


def test_an_export_has_everything_in_both_forms(house: House, tmp_path: Path) -> None:
    mail, person = maria(house)
    run = answered(
        bespoke(
            *("privacy", "export", f"email:{mail}", "--out", str(tmp_path / "out"), "--request", "r-1", "--json"),
            settings=house.settings,
        )
    )
    assert run["person_id"] == str(person) and run["status"] == "known"
    told = json.loads((tmp_path / "out" / "export.json").read_text())
    assert {each["kind"]: each["identifier"] for each in told["streams"]}["email"] == mail
    assert told["details"] == {"name": f"Maria {HOSTILE}", "birth_date": "2015-05-05", "city": "Rome"}
    assert told["profile"]["demographics"]["age_range"] == "under 16"
    assert [each["facts"]["text"] for each in told["consents"]] == ["CPXxRfA.YAAA"]
    assert len(told["links"]) == 2 and told["decisions"] and told["decisions"][0]["items"][0]["reason"]
    assert len(told["events"]) == run["events"] == sum(each["events"] for each in told["streams"])
    page = (tmp_path / "out" / "export.html").read_text()
    assert "<script" not in page and "&lt;script&gt;" in page and mail in page and "Product viewed" in page
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in (tmp_path / "out").iterdir())
    granted = answered(
        bespoke("privacy", "export", str(person), "--out", str(tmp_path / "x.json"), "--json", settings=house.settings)
    )
    assert granted["files"] == [str(tmp_path / "x.json")]
    requests = json.loads((tmp_path / "x.json").read_text())["requests"]
    assert [each["name"] for each in requests] == ["customer.access_requested", "customer.access_granted"]


def test_an_export_over_http_is_audited_and_a_file(house: House) -> None:
    _, person = maria(house)
    connection = HTTPConnection("127.0.0.1", house.settings.port, timeout=20)
    headers = {"Authorization": f"Bearer {house.key}", "X-Purpose": "ticket 9"}
    connection.request("GET", f"/v1/customers/{person}/export?format=html", headers=headers)
    response = connection.getresponse()
    page = response.read().decode()
    assert response.status == 200 and page.rstrip().endswith("</html>")
    assert "attachment" in response.headers["Content-Disposition"] and response.headers["Cache-Control"] == "no-store"
    assert "<script" not in page and "&lt;script&gt;" in page
    connection.close()
    status, told, _ = house.ask("GET", f"/v1/customers/{person}/export")
    assert status == 200 and told["person_id"] == str(person) and told["events"]
    entries = house.wiring.audit.latest(10, streams=[person])
    assert [entry.action for entry in entries][:2] == ["customer.export"] * 2 and entries[1].purpose == "ticket 9"
    assert house.ask("GET", f"/v1/customers/{uuid4()}/export")[0] == 404


def test_a_correction_wins_before_and_after_and_time_travel_shows_both(house: House) -> None:
    mail, person = maria(house)
    before = datetime.now(UTC)
    path, body = f"/v1/customers/{person}/corrections", {"details": {"birth_date": "1990-05-05"}, "reason": "passport"}
    once = {"Idempotency-Key": uuid4().hex}
    status, told, _ = house.ask("POST", path, body, **once)
    assert (status, told["recorded"]) == (200, 1)
    assert house.ask("POST", path, body, **once)[1]["recorded"] == 0

    def age(when: str = "") -> Any:
        return house.ask("GET", f"/v1/customers/{person}{when}")[1]["demographics"].get("age_range")

    wait_for(lambda: age() == "35-44")
    late = command(
        Identify,
        5,
        identifiers=(Identifier(kind=IdentifierKind.EMAIL, value=mail),),
        channel=Channel.WEB,
        details=Details(birth_date="2015-05-05"),
    )
    house.wiring.bus().dispatch([late.model_copy(update={"occurred_at": datetime.now(UTC) + timedelta(seconds=1)})])
    assert age(f"?as_of={before.isoformat().replace('+', '%2B')}") == "under 16"
    assert age(f"?as_of={(before + timedelta(minutes=1)).isoformat().replace('+', '%2B')}") == "35-44"
    ran = answered(
        bespoke(
            *("customer", "correct", f"email:{mail}", "--clear", "birth_date", "--reason", "unknown", "--json"),
            settings=house.settings,
        )
    )
    assert ran["recorded"] == 1
    wait_for(lambda: age() is None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"details": {"birth_date": "5/5/1990"}, "reason": "r"}, "details.birth_date"),
        ({"details": {"religion": "x"}, "reason": "r"}, "details"),
        ({"details": {"city": "Rome"}}, "reason"),
        ({"cleared": ["shoe_size"], "reason": "r"}, "cleared"),
        ({"reason": "r"}, "body"),
        ({"details": {"city": "Rome"}, "cleared": ["city"], "reason": "r"}, "body"),
    ],
)
def test_a_wrong_correction_is_refused_by_its_field(house: House, body: Any, field: str) -> None:
    status, told, _ = house.ask("POST", f"/v1/customers/{uuid4()}/corrections", body)
    assert (status, told["field"]) == (422, field)


def test_nobody_is_corrected(house: House) -> None:
    body = {"details": {"city": "Rome"}, "reason": "r"}
    assert house.ask("POST", f"/v1/customers/{uuid4()}/corrections", body)[0] == 404
