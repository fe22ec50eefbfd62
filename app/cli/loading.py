"""``load``."""

import click

from app import load as loader
from app.cli.output import bar, fail, json_option, show
from app.settings import Settings
from app.wiring import Wiring

SETS = ("demo", "journey")


@click.command()
@click.argument("name", type=click.Choice(SETS))
@click.option("--households", type=click.IntRange(min=1), help="journey: the first so many households only.")
@json_option
def load(name: str, households: int | None, as_json: bool) -> None:
    """Load a real data set through the channel adapters.

    demo: the clothing shop's products, stock and 132,768 clicks. journey: a grocer's till receipts of 2,469
    loyalty households; it needs a namespace of its own (BESPOKE_NAMESPACE) and the extra journey.
    """
    settings = Settings()
    if name == "journey" and settings.namespace == Settings.model_fields["namespace"].default:
        fail("the grocer's receipts stay out of the clothing shop. Do: BESPOKE_NAMESPACE=grocer bespoke load journey")
    with Wiring(settings) as wiring:
        loaded = run(wiring, name, households)
    show(as_dict(loaded), in_words(loaded), as_json=as_json)


def run(wiring: Wiring, name: str, households: int | None = None) -> loader.Loaded:
    """Loads with a progress bar."""
    wiring.provision()
    deliveries = loader.demo(wiring) if name == "demo" else loader.journey_receipts(households)
    with bar(f"loading {name}", loader.DEMO_ITEMS if name == "demo" else None) as advance:
        loaded = loader.load(wiring, deliveries, advance)
    loader.mark_loaded(wiring, name)
    return loaded


def as_dict(loaded: loader.Loaded) -> dict[str, object]:
    """For ``--json``."""
    taken = loaded.taken
    return {
        "recorded": taken.recorded,
        "repeated": taken.repeated,
        "skipped": taken.skipped,
        "refused": taken.refused,
        "seconds": round(loaded.seconds, 2),
        "load_events_per_s": round(loaded.events_per_s),
    }


def in_words(loaded: loader.Loaded) -> str:
    """For people."""
    taken = loaded.taken
    words = f"{taken.recorded:,} events recorded in {loaded.seconds:.1f} s, {loaded.events_per_s:,.0f} a second"
    words += f" from the adapter into Redis; {taken.repeated:,} were recorded before, {taken.skipped:,} skipped."
    if taken.refused:
        problem = taken.first_problem
        where = f" The first: {problem.field}: {problem.reason}." if problem else ""
        words += f" {taken.refused:,} refused.{where}"
    return words
