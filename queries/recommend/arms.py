"""Who is in which arm, and what that changes. No server and no clock: a hash, the record's exposures, a condition.

An exposure wins over the hash, so nobody who has seen an arm is moved: not by other shares or another coverage, and not
by a merge that makes another id the person's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from domain.arm import Arm
from domain.assignment.conditions import holds
from domain.assignment.hashing import HashVersion, blake_bucket, bucket, prefix
from domain.assignment.ranges import shares
from domain.experiment import BUCKETS, State
from domain.identity import SHARED_KINDS
from domain.values import Purpose
from queries.recommend.ask import Ask
from queries.recommend.changes import NO_CHANGES, Changes
from queries.recommend.segments import consents_of, segments_of
from queries.recommend.subject import Subject
from readmodels.consent import may
from readmodels.customer import CustomerRecord
from readmodels.experiment import ExperimentRecord, design_of, digest_of

NOBODY = 255
#: Whoever withdrew one of them is in no experiment.
NEEDED = (Purpose.PERSONALISATION, Purpose.PROFILING)
#: Given weights of the blend's members, by name.
GIVEN: Mapping[str, Mapping[str, float]] = {"blend-70-20-10": {"ncf": 0.7, "content": 0.2}}
UNKNOWN_KINDS = {"", *(kind.value for kind in SHARED_KINDS)}

Attributes = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Test:
    """An experiment, made ready. ``table``: bucket → place among ``names``, 255 for nobody's. ``namespace``: its name,
    its seed, and the range; ``holdout``: its seed, and how many buckets are kept out. ``is_open``: lets people in.
    ``placements``: where its arms differ; None: wherever rules may ask for them, or weights and models count."""

    __test__ = False

    key: str
    version: HashVersion
    seed: str
    before: bytes
    names: tuple[str, ...]
    table: bytes
    is_open: bool
    namespace: tuple[str, str, int, int] | None
    holdout: tuple[str, int] | None
    targeting: Mapping[str, Any] | None
    changes: Mapping[str, Changes]
    placements: frozenset[str] | None


def test_of(record: ExperimentRecord) -> Test:
    """Of an experiment as it is published. Raises ValueError."""
    design = design_of(record)
    changes = {variant.name: changes_of(variant.changes) for variant in design.variants}
    table = bytearray([NOBODY]) * BUCKETS
    for place, (start, end) in enumerate(shares([v.buckets for v in design.variants], record.coverage)):
        table[start:end] = bytes([place]) * (end - start)
    space, kept_out = design.namespace, design.holdout
    return Test(
        record.key,
        design.hash_version,
        record.seed,
        prefix(record.seed),
        tuple(variant.name for variant in design.variants),
        bytes(table),
        record.state == State.RUNNING,
        (space.name, f"__{space.name}", space.since, space.until) if space else None,
        (f"holdout {kept_out.name}", kept_out.buckets) if kept_out else None,
        design.targeting,
        changes,
        _placements(list(changes.values())),
    )


def _placements(changes: Sequence[Changes]) -> frozenset[str] | None:
    """Arms that change some placements and nothing else are used there alone."""
    named = frozenset(name for each in changes for name in each.placements)
    wide = any(replace(each, placements={}) != NO_CHANGES for each in changes)
    return named if named and not wide else None


def arms_of(
    tests: Sequence[Test], placement: str, unit: str, held: Mapping[str, str], attributes: Attributes
) -> dict[str, str]:
    """Experiment → variant, of those whose arms differ at the placement: an arm is *used* where it can change an
    answer. ``unit``: the person's id. ``held``: of the first exposure to each experiment.
    ``attributes`` are worked out where somebody asks for them. Who was exposed in one experiment of a namespace gets
    into no other, whatever their id is now."""
    found: dict[str, str] = {}
    known: Mapping[str, Any] | None = None
    taken = {t.namespace[0] for t in tests if t.namespace and t.key in held} if held else ()
    encoded = unit.encode()
    for test in tests:
        if test.placements is not None and placement not in test.placements:
            continue
        variant = held.get(test.key)
        if variant is None:
            if not test.is_open or (test.namespace and test.namespace[0] in taken):
                continue
            if test.version is HashVersion.BLAKE:
                place = test.table[blake_bucket(test.before, encoded)]
            else:
                place = test.table[bucket(test.version, test.seed, unit)]
            if place == NOBODY or not _let_in(test, unit):
                continue
            variant = test.names[place]
        if test.targeting is not None:
            known = attributes() if known is None else known
            if not holds(test.targeting, known):
                continue
        found[test.key] = variant
    return found


def _let_in(test: Test, unit: str) -> bool:
    """By namespace and holdout. GrowthBook's namespaces have GrowthBook's hash."""
    if test.namespace is not None:
        _, seed, since, until = test.namespace
        theirs = test.version in (HashVersion.GROWTHBOOK_1, HashVersion.GROWTHBOOK_2)
        version = HashVersion.GROWTHBOOK_1 if theirs else HashVersion.BLAKE
        if not since <= bucket(version, seed, unit) < until:
            return False
    return test.holdout is None or bucket(HashVersion.BLAKE, test.holdout[0], unit) >= test.holdout[1]


class Current:
    """All experiments that count for answers, as one generation. Implements ``Experiments``. Raises ValueError for a
    design that cannot be read."""

    def __init__(self, records: Sequence[ExperimentRecord]) -> None:
        tests = [(record, test_of(record)) for record in records]
        self.digest = digest_of(tuple(records))
        self.tests = tuple(test for record, test in tests if not record.shipped)
        self.shipped: Mapping[str, str] = {record.key: record.shipped for record in records if record.shipped}
        self._by_key = {test.key: test for _, test in tests}

    @property
    def models(self) -> frozenset[str]:
        """Hashes of the artefacts that arms name."""
        return frozenset(c.model for t in self._by_key.values() for c in t.changes.values() if c.model)

    def arms(self, subject: Subject, ask: Ask) -> Mapping[str, str]:
        """Nobody is in an experiment who is not known by an id, or has withdrawn a purpose that it needs."""
        record = subject.record
        if subject.person_id is None or not self.tests:
            return {}
        if not all(may(record, each, at_ms=ask.at_ms) for each in NEEDED):
            return {}
        return arms_of(
            self.tests, ask.placement, str(subject.person_id), record.arms, lambda: attributes_of(ask, record)
        )

    def changes(self, arms: Mapping[str, str]) -> Changes:
        """In the order of the experiments' keys: where two change one thing, the later key has it."""
        used = {**self.shipped, **arms}
        if not used:
            return NO_CHANGES
        tests = ((self._by_key[key], variant) for key, variant in sorted(used.items()) if key in self._by_key)
        return together(test.changes.get(variant, NO_CHANGES) for test, variant in tests)


