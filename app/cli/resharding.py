"""``reshard``."""

from dataclasses import asdict

import click

from app.cli.output import bar, json_option, show
from app.settings import Settings
from app.sharding import reshard as moving
from app.tuning import for_batches
from app.wiring import Wiring


@click.command()
@click.option("--to", "shards", type=click.IntRange(1, 1024), help="How many shards there are to be.")
@click.option("--drop-old", is_flag=True, help="Delete the old shards when all is done.")
@click.option("--abort", is_flag=True, help="Put away a resharding that was cut short, and take events again.")
@json_option
def reshard(shards: int | None, drop_old: bool, abort: bool, as_json: bool) -> None:
    """Move the customers' log to another number of shards, or to the servers of BESPOKE_SHARD_URLS.

    The log is in use meanwhile, but for a moment at the end. Cut short: run it again, or with --abort.
    """
    if abort == (shards is not None):
        raise click.UsageError("give --to or --abort")
    for_batches()
    with Wiring(Settings()) as wiring:
        wiring.provision()
        if shards is None:
            found = moving.abort(wiring)
            show({"aborted": found}, "Put away." if found else "There was nothing to put away.", as_json=as_json)
            return
        with bar("moving events", sum(log.head() for log in wiring.customers)) as advance:
            done = moving.reshard(wiring, shards, drop_old=drop_old, progress=advance)
    show(asdict(done) | {"closed_s": round(done.closed_s, 3)}, _in_words(done), as_json=as_json)


def _in_words(done: moving.Resharded) -> str:
    if not done.moved:
        words = f"The log has {done.shards} shards already, on these servers."
    else:
        words = f"{done.events:,} events are in {done.shards} shards now; nothing was taken for {done.closed_s:.2f} s."
    return words + (f" {done.dropped} old shards are deleted." if done.dropped else "")
