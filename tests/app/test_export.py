"""What an export holds: page by page, of one person alone, and of somebody erased nothing but the books."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from adapters.eventlog import log
from adapters.receipts import store
from adapters.receipts.form import encode
from adapters.rights.as_html import as_html
from adapters.rights.as_json import as_json
from adapters.rights.requests import access_cases
from app.erasing.desk import Desk
from app.rights.exporting import exports_of
from app.wiring import Wiring
from benchmarks.privacy.export import decision
from commands.consent import RequestAccess
from commands.identify import Identify
from commands.order import PlaceOrder
from commands.rights import GrantAccess
from domain.identity import Identifier, IdentifierKind
from domain.privacy import Method, Source
from domain.values import Channel, Details, Line
from queries import cases
from queries.cases import Cases, Entry
from queries.moment import Moment
from queries.timeline import LATEST, Page, Place
from tests.app.test_remaking import command, view
from tests.namespaces import namespace

MAIL = Identifier(kind=IdentifierKind.EMAIL, value="maria@example.org")
OTHER = Identifier(kind=IdentifierKind.EMAIL, value="other@example.org")
ANON = Identifier(kind=IdentifierKind.ANONYMOUS, value="5f0c6f4e-7a7b-4b0e-9d43-0d6d3f5b8a11")


def told(wiring: Wiring) -> dict[str, Any]:
    stream = wiring.directory.find(MAIL)
    assert stream is not None
    found = exports_of(wiring).dossier(stream, datetime.now(UTC))
    assert found is not None
    page = b"".join(as_html(found)).decode()
    assert "other@example.org" not in page and "their secret" not in page
    whole: dict[str, Any] = json.loads(b"".join(as_json(found)))
    return whole


def fill(wiring: Wiring) -> None:
    bus, base = wiring.bus(), {"identifiers": (MAIL, ANON), "channel": Channel.WEB}
    bus.dispatch([command(Identify, 0, details=Details(name="Maria", city="Rome"), **base)])
    bus.dispatch([view(ANON.value, f"SKU-{n}", n) for n in range(25)])
    sold = {"order_id": "A-1", "total_cents": 500, "currency": "EUR", "lines": (Line(sku="their secret"),)}
    bus.dispatch([command(PlaceOrder, 30, **{**sold, "lines": (Line(sku="SKU-1"),)}, **base)])
    bus.dispatch([command(PlaceOrder, 31, **{**sold, "order_id": "B-1"}, identifiers=(OTHER,), channel=Channel.WEB)])


def test_it_is_whole_however_small_the_pages_are(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGE", 7)
    monkeypatch.setattr(store, "PAGE", 3)
    fill(wiring)
    person = min(stream for one in (MAIL, ANON) if (stream := wiring.directory.find(one)))
    wiring.receipts.add([encode(decision(person)) for _ in range(8)])
    found = told(wiring)
    assert len(found["decisions"]) == len({each["decision_id"] for each in found["decisions"]}) == 8
    assert found["decisions_expired"] == 0 and found["status"] == "known"
    events = [(each["stream"], each["version"]) for each in found["events"]]
    assert len(events) == len(set(events)) == sum(each["events"] for each in found["streams"]) == 2 + 2 + 1 + 25 + 1
    assert found["profile"]["behavior"]["order_count"] == 1


def test_of_somebody_erased_there_are_the_books_alone(servers: Wiring) -> None:
    with namespace(servers.settings, erasure_window_h=0.0, erasure_four_eyes=False) as wiring:
        fill(wiring)
        stream = wiring.directory.find(MAIL)
        assert stream is not None
        Desk(wiring).ask(MAIL, by="key:desk", source=Source.API, method=Method.LOGIN, approve=True)
        found = exports_of(wiring).dossier(stream, datetime.now(UTC))
        assert found is not None and found.erased
        whole = json.loads(b"".join(as_json(found)))
        assert (whole["status"], whole["decisions"], whole["details"]) == ("erased", [], {})
        assert [each["name"] for each in whole["events"]] == ["customer.order_placed"]
        assert whole["profile"]["ledger_net"] == {"EUR": "5.00"}
        page = b"".join(as_html(found)).decode()
        assert "You were erased" in page and "maria" not in page and "SKU-1" not in page
        case = Cases(exports_of(wiring), wiring.catalogue, wiring.receipts).case(stream, Moment())
        assert case is not None and case.erased and not case.details


def pages(found: Cases, stream: UUID, moment: Moment) -> list[tuple[Entry, ...]]:
    """From the latest to the oldest."""
    page, seen = LATEST, list[tuple[Entry, ...]]()
    while True:
        case = found.case(stream, moment, page)
        assert case is not None
        seen.append(case.entries)
        if case.older is None:
            return seen
        page = Page(before=case.older)


def test_a_case_shows_every_event_and_answer_a_page_at_a_time(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ENTRIES", 7)
    fill(wiring)
    person = min(stream for one in (MAIL, ANON) if (stream := wiring.directory.find(one)))
    wiring.receipts.add([encode(decision(person)) for _ in range(20)])
    found = Cases(exports_of(wiring), wiring.catalogue, wiring.receipts)
    first = found.case(person, Moment())
    assert first is not None and first.newer is None and first.of == 31 + 20
    seen = pages(found, person, Moment())
    assert [len(page) for page in seen] == [7] * 7 + [2]
    places = [entry.place for page in seen for entry in page]
    assert places == sorted(set(places), reverse=True)
    assert sum(entry.decision is not None for page in seen for entry in page) == 20
    begin = found.case(person, Moment(), Page(after=Place(0, 0, 0, person)))
    assert begin is not None and [e.place for e in begin.entries] == places[-7:] and begin.newer == places[-7]
    middle = found.case(person, Moment(), Page(after=places[20]))
    assert middle is not None and [entry.place for entry in middle.entries] == places[13:20]
    assert (middle.older, middle.newer) == (places[19], places[13])


def test_the_pages_of_a_case_end_where_the_moment_is(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "ENTRIES", 7)
    fill(wiring)
    stream = wiring.directory.find(ANON)
    assert stream is not None
    wiring.receipts.add([encode(decision(stream))])
    found = Cases(exports_of(wiring), wiring.catalogue, wiring.receipts)
    whole = [entry for page in pages(found, stream, Moment()) for entry in page]
    until = [e for e in whole if e.event and e.event.name == "customer.product_viewed"][15].at_ms
    as_of = datetime.fromtimestamp(until / 1000, UTC)
    past = [entry for page in pages(found, stream, Moment(as_of)) for entry in page]
    case = found.case(stream, Moment(as_of))
    assert case is not None and case.of == len(past) < len(whole)
    assert [entry for entry in past if entry.decision] == []
    assert max(e.at_ms for e in past if e.event and e.event.name == "customer.product_viewed") == until


def test_requests_for_access_wait_until_they_are_granted(wiring: Wiring) -> None:
    bus, base = wiring.bus(), {"identifiers": (MAIL,), "channel": Channel.SERVICE}
    bus.dispatch([command(RequestAccess, n, request_id=f"r-{n}", **base) for n in range(2)])
    stream = wiring.directory.find(MAIL)
    assert stream is not None
    bus.dispatch([GrantAccess(source_id="g", occurred_at=datetime.now(UTC), stream=stream, request_id="r-0", by="x")])
    found = access_cases(wiring.customers)
    assert [(case.request_id, case.granted is None) for case in found] == [("r-1", True), ("r-0", False)]
    assert found[0].stream == stream and (found[0].due - found[0].asked).days == 28


def test_nobody_has_no_export(wiring: Wiring) -> None:
    assert exports_of(wiring).dossier(uuid4(), datetime.now(UTC)) is None
