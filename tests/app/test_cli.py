"""The command line as a user has it: a process, its exit code, one JSON object or one line of what went wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from app.cli import bespoke as cli
from app.intake import take
from app.projecting import folding, runners
from app.projecting import process as project
from app.settings import Settings
from app.wiring import Wiring

ROOT = Path(__file__).parents[2]
COMMANDS = {"up", "load", "project", "rebuild", "train", "serve", "customer show", "evaluate next-item", "doctor"}
EMAIL = "ada@canary.example"
IDENTIFY = {
    "type": "identify",
    "userId": "u-1",
    "messageId": "m-1",
    "timestamp": "2025-06-11T10:00:00Z",
    "traits": {"email": EMAIL},
}


def bespoke(*arguments: str, settings: Settings, **more: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command with these settings and none from where the tests run."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("BESPOKE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=ROOT,
        env=outside | settings.environment() | more,
        capture_output=True,
        text=True,
        timeout=120,
    )


def answered(done: "subprocess.CompletedProcess[str]") -> Any:
    """The one JSON object that a command printed."""
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    return json.loads(done.stdout)


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that says why a command did nothing."""
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("bespoke: ")
    return done.stderr.removeprefix("bespoke: ").strip()


@pytest.fixture
def known(wiring: Wiring) -> Wiring:
    """A namespace with one customer, projected."""
    body = json.dumps(IDENTIFY).encode()
    assert take(wiring.bus(), wiring.channels()["segment"], {"content-type": "application/json"}, body).recorded
    runners.catch_up(wiring, folding.start_generation(wiring))
    return wiring


def commands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Every command, those of groups with the group's name before theirs."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in commands(command))
        else:
            yield name, command


def test_every_command_has_help_and_takes_json() -> None:
    found = dict(commands(cli))
    assert found.keys() >= COMMANDS
    assert [name for name, command in found.items() if not command.help] == []
    options = {name: [o for parameter in command.params for o in parameter.opts] for name, command in found.items()}
    assert [name for name, given in options.items() if "--json" not in given] == []


def test_help_needs_no_server(settings: Settings) -> None:
    assert "rebuild" in bespoke("--help", settings=settings).stdout


def test_doctor_on_a_new_folder_with_a_space_in_its_name(tmp_path: Path) -> None:
    fresh = Settings(var=tmp_path / "a var", postgres_url=None, redis_url=None)
    done = bespoke("doctor", "--json", settings=fresh)
    found = answered(done)
    checks = {check["check"]: check for check in found["checks"]}
    assert found["ok"] is True, done.stdout
    assert {"python", "disk", "secrets", "postgres", "redis", "tables", "projector", "port"} <= set(checks)
    assert checks["tables"]["found"] == "0 customer events, 0 catalogue events"
    assert checks["postgres"]["found"].startswith("version 18")
    assert checks["redis"]["found"].startswith("valkey 9")
    assert (tmp_path / "a var" / "secrets" / "master").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "a var" / "postgres" / "postmaster.pid").exists()  # stopped again


def test_doctor_says_what_to_do(tmp_path: Path) -> None:
    nowhere = Settings(
        var=tmp_path,
        postgres_url=f"postgresql:///postgres?host={tmp_path}",
        redis_url="redis://127.0.0.1:1/0",
        master_secret=b"x" * 32,
    )
    done = bespoke("doctor", "--json", settings=nowhere)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    found = json.loads(done.stdout)
    wrong = {check["check"]: check["advice"] for check in found["checks"] if not check["ok"]}
    assert found["ok"] is False
    assert {"postgres", "redis", "tables"} <= set(wrong)
    assert "BESPOKE_POSTGRES_URL" in wrong["postgres"]
    assert "BESPOKE_REDIS_URL" in wrong["redis"]


