"""Whom an answer is for, whatever is down: somebody who cannot be found in time is answered as a stranger."""

from dataclasses import dataclass
from uuid import UUID

from commands.ports import UnavailableError
from domain.identity import Identifier
from queries.ports import Directory, Person, ReadModels, Shop
from readmodels.customer import CustomerRecord

FRESH_S = 0.02
DIRECTORY, REDIS, STALE = "directory", "redis", "stale"
FULL, CACHED, POPULAR = "full", "cached", "popular"


@dataclass(frozen=True, slots=True)
class Met:
    """``person`` is None for a stranger, ``shop`` where it was never to be had."""

    person: Person | None
    shop: Shop | None
    degraded: tuple[str, ...] = ()

    @property
    def record(self) -> CustomerRecord:
        """The person's, an empty one for a stranger."""
        return self.person.record if self.person else CustomerRecord()

    @property
    def rung(self) -> str:
        """full; cached where the record is one of before; popular where a stranger's answer stands in."""
        missing = set(self.degraded) - {STALE}
        if not missing:
            return FULL
        return CACHED if self.record.version else POPULAR


async def meet(
    read_models: ReadModels, directory: Directory, who: UUID | Identifier | None, min_version: int | None = None
) -> Met:
    """``min_version`` of the whole person is waited for, 20 ms at most. Raises nothing when a server is down."""
    missing: list[str] = []
    stream = who if isinstance(who, UUID) else None
    if isinstance(who, Identifier):
        try:
            stream = await directory.find(who)
        except UnavailableError:
            missing.append(DIRECTORY)
    person = None
    if stream is not None:
        person = read_models.peek(stream)
        if person is None or (min_version or 0) > person.record.version:
            person = await _person(read_models, stream, min_version)
        missing += person.degraded
    if (min_version or 0) > (person.record.version if person else 0):
        missing.append(STALE)
    try:
        shop: Shop | None = await read_models.shop()
    except UnavailableError:
        shop, missing = None, [*missing, *([] if REDIS in missing else [REDIS])]
    return Met(person if person and person.streams else None, shop, tuple(missing))


async def _person(read_models: ReadModels, stream: UUID, min_version: int | None) -> Person:
    if min_version is None:
        return (await read_models.person(stream))[0]
    person, _ = await read_models.person_with(stream, lambda p: p.record.version >= min_version, within_s=FRESH_S)
    return person
