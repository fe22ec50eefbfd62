"""What has served its time goes: facts by class and month, visitors who stay away, receipts, keys of days.

Visitors first: who has no name is known by how the stream began, which expires as well. Then keys of periods, and at
last the records that were made of what they sealed: all are folded anew from what can still be read, beside the live
ones, and the old ones deleted. Linking's index, with blocking keys of what was told, is deleted where details expire.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.keys.daily import DailyKeys, Purpose, day_of
from adapters.keys.retention import Period, Periods
from app.identities import index
from app.keeping import anonymous
from app.keeping.periods import months_kept
from app.projecting import lifecycle
from app.settings import Settings
from app.wiring import Wiring
from domain.event import Retention
from readmodels.live import PROJECTIONS


@dataclass(frozen=True, slots=True)
class Expired:
    """``periods``: whose keys are gone. ``visitors``: anonymous streams. ``rebuilt``: events that were folded anew."""

    periods: tuple[Period, ...]
    visitors: int
    receipts: int
    day_keys: int
    records: int
    rebuilt: int


def first_months(settings: Settings, now: datetime) -> Mapping[Retention, int]:
    """Class → the first month that is kept of it: the present month does not count."""
    now_ = now.astimezone(UTC)
    month = now_.year * 12 + now_.month - 1
    return {kind: month - months for kind, months in months_kept(settings).items()}


def expire(wiring: Wiring, now: datetime | None = None, *, dry_run: bool = False) -> Expired:
    """Everything that is due at ``now``; with ``dry_run`` nothing changes. Raises UnavailableError,
    AnotherProjectorError; then it is to be run again."""
    now = now or datetime.now(UTC)
    periods = Periods(wiring.keyring)
    past, last_day = periods.past(first_months(wiring.settings, now)), day_of(now) - wiring.settings.keep_receipts_days
    visitors = anonymous.stale(wiring, now)
    if dry_run:
        count = sum(len(some) for some in visitors)
        return Expired(tuple(past), count, wiring.receipts.older(last_day), 0, 0, 0)
    gone = sum(anonymous.forget(wiring, some) for some in visitors)
    periods.destroy(past)
    if any(period.retention is Retention.IDENTITY for period in past):
        index.drop(wiring)
    receipts, day_keys = wiring.receipts.expire(last_day), expire_day_keys(wiring, now)
    records = sum(shard.drop_expired(periods.living()) for shard in wiring.records)
    rebuilt = _fold_anew(wiring) if past or records else 0
    return Expired(tuple(past), gone, receipts, day_keys, records, rebuilt)


def expire_day_keys(wiring: Wiring, now: datetime) -> int:
    """Keys of the topic, of dead letters and of strangers' receipts; how many. Raises UnavailableError."""
    return sum(DailyKeys(wiring.keyring, purpose).expire(now) for purpose in Purpose)


def _fold_anew(wiring: Wiring) -> int:
    """Also what could be gone back to goes: it holds what has expired."""
    for projection in PROJECTIONS:
        lifecycle.drop(wiring, projection)
    _, _, events = lifecycle.rebuild_all(wiring)
    return events