def attributes_of(ask: Ask, record: CustomerRecord) -> dict[str, Any]:
    """What targeting may ask: of the request, and of the person as rules know them."""
    return {
        "placement": ask.placement,
        "channel": ask.channel,
        "store": ask.store,
        "device": ask.device,
        "segments": sorted(segments_of(record, ask.at_ms)),
        "consents": sorted(consents_of(record)),
        "known": bool(record.ties) or record.kind not in UNKNOWN_KINDS,
    }


def changes_of(arm: Arm | None) -> Changes:
    """What an arm says, as answers are made of it."""
    if arm is None:
        return NO_CHANGES
    given = GIVEN.get(arm.model or "", {})
    return Changes(
        weights=arm.weights.model_dump() if arm.weights else {},
        members={**given, **(arm.members or {})},
        placements={name.value: change.model_dump(mode="json") for name, change in (arm.placements or {}).items()},
        rules_off=frozenset(arm.rules_off or ()),
        model=None if given else arm.model,
        price=1 + (arm.price_percent or 0) / 100,
    )


def together(changes: Iterable[Changes]) -> Changes:
    """All of them; of two that say something of one thing, the later one."""
    found = NO_CHANGES
    for each in changes:
        if found is NO_CHANGES:
            found = each
            continue
        placements = {
            name: {**found.placements.get(name, {}), **each.placements.get(name, {})}
            for name in (*found.placements, *each.placements)
        }
        found = Changes(
            {**found.weights, **each.weights},
            {**each.members} or found.members,
            placements,
            found.rules_off | each.rules_off,
            each.model or found.model,
            found.price * each.price,
        )
    return found
