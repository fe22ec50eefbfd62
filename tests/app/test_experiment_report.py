"""What came of an experiment, from exposures and orders in the log to a verdict; any position gives its own report."""

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.reporting import arm_shares
from app.wiring import Wiring
from commands.browse import RecordView
from commands.experiment import DesignExperiment, ReweightExperiment, StartExperiment
from commands.exposure import RecordExposure, exposure_source
from commands.identify import Identify
from commands.order import PlaceOrder, ReturnLines
from domain.assignment.hashing import HashVersion
from domain.design import Design, Variant
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Line
from queries.experiments import experiments_of
from tests.app.test_cli import answered, bespoke, refused

START = datetime(2026, 5, 1, tzinfo=UTC)
PEOPLE = 400
ARMS = ("control", "bold")


def who(kind: IdentifierKind, value: str) -> Identifier:
    return Identifier(kind=kind, value=value)


def visitor(number: int) -> Identifier:
    return who(IdentifierKind.ANONYMOUS, f"visitor-{number}")


def facts(name: str, at: datetime, **more: Any) -> dict[str, Any]:
    return {"source_id": f"{name}-{at.isoformat()}", "occurred_at": at, **more}


def bought(number: int, at: datetime, cents: int) -> list[Any]:
    said = {"identifiers": (visitor(number),), "channel": Channel.WEB, "currency": "USD"}
    order, line = f"order-{number}-{cents}", Line(sku="S", quantity=1, price_cents=cents)
    return [PlaceOrder(order_id=order, total_cents=cents, lines=(line,), **said, **facts(f"o{number}", at))]


def exposed(wiring: Wiring, number: int, variant: str, at: datetime) -> RecordExposure:
    (stream,) = wiring.directory.claim([visitor(number)]).values()
    channel = Channel.MOBILE if number % 4 > 1 else Channel.WEB
    about = {"experiment": "hero", "variant": variant, "hash_version": HashVersion.BLAKE, "channel": channel}
    return RecordExposure(stream=stream, source_id=exposure_source("hero"), occurred_at=at, **about)


def begin(wiring: Wiring, **fields: Any) -> None:
    shares = tuple(Variant(name=name, buckets=5_000) for name in ARMS)
    design = Design(hypothesis="it sells more", primary_metric="conversion", variants=shares, **fields)
    about = facts("hero", START, key="hero")
    wiring.bus().dispatch([DesignExperiment(design=design, **about), StartExperiment(**about | {"source_id": "start"})])


def lived(wiring: Wiring, people: int = PEOPLE, seed: int = 3) -> dict[str, list[int]]:
    """Persons come, half to each arm; of the bold arm's more buy. Arm → persons, buyers."""
    chance, commands, expected = random.Random(seed), list[Any](), {arm: [0, 0] for arm in ARMS}
    bus = wiring.bus()
    bus.dispatch(
        [
            RecordView(
                identifiers=(visitor(n),), channel=Channel.WEB, sku="S", **facts(f"v{n}", START - timedelta(days=3))
            )
            for n in range(people)
        ]
    )
    for number in range(people):
        arm, at = ARMS[number % 2], START + timedelta(hours=number)
        commands.append(exposed(wiring, number, arm, at))
        expected[arm][0] += 1
        if chance.random() < (0.2 if arm == "control" else 0.5):
            commands += bought(number, at + timedelta(minutes=5), 1_000 + number)
            expected[arm][1] += 1
        if number % 10 == 0:  # before they were exposed: no outcome
            commands += bought(number, at - timedelta(days=1), 50)
    bus.dispatch(commands)
    return expected


def reported(wiring: Wiring, *words: str) -> Any:
    return answered(bespoke("experiment", "report", "hero", *words, "--json", settings=wiring.settings))


def result(told: Any, metric: str) -> Any:
    return next(each for each in told["results"] if each["metric"] == metric)


def test_from_the_log_to_a_verdict_at_any_position(wiring: Wiring, tmp_path: Path) -> None:
    begin(wiring)
    expected = lived(wiring)
    page, rows = tmp_path / "report.html", tmp_path / "report.csv"
    told = reported(wiring, "--html", str(page), "--csv", str(rows), "--parquet", str(tmp_path / "report.parquet"))
    assert told["arms"] == {arm: persons for arm, (persons, _) in expected.items()}
    found = result(told, "conversion")
    assert found["control"]["mean"] == pytest.approx(expected["control"][1] / expected["control"][0])
    assert found["treatment"]["mean"] == pytest.approx(expected["bold"][1] / expected["bold"][0])
    assert told["verdict"].startswith("bold is better than control in conversion") and not told["srm"]["found"]
    assert told["paths"][0]["decided"] and len(told["paths"][0]["looks"]) > 10
    assert {each["metric"] for each in told["outcome_board"]} >= {"conversion", "order_value", "cart_abandonment"}
    (by_channel,) = told["segments"]
    assert by_channel["by"] == "channel" and {each["segment"] for each in by_channel["segments"]} == {"web", "mobile"}
    assert sum(r["control"]["n"] for each in by_channel["segments"] for r in each["results"]) == expected["control"][0]
    assert "segments are for ideas" in by_channel["warning"] and by_channel["differ"][0]["metric"] == "conversion"
    families = {each["family"]: (each["correction"], each["asked"]) for each in told["corrections"]}
    assert families["primary"] == ("holm", 1) and families["others"][0] == "bh"
    assert found["family"] == "primary" and found["p_corrected"] == found["p_value"]
    assert told["standing"] == "better" and told["srm"]["came"] == told["arms"]
    text = page.read_text()
    assert (
        "Better than the control" in text
        and "<script" not in text
        and "http://" not in text.replace("http://www.w3.org", "")
    )

    assert sum(line.startswith("look,") for line in rows.read_text().splitlines()) == len(told["paths"][0]["looks"])
    assert (tmp_path / "report.parquet").read_bytes()[:4] == b"PAR1"

    at = ",".join(map(str, told["positions"]))
    wiring.bus().dispatch(
        [
            ReturnLines(
                order_id="x",
                return_id="r",
                refund_cents=900,
                currency="USD",
                identifiers=(visitor(1),),
                channel=Channel.WEB,
                **facts("late", START + timedelta(days=60)),
            ),
            *(exposed(wiring, number, "control", START) for number in range(PEOPLE, PEOPLE + 5)),
        ]
    )
    again = reported(wiring, "--at", at, "--until", "2026-07-15")
    assert again["results"] == reported(wiring, "--at", at, "--until", "2026-07-15")["results"]
    assert again["arms"] == told["arms"]
    later = reported(wiring)
    assert later["positions"] != told["positions"]


