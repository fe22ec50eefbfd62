"""``ingest`` and ``dead-letters``."""

import logging
import signal
import threading
import time
from uuid import UUID

import click

from adapters.kafka.connection import Admin
from app import ingest as ingesting
from app.cli.output import json_option, show
from app.settings import Settings
from app.starting import started
from app.tuning import for_batches
from app.wiring import Wiring


@click.command()
@click.option("--create-topics", is_flag=True, help="Make the topics that are missing, and end.")
@click.option("--partitions", type=click.IntRange(1, 10_000), default=12, show_default=True, help="Of a new topic.")
@click.option("--replicas", type=click.IntRange(1, 10), default=1, show_default=True, help="Of a new topic.")
@click.option("--until-caught-up", is_flag=True, help="End when all that is on the topic is recorded.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), default=0, help="Metrics on the loopback; 0: none.")
@json_option
def ingest(
    create_topics: bool, partitions: int, replicas: int, until_caught_up: bool, metrics_port: int, as_json: bool
) -> None:
    """Record what channels published to Kafka."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("kafka").setLevel(logging.ERROR)
    for_batches()
    if create_topics:
        with Wiring(Settings()) as wiring, Admin(wiring.broker) as admin:
            made = admin.create_topics(partitions, replicas)
        show({"created": made}, f"Created: {', '.join(made) or 'nothing, all are there'}.", as_json=as_json)
        return
    with started(Settings(), Wiring.bus) as wiring:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        began = time.monotonic()
        counts = ingesting.run(wiring, stop, until_caught_up=until_caught_up, metrics_port=metrics_port)
        result = {
            "records": counts.records,
            "events": counts.events,
            "dead_letters": counts.dead_letters,
            "lag": sum(counts.lag.values()),
            "seconds": round(time.monotonic() - began, 3),
        }
        show(result, f"{counts.records} records taken, {counts.dead_letters} set aside.", as_json=as_json)


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at what could not be taken from Kafka, and take it again."""


@dead_letters.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--replayed", is_flag=True, help="Also those that were taken since.")
@json_option
def list_letters(limit: int, replayed: bool, as_json: bool) -> None:
    """Show the latest, without their content."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = wiring.dead_letters.latest(limit, replayed=replayed)
    rows = [{name: getattr(each, name) for name in each.__slots__} for each in found]
    words = "\n".join(f"{e.id}  {e.at:%Y-%m-%d %H:%M}  {e.partition}@{e.offset}  {e.type}  {e.reason}" for e in found)
    show({"dead_letters": rows}, words or "There are none.", as_json=as_json)


@dead_letters.command()
@click.argument("ids", nargs=-1, type=click.UUID)
@click.option("--all", "everything", is_flag=True, help="All that were not taken since.")
@json_option
def replay(ids: tuple[UUID, ...], everything: bool, as_json: bool) -> None:
    """Take letters again, by their IDS."""
    if bool(ids) == everything:
        raise click.UsageError("name letters, or give --all")
    with Wiring(Settings()) as wiring:
        wiring.provision()
        wanted = [letter.id for letter in wiring.dead_letters.latest(10_000)] if everything else list(ids)
        results = ingesting.replay(wiring, wanted)
    words = "\n".join(f"{id_}  {what}" for id_, what in results.items())
    show({str(id_): what for id_, what in results.items()}, words or "There are none.", as_json=as_json)
