"""``up``, ``servers`` and ``serve``."""

import signal
import threading

import click

from app import serve as web
from app import up as everything
from app.cli.output import json_option
from app.settings import Settings
from app.starting import started
from app.wiring import Wiring


@click.command()
@json_option
def up(as_json: bool) -> None:
    """Start everything: servers, demo data, projector, training, the shop. Ctrl-C stops it all."""
    everything.run(Settings(), as_json=as_json)


@click.command()
@json_option
def servers(as_json: bool) -> None:
    """Run PostgreSQL and Valkey from their wheels until stopped; nothing where both URLs are set."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with Wiring(Settings()) as wiring:
        wiring.provision()
        if not as_json:
            click.echo("PostgreSQL and Redis are ready.")
        stop.wait()


@click.command()
@json_option
def serve(as_json: bool) -> None:
    """Serve the HTTP API and the shop."""
    with started(Settings(), Wiring.bus) as wiring:
        web.run(wiring)