def test_doctor_names_a_secret_that_is_missing(tmp_path: Path) -> None:
    without = Settings(var=tmp_path, postgres_url="postgresql:///postgres", redis_url="redis://127.0.0.1:1/0")
    done = bespoke("doctor", settings=without)
    assert done.returncode == 1
    assert "BESPOKE_MASTER_SECRET is not set" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_command_without_its_servers_is_refused_in_one_line(tmp_path: Path) -> None:
    nowhere = Settings(
        var=tmp_path,
        postgres_url=f"postgresql:///postgres?host={tmp_path}",
        redis_url="redis://127.0.0.1:1/0",
        master_secret=b"x" * 32,
    )
    assert "PostgreSQL" in refused(bespoke("project", settings=nowhere))


def test_a_wrong_setting_is_refused_in_one_line_that_names_it_and_not_its_value(settings: Settings) -> None:
    done = bespoke("doctor", settings=settings, BESPOKE_NAMESPACE="Drop Table")
    assert "BESPOKE_NAMESPACE" in refused(done)
    assert "Drop" not in done.stderr


def test_the_grocer_stays_out_of_the_shop(settings: Settings) -> None:
    done = bespoke("load", "journey", "--json", settings=settings, BESPOKE_NAMESPACE="shop")
    assert "BESPOKE_NAMESPACE=grocer bespoke load journey" in refused(done)


def test_a_customer_is_shown_by_any_identifier(known: Wiring) -> None:
    by_email = answered(bespoke("customer", "show", f"email:{EMAIL.upper()}", "--json", settings=known.settings))
    by_user = answered(bespoke("customer", "show", "user:u-1", "--json", settings=known.settings))
    assert by_email == by_user
    assert by_email["profile"]["identity_graph"] == {"email": [EMAIL], "user": ["u-1"]}
    assert {"customer.opened", "customer.identifier_linked"} <= {event["name"] for event in by_email["events"]}
    person = by_email["profile"]["person_id"]
    by_id = answered(bespoke("customer", "show", person, "--json", "--events", "0", settings=known.settings))
    assert by_id == {"profile": by_email["profile"], "events": [], "older": None}
    pages, before = [], list[str]()
    while len(pages) < 20 and (not pages or before):
        page = answered(
            bespoke("customer", "show", person, "--json", "--events", "2", *before, settings=known.settings)
        )
        pages.append(page["events"])
        before = ["--before", page["older"]] if page["older"] else []
    assert [event for page in pages for event in page] == by_email["events"] and len(pages) > 1


def test_a_customer_in_words(known: Wiring) -> None:
    done = bespoke("customer", "show", "user:u-1", settings=known.settings)
    assert done.returncode == 0
    assert EMAIL in done.stdout


@pytest.mark.parametrize("who", ["email:nobody@canary.example", "user:nobody", "0190163d-8694-739b-aea5-966c26f8ad90"])
def test_nobody_is_one_line(known: Wiring, who: str) -> None:
    done = bespoke("customer", "show", who, "--json", settings=known.settings)
    assert refused(done) == "nobody is known by that"
    assert "canary" not in done.stderr


@pytest.mark.parametrize("who", ["email:not-an-address", "nothing", "shoe:44"])
def test_what_is_no_identifier_is_told_without_repeating_it(who: str, settings: Settings) -> None:
    done = bespoke("customer", "show", who, settings=settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert who.partition(":")[2] not in done.stderr or not who.partition(":")[2]


def test_project_and_rebuild_tell_what_they_did(known: Wiring) -> None:
    events = known.customers[0].head()
    assert answered(bespoke("project", "--json", settings=known.settings)) == {"generation": 1, "events": 0}
    rebuilt = answered(bespoke("rebuild", "--json", settings=known.settings))
    assert rebuilt == {"from_generation": 1, "to_generation": 2, "events": events}


def test_a_second_projector_is_refused_in_one_line(known: Wiring) -> None:
    with project.single_projector(known):
        assert "running already" in refused(bespoke("project", settings=known.settings))