def test_who_saw_two_arms_is_left_out(wiring: Wiring) -> None:
    begin(wiring)
    lived(wiring, 40)
    login = who(IdentifierKind.USER, "ann")
    at = START + timedelta(days=30)
    wiring.bus().dispatch(
        [Identify(identifiers=(visitor(n), login), channel=Channel.WEB, **facts(f"login{n}", at)) for n in (0, 1)]
    )
    told = reported(wiring)
    assert told["crossed"] == [{"arms": ["bold", "control"], "persons": 1}]
    assert sum(told["arms"].values()) == 38


def test_arms_of_the_wrong_size_have_no_verdict_and_nothing_is_shipped(wiring: Wiring) -> None:
    begin(wiring)
    commands = [exposed(wiring, n, ARMS[n % 5 == 0], START) for n in range(200)]
    views = [
        RecordView(identifiers=(visitor(n),), channel=Channel.WEB, sku="S", **facts(f"v{n}", START)) for n in range(200)
    ]
    wiring.bus().dispatch(views)
    wiring.bus().dispatch(commands)
    told = reported(wiring)
    assert told["srm"]["found"] and told["verdict"].startswith("no verdict")
    reported(wiring)
    shown = answered(bespoke("experiment", "show", "hero", "--json", settings=wiring.settings))
    assert [change["does"] for change in shown["history"]] == ["designed", "started", "mismatch_found"]
    assert shown["history"][-1]["to"]["counts"] == told["arms"]
    assert "shares that were designed" in refused(
        bespoke("experiment", "ship", "hero", "bold", settings=wiring.settings)
    )


def test_the_daily_look_finds_a_mismatch_without_a_report_and_tells_it_once(wiring: Wiring) -> None:
    begin(wiring)
    views = [
        RecordView(identifiers=(visitor(n),), channel=Channel.WEB, sku="S", **facts(f"v{n}", START)) for n in range(200)
    ]
    wiring.bus().dispatch(views)
    now = datetime.now(UTC)
    assert arm_shares.look(wiring, now) == 0  # nobody is exposed
    wiring.bus().dispatch([exposed(wiring, n, ARMS[n % 2], START) for n in range(60)])
    assert arm_shares.look(wiring, now) == 0
    wiring.bus().dispatch([exposed(wiring, n, ARMS[0], START) for n in range(60, 200)])
    assert [arm_shares.look(wiring, now) for _ in range(2)] == [1, 1]
    (told,) = experiments_of(wiring.experiment_events())
    assert [change.does for change in told.history] == ["designed", "started", "mismatch_found"]


def test_changed_shares_are_no_mismatch(wiring: Wiring) -> None:
    begin(wiring)
    views = [
        RecordView(identifiers=(visitor(n),), channel=Channel.WEB, sku="S", **facts(f"v{n}", START)) for n in range(240)
    ]
    wiring.bus().dispatch(views)
    wiring.bus().dispatch([exposed(wiring, n, ARMS[n % 2], START + timedelta(hours=1)) for n in range(120)])
    change = START + timedelta(days=1)
    wiring.bus().dispatch(
        [ReweightExperiment(key="hero", buckets={"control": 2_000, "bold": 8_000}, **facts("w", change))]
    )
    wiring.bus().dispatch([exposed(wiring, n, ARMS[n % 5 != 0], change + timedelta(hours=1)) for n in range(120, 240)])
    assert not reported(wiring)["srm"]["found"]


def test_what_cannot_be_reported_is_one_line(wiring: Wiring) -> None:
    assert "no experiment" in refused(bespoke("experiment", "report", "hero", settings=wiring.settings))
    begin(wiring)
    assert "control" in refused(bespoke("experiment", "report", "hero", settings=wiring.settings))
    assert "--at" in refused(bespoke("experiment", "report", "hero", "--at", "1,2,3,4,5", settings=wiring.settings))


def test_a_design_names_what_is_measured(wiring: Wiring, tmp_path: Path) -> None:
    shares = [{"name": name, "buckets": 5_000} for name in ARMS]
    path = tmp_path / "design.json"
    path.write_text(json.dumps({"hypothesis": "h", "primary_metric": "happiness", "variants": shares}))
    told = refused(bespoke("experiment", "design", "hero", str(path), settings=wiring.settings))
    assert told.startswith("primary_metric") and "happiness" not in told
