"""Attribution from the log, as a user has it: reports at positions, in every form; published versions and why they
differ; in bulk from an export."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import connect

from app.jobs.keeping import RESTATE, Keeping
from app.reporting import attribution, restating
from app.training.training_set import heads
from app.wiring import Wiring
from commands.browse import RecordVisit
from commands.identify import Identify
from commands.order import PlaceOrder, ReturnLines
from domain.identity import Identifier, IdentifierKind
from domain.values import Campaign, Channel, Line
from projections.attribution.models import MODELS
from projections.attribution.rules import Rules
from queries.attribution_report import Asked
from tests.app.test_cli import answered, bespoke, refused

START = datetime(2026, 5, 1, tzinfo=UTC)
PERIOD = ("--from", "2026-05-01", "--to", "2026-05-31")


def visitor(number: int) -> Identifier:
    return Identifier(kind=IdentifierKind.ANONYMOUS, value=f"visitor-{number}")


def member(number: int) -> Identifier:
    return Identifier(kind=IdentifierKind.EMAIL, value=f"member-{number}@shop.example")


class Shop:
    """Records what people do."""

    def __init__(self, wiring: Wiring) -> None:
        self.bus, self.count = wiring.bus(), 0

    def _facts(self, day: int) -> dict[str, Any]:
        self.count += 1
        return {"occurred_at": START + timedelta(days=day), "channel": Channel.WEB, "source_id": f"s{self.count}"}

    def saw(self, who: Identifier, day: int, **how: Any) -> None:
        campaign = Campaign(**how) if how else None
        self.bus.dispatch([RecordVisit(identifiers=(who,), campaign=campaign, **self._facts(day))])

    def bought(self, who: Identifier, day: int, order: str, cents: int, currency: str = "EUR") -> None:
        line = Line(sku="S", quantity=1, price_cents=cents)
        about = {"order_id": order, "total_cents": cents, "currency": currency, "lines": (line,)}
        self.bus.dispatch([PlaceOrder(identifiers=(who,), **about, **self._facts(day))])

    def returned(self, who: Identifier, day: int, order: str, cents: int) -> None:
        about = {"order_id": order, "return_id": f"r-{order}", "refund_cents": cents, "currency": "EUR"}
        self.bus.dispatch([ReturnLines(identifiers=(who,), **about, **self._facts(day))])

    def linked(self, one: Identifier, other: Identifier, day: int) -> None:
        self.bus.dispatch([Identify(identifiers=(other, one), **self._facts(day))])


@pytest.fixture
def shop(wiring: Wiring) -> Shop:
    """Six came by an advertisement and then by e-mail, and bought; one bought in yen; one only looked."""
    found = Shop(wiring)
    for number in range(6):
        found.saw(visitor(number), 1, click_ids={"gclid": "c"})
        found.saw(visitor(number), 3, medium="email", source="news")
        found.bought(visitor(number), 4, f"o{number}", 1_001)
    found.bought(visitor(6), 5, "yen", 5_000, "JPY")
    found.saw(visitor(7), 6, click_ids={"fbclid": "c"})
    return found


def test_a_report_in_every_form_at_any_position(shop: Shop, wiring: Wiring, tmp_path: Path) -> None:
    settings = wiring.settings
    files = ("--parquet", str(tmp_path / "rows.parquet"), "--html", str(tmp_path / "page.html"))
    made = answered(bespoke("attribution", "report", *PERIOD, *files, "--json", settings=settings))
    euros, yen = made["currencies"]
    assert (euros["currency"], euros["net_revenue"], euros["credited"]) == ("EUR", 6_006, 6_006)
    assert (yen["currency"], yen["net_revenue"], yen["unattributed"], yen["credited"]) == ("JPY", 5_000, 5_000, 0)
    assert set(euros["models"]) == set(MODELS)
    linear = {name: each["cents"] for name, each in euros["models"]["linear"].items() if each["cents"]}
    assert linear == {"ads: google": 3_003, "e-mail": 3_003}
    assert euros["models"]["first"]["ads: google"]["cents"] == 6_006
    assert euros["paths"] == [{"channels": ["ads: google", "e-mail"], "persons": 6, "orders": 6, "cents": 6_006}]
    assert "nobody knows what recommendations cause" in euros["personalization"]["words"][1]
    told = bespoke("attribution", "report", *PERIOD, "--csv", settings=settings)
    table = list(csv.DictReader(io.StringIO(told.stdout)))
    assert sum(int(row["cents"]) for row in table if row["model"] == "markov-1" and row["currency"] == "EUR") == 6_006
    import pyarrow.parquet as parquet

    assert len(parquet.read_table(tmp_path / "rows.parquet")) == len(table)
    page = (tmp_path / "page.html").read_text()
    assert "ads: google" in page and "<script" not in page
    before = ",".join(map(str, made["positions"]))
    shop.bought(visitor(0), 8, "later", 700)
    at = answered(bespoke("attribution", "report", *PERIOD, "--as-of-position", before, "--json", settings=settings))
    assert at == made
    wrong = refused(bespoke("attribution", "report", "--as-of-position", "9" * 12, settings=settings))
    assert wrong.startswith("--as-of-position: one number for each")


def test_in_bulk_from_an_export_it_is_the_same(shop: Shop, wiring: Wiring, tmp_path: Path) -> None:
    settings = wiring.settings
    told = answered(bespoke("attribution", "export", str(tmp_path / "out"), "--json", settings=settings))
    assert (told["touches"], told["sales"]) == (13, 7)
    bulk = answered(
        bespoke("attribution", "report", *PERIOD, "--export", str(tmp_path / "out"), "--json", settings=settings)
    )
    assert bulk == answered(bespoke("attribution", "report", *PERIOD, "--json", settings=settings))


def _asked() -> Asked:
    begin = int(START.timestamp() * 1000)
    return Asked(("first", "markov-1"), begin, begin + 30 * 86_400_000, Rules())


def _net(causes: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    return {c["cause"]: {e["heading"]: e["cents"] for e in c["changes"] if not e["model"]} for c in causes}


def test_published_versions_say_why_they_differ(shop: Shop, wiring: Wiring) -> None:
    first = attribution.publish(wiring, _asked())
    again = attribution.publish(wiring, _asked())
    assert (first.version.version, first.new, again.new) == (1, True, False)
    shop.returned(visitor(0), 9, "o0", 500)  # a late refund
    shop.bought(visitor(1), 5, "late", 900)  # a late event: by a visitor whose touches the first order had
    shop.saw(visitor(8), 2, medium="social")
    shop.bought(member(8), 4, "m8", 2_000)
    shop.linked(visitor(8), member(8), 10)  # a merge: the order has touches now
    second = attribution.publish(wiring, _asked())
    assert (second.version.version, second.new) == (2, True)
    why = second.version.restatement
    assert why is not None
    assert _net(why["causes"]) == {
        "late event": {"net revenue": 2_900, "unattributed": 2_900},
        "refund": {"net revenue": -500},
        "merge": {"unattributed": -2_000},
    }
    kept = wiring.published.of(first.version.key)
    assert [each.version for each in kept] == [1, 2] and kept[0].report == first.version.report
    told = answered(bespoke("attribution", "versions", first.version.key, "--json", settings=wiring.settings))
    assert [each["version"] for each in told["versions"]] == [1, 2] and all(each["report"] for each in told["versions"])
    newest = answered(bespoke("attribution", "versions", "--json", settings=wiring.settings))["versions"]
    assert [each | {"report": None} for each in told["versions"]] == [each | {"report": None} for each in newest]
    assert not any("report" in each for each in newest)
    shop.bought(visitor(2), 20, "more", 100)
    restated = answered(bespoke("attribution", "restate", "--json", settings=wiring.settings))
    assert (restated["looked_at"], [each["version"] for each in restated["restated"]]) == (1, [3])


def test_destroyed_keys_are_an_erasure_whose_amount_is_known(shop: Shop, wiring: Wiring) -> None:
    before = attribution.publish(wiring, _asked()).version
    (stream,) = wiring.directory.claim([visitor(3)]).values()
    with connect(wiring._url("keys"), autocommit=True) as connection:
        connection.execute("DELETE FROM stream_key WHERE stream = %s", (stream,))
    with Wiring(wiring.settings, own_servers=False) as later:  # keys are cached by who has them
        after = attribution.publish(later, _asked()).version
        made = attribution.made(later, _asked(), heads(later))
    assert after.version == 2 and after.restatement is not None
    assert _net(after.restatement["causes"]) == {"erasure": {"erased revenue": 1_001}}
    assert after.report["currencies"][0]["net_revenue"] == before.report["currencies"][0]["net_revenue"]
    assert made.currencies[0].money.erased == 1_001 and made.currencies[0].money.credited == 5_005


def test_nothing_published_holds_who_anybody_is(shop: Shop, wiring: Wiring) -> None:
    attribution.publish(wiring, _asked())
    text = json.dumps([each.plain() for each in wiring.published.latest()])
    assert "visitor" not in text and not any(str(stream) in text for stream in _streams(wiring))


def _streams(wiring: Wiring) -> list[Any]:
    return [stream for number in range(8) for stream in wiring.directory.claim([visitor(number)]).values()]


def test_the_daily_job_restates_what_changed_and_nothing_else(shop: Shop, wiring: Wiring) -> None:
    may, june = _asked(), replace(_asked(), from_ms=_asked().to_ms, to_ms=_asked().to_ms + 86_400_000)
    first = {attribution.publish(wiring, asked).version.key for asked in (may, june)}
    keeping = Keeping(wiring)
    keeping.do(RESTATE, 1)
    assert _versions(wiring) == dict.fromkeys(first, 1)  # nothing came
    shop.saw(visitor(9), 2, medium="social")
    keeping.do(RESTATE, 2)
    assert _versions(wiring) == dict.fromkeys(first, 1)  # a touch of nobody who bought changes no figure
    shop.returned(visitor(0), 9, "o0", 500)
    keeping.do(RESTATE, 3)
    keeping.do(RESTATE, 3)  # as a queue may say it again
    keeping.do(RESTATE, 4)
    restated = attribution.key_of(may)
    assert _versions(wiring) == dict.fromkeys(first, 1) | {restated: 2}
    why = wiring.published.of(restated)[-1].restatement
    assert why is not None and _net(why["causes"])["refund"] == {"net revenue": -500}
    assert sum(e["cents"] for c in why["causes"] for e in c["changes"] if e["heading"] == "net revenue") == -500
    run = keeping.runs.all()[RESTATE]
    assert (run.state, run.done) == ("done", 0)


def test_one_report_that_cannot_be_made_stops_no_other(
    shop: Shop, wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = [replace(_asked(), models=(model,)) for model in ("first", "markov-4", "linear")]
    keys = [attribution.publish(wiring, asked).version.key for asked in asks]
    shop.returned(visitor(0), 9, "o0", 500)
    monkeypatch.setattr("projections.attribution.markov.MOST_STEPS", 1)
    done = restating.restate(wiring)
    assert (done.looked_at, done.failed, {each.key for each in done.new}) == (3, [keys[1]], {keys[0], keys[2]})


def _versions(wiring: Wiring) -> dict[str, int]:
    return {each.key: each.version for each in wiring.published.latest()}
