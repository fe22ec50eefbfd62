"""The fold of all experiments: what each is now, and which count for answers. And every set that ever did, by hash."""

import json
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from domain.event import Event
from domain.experiment import Design, Experiment, State
from projections.versions import GapError
from readmodels.experiment import (
    SERVED,
    ExperimentRecord,
    PublishedExperiments,
    design_of,
    digest_of,
    served,
)

#: What an event leaves the experiment in; the others change no state.
STATES: dict[type[Event], State] = {
    Experiment.Designed: State.DESIGNED,
    Experiment.Started: State.RUNNING,
    Experiment.Resumed: State.RUNNING,
    Experiment.Paused: State.PAUSED,
    Experiment.Shipped: State.SHIPPED,
    Experiment.Stopped: State.STOPPED,
}


def apply(published: PublishedExperiments, fact: Event) -> PublishedExperiments:
    """With one more event in it; an event that is in it already changes nothing. Raises GapError."""
    records = {record.stream: record for record in published.experiments}
    record = records.get(fact.originator_id, ExperimentRecord(fact.originator_id))
    if fact.originator_version <= record.version:
        return published
    if fact.originator_version > record.version + 1:
        raise GapError(fact.originator_id, record.version)
    records[record.stream] = fold(fact, replace(record, version=fact.originator_version))
    every = tuple(sorted(records.values(), key=lambda each: each.stream))
    after = replace(published, version=published.version + 1, experiments=every)
    counts = {record.state, records[record.stream].state} & set(SERVED)
    return replace(after, digest=digest_of(served(after))) if counts else after


def fold(fact: Event, record: ExperimentRecord) -> ExperimentRecord:
    """One experiment has one writer at a time, so the order of its stream is what counts, not anybody's clock."""
    if state := STATES.get(type(fact)):
        record = replace(record, state=state.value)
    if isinstance(fact, Experiment.Designed):
        return replace(record, key=fact.key, seed=fact.seed, design=_canonical(fact.design))
    if isinstance(fact, Experiment.Started | Experiment.Ramped):
        return replace(record, coverage=fact.coverage)
    if isinstance(fact, Experiment.Reweighted):
        return replace(record, design=_canonical(design_of(record).reweighted(fact.buckets)))
    if isinstance(fact, Experiment.Shipped):
        return replace(record, shipped=fact.variant)
    return replace(record, design=b"") if isinstance(fact, Experiment.Stopped) else record


def experiments_by_hash(history: Iterable[Event]) -> Mapping[str, tuple[ExperimentRecord, ...]]:
    """Hash → experiments, of all sets that ever counted, from all events of experiments in the order of the log."""
    published, found = PublishedExperiments(), dict[str, tuple[ExperimentRecord, ...]]({"": ()})
    for fact in history:
        if isinstance(fact, Experiment.Event):
            published = apply(published, fact)
            if published.digest not in found:
                found[published.digest] = served(published)
    return found


def _canonical(design: Design) -> bytes:
    """The same bytes for the same design, whatever defaults a later version adds."""
    plain = design.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
