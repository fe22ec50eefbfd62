"""Which persons there would be under another threshold: all streams linked at once, and nothing written."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from app.identities.entries import all_entries
from app.identities.model import in_use
from app.wiring import Wiring
from domain.identity import Pair, person_id
from ml.identity.cluster import PLACES, automatic_weight, conflict_of
from ml.identity.model import IdentityModel, weight_of
from ml.identity.online import telling
from ml.identity.score import Scorer
from ml.identity.whole import decisions, persons, records_of
from readmodels.identity import Compared, Entry

Step = Callable[[str], Callable[[float], None]]


@dataclass(frozen=True, slots=True)
class Difference:
    """Persons of ``before`` that are none any more, and of ``after`` that were none, each as its streams, the oldest
    first; ``streams`` and numbers of persons in all."""

    streams: int
    persons_before: int
    persons_after: int
    gone: tuple[tuple[UUID, ...], ...]
    new: tuple[tuple[UUID, ...], ...]

    @property
    def merged(self) -> int:
        """How many persons of before came into a larger one."""
        inside = [set(person) for person in self.new]
        return sum(any(set(person) < other for other in inside) for person in self.gone)


def scored(records: Mapping[UUID, Compared], model: IdentityModel) -> dict[Pair, float]:
    """All pairs that share a block, by the engine for whole files. Raises MissingPackageError."""
    from adapters.splink import engine

    streams = sorted(records)
    if len(streams) < 2:
        return {}
    found = engine.score([records[stream] for stream in streams], model)
    rows = zip(found.one.tolist(), found.other.tolist(), found.weight.tolist(), strict=True)
    return {(streams[one], streams[other]): round(weight, PLACES) for one, other, weight in rows}


def replay(wiring: Wiring, threshold: float, step: Step) -> Difference:
    """``threshold`` is a match probability. Raises NoModelError, UnavailableError, MissingPackageError."""
    model = in_use(wiring)
    step("reading the log")
    entries = all_entries(wiring)
    step("scoring")
    pairs = scored(records_of(entries), model)
    step("comparing")
    return difference(entries, pairs, model, automatic_weight(), weight_of(threshold))


def difference(
    entries: Mapping[UUID, Entry], pairs: Mapping[Pair, float], model: IdentityModel, now: float, then: float
) -> Difference:
    """Between two thresholds, in bits."""
    conflict = telling(conflict_of(Scorer(model)), records_of(entries))
    before, after = (persons(decisions(entries, pairs, bits, conflict)) for bits in (now, then))
    gone, new = (tuple(sorted(tuple(sorted(each)) for each in found)) for found in (before - after, after - before))
    streams = sum(map(len, before))
    assert all(person_id(person) == person[0] for person in new)
    return Difference(streams, len(before), len(after), gone, new)
