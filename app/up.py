"""``bespoke up``: everything on one machine, in one command."""

import json
import signal
import time
import urllib.error
import urllib.request
from contextlib import suppress

import click

from app import load
from app.children import Children
from app.cli import loading, training
from app.cli.output import fail
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from ml.nextitem.model import KIND as NEXT_ITEM

READY_S = 30.0
POLL_S = 0.1


def run(settings: Settings, *, as_json: bool) -> None:
    """Returns when stopped by Ctrl-C or SIGTERM, with no process left."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _run(settings, as_json=as_json)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def _run(settings: Settings, *, as_json: bool) -> None:
    click.echo("Starting PostgreSQL and Valkey …", err=True)
    with Wiring(settings) as wiring, Children(settings) as children:
        wiring.provision()
        folding.start_generation(wiring)
        children.start("project", "--follow")
        _prepare(wiring)
        children.start("serve")
        wait_until_ready(settings, children)
        _announce(settings, as_json=as_json)
        while not (ended := children.first_ended()):
            wiring.revive_servers()
            time.sleep(POLL_S)
        fail(f"`bespoke {' '.join(ended)}` has ended, so everything is stopped; see {settings.var / 'logs'}")


def _prepare(wiring: Wiring) -> None:
    """Data and a model, where there are none yet."""
    if not load.is_loaded(wiring, "demo"):
        click.echo(loading.in_words(loading.run(wiring, "demo")), err=True)
    if wiring.models.in_use(NEXT_ITEM) is None:
        training.run(wiring)


def wait_until_ready(settings: Settings, children: Children) -> None:
    """Returns when the web process answers that all servers are there."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if ended := children.first_ended():
            fail(f"`bespoke {' '.join(ended)}` did not start; see {settings.var / 'logs'}, or ask `bespoke doctor`")
        with suppress(urllib.error.URLError, TimeoutError, ConnectionError):
            urllib.request.urlopen(f"{_address(settings)}/health/ready", timeout=2).close()
            return
        time.sleep(POLL_S)
    fail(f"nothing answers at {_address(settings)}; `bespoke doctor` says why")


def _announce(settings: Settings, *, as_json: bool) -> None:
    address = _address(settings)
    if as_json:
        click.echo(json.dumps({"address": address, "openapi": f"{address}/schema"}))
        return
    key = "$BESPOKE_KEY"
    told = "" if settings.api_keys else f"\n  export BESPOKE_KEY={settings.generated_keys()['server']}"
    click.echo(
        f"""
The shop is open: {address}
{told}
  curl -s '{address}/v1/recommendations?placement=home&limit=3' -H "Authorization: Bearer {key}"
  curl -s {address}/v1/track -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' \\
    -d '{{"anonymousId": "me", "event": "Product Viewed", "properties": {{"sku": "M001"}}}}'

Ctrl-C stops everything; the data stays in {settings.var}."""
    )


def _address(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"
