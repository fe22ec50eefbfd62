"""``privacy rotate-keys``, ``epochs`` and ``expire``: what is kept, and for how long."""

import click

from adapters.keys.rotation import Epoch, Rotation
from app.cli.output import bar, json_option, show
from app.keeping.expire import Expired
from app.keeping.expire import expire as run_expiry
from app.keeping.rotate import rotate
from app.settings import Settings
from app.wiring import Wiring


@click.command("rotate-keys")
@click.option("--new-epoch", is_flag=True, help="Do not wait for the end of the month: destroy this month's key too.")
@json_option
def rotate_keys(new_epoch: bool, as_json: bool) -> None:
    """Wrap all living keys anew and destroy the older wrapping keys, so that no copy of a destroyed key opens.

    Events are not touched. Backups of the keys database from before open nothing afterwards.
    """
    with Wiring(Settings()) as wiring, bar("keys") as progress:
        wiring.provision()
        done = rotate(wiring, progress, new_epoch=new_epoch)
    words = f"{done.rewrapped:,} keys wrapped for epoch {done.epoch}; destroyed: {_list(done.destroyed) or 'none'}"
    show({"epoch": done.epoch, "rewrapped": done.rewrapped, "destroyed": list(done.destroyed)}, words, as_json=as_json)


@click.command()
@json_option
def epochs(as_json: bool) -> None:
    """The epochs of wrapping keys, and when each was destroyed."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = Rotation(wiring.keyring).epochs()
    told = [
        {"epoch": e.epoch, "opened": e.opened_at, "destroyed": e.destroyed_at, "by": e.service, "final": e.final_at}
        for e in found
    ]
    show({"epochs": told}, "\n".join(map(_epoch, found)) or "No rotation has run yet.", as_json=as_json)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@json_option
def expire(dry_run: bool, as_json: bool) -> None:
    """Destroy what has served its time: facts by class and month, visitors who stay away, receipts, keys of days.

    Where facts expire, read models are then folded anew.
    """
    with Wiring(Settings()) as wiring:
        wiring.provision()
        done = run_expiry(wiring, dry_run=dry_run)
    show(_told(done), _words(done, dry_run), as_json=as_json)


def _told(done: Expired) -> dict[str, object]:
    return {
        "periods": [str(each) for each in done.periods],
        "visitors": done.visitors,
        "receipts": done.receipts,
        "day_keys": done.day_keys,
        "records": done.records,
        "rebuilt": done.rebuilt,
    }


def _words(done: Expired, dry_run: bool) -> str:
    would = "would go" if dry_run else "are gone"
    return "\n".join(
        [
            f"periods     {', '.join(map(str, done.periods)) or 'none'}",
            f"visitors    {done.visitors:,} {would}",
            f"receipts    {done.receipts:,} {would}",
            *([] if dry_run else [f"day keys    {done.day_keys:,} {would}", f"rebuilt     {done.rebuilt:,} events"]),
        ]
    )


def _epoch(epoch: Epoch) -> str:
    if epoch.destroyed_at is None:
        return f"{epoch.epoch}  in use"
    final = f", for good at {epoch.final_at:%Y-%m-%d}" if epoch.final_at else ""
    return f"{epoch.epoch}  destroyed {epoch.destroyed_at:%Y-%m-%d %H:%M:%S}{final}"


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
