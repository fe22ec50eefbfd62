"""Loading: real data sets through the channel adapters, the log and the projector, timed end to end."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.children import Children
from app.demo import eshop, journey
from app.intake import Taken, take
from app.projecting import folding, runners
from app.projecting import process as project
from app.wiring import Wiring

POLL_S = 0.05
STALLED_S = 120.0
DEMO_ITEMS = 2 * 217 + 132_768
Sent = tuple[str, dict[str, str], bytes]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of the items, and how fast events went from the adapter through the log into Redis."""

    taken: Taken
    seconds: float

    @property
    def events_per_s(self) -> float:
        """Recorded events a second, end to end."""
        return self.taken.recorded / self.seconds


class StalledError(Exception):
    """The projector does not come along."""


def load(wiring: Wiring, deliveries: Iterable[Sent], progress: Progress = lambda n: None) -> Loaded:
    """Sends (channel, headers, body) through the adapters; returns when all is in Redis.

    A projector is started for the time unless one is running. Raises StalledError, UnavailableError.
    """
    began = time.monotonic()
    bus, channels, taken = wiring.bus(), wiring.channels(), Taken()
    with Children(wiring.settings) as children:
        folding.start_generation(wiring)
        if not project.is_running(wiring):
            children.start("project", "--follow")
        for channel, headers, body in deliveries:
            part = take(bus, channels[channel], headers, body)
            taken.add(part)
            progress(part.recorded + part.repeated + part.skipped + part.refused)
        wait_until_projected(wiring)
    return Loaded(taken, time.monotonic() - began)


def wait_until_projected(wiring: Wiring) -> None:
    """Returns when the projector has confirmed all that is recorded. Raises StalledError."""
    behind, since = runners.lag(wiring), time.monotonic()
    while behind:
        time.sleep(POLL_S)
        now = runners.lag(wiring)
        if now < behind:
            behind, since = now, time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            raise StalledError(f"{behind} events wait and no projector takes them; is `bespoke project` running?")


def demo(wiring: Wiring) -> Iterator[Sent]:
    """The clothing shop: products, stock, then three and a half months of clicks, moved to end yesterday."""
    secret = wiring.settings.shopify_key()
    for delivery in (*eshop.shopify_products(secret=secret), *eshop.shopify_inventory(secret=secret)):
        yield delivery.channel, delivery.headers, delivery.body
    shift = eshop.week_shift(eshop.last_day(eshop.csv_rows(eshop.DATA)), datetime.now(UTC).date())
    yield from clicks(eshop.DATA, shift)


def clicks(path: Path, shift_days: int) -> Iterator[Sent]:
    """A file of clicks as Segment batches."""
    for body in eshop.batches(eshop.segment_messages(eshop.csv_rows(path), shift_days=shift_days)):
        yield "segment", {"content-type": "application/json"}, body


def journey_receipts(households: int | None) -> Iterator[Sent]:
    """A grocer's receipts as POSLog documents, moved to end yesterday. Raises MissingPackageError."""
    shift = eshop.week_shift(journey.last_day(), datetime.now(UTC).date())
    for document in journey.poslog_documents(shift_days=shift, households=households):
        yield "poslog", {"content-type": "application/xml"}, document


def is_loaded(wiring: Wiring, name: str) -> bool:
    """Whether a set was loaded whole into this namespace's log before."""
    return _mark(wiring, name).exists() and wiring.customers[0].head() > 0


def mark_loaded(wiring: Wiring, name: str) -> None:
    """Remembers that a set was loaded whole. Loading it again records nothing twice, but takes its time."""
    _mark(wiring, name).parent.mkdir(parents=True, exist_ok=True)
    _mark(wiring, name).touch()


def _mark(wiring: Wiring, name: str) -> Path:
    return wiring.settings.var / "loaded" / f"{wiring.settings.namespace}.{name}"
