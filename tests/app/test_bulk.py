"""Folding by slices makes what folding event by event makes, to the byte, whoever runs the slices."""

from collections.abc import Iterable, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import pairwise

import pytest

from adapters.eventlog.scan import FIRST, LAST, boundaries, facts_between, streams_between
from app.projecting import bulk, folding, lifecycle, runners
from app.projecting.bulk import Done, Engine, Slice
from app.projecting.on_ray import ray_engine
from app.settings import Settings
from app.wiring import Wiring
from tests.app.looking import everything
from tests.app.test_any_order import DELIVERIES, send
from tests.app.test_rebuild import clicks, eshop, segment, shop


@pytest.fixture
def filled(wiring: Wiring) -> Wiring:
    """All fixtures, products, clicks, and visitors that sign in; projected event by event."""
    shop(wiring)
    send(wiring, DELIVERIES)
    segment(wiring, eshop.batches(clicks()))
    runners.catch_up(wiring, folding.start_generation(wiring))
    return wiring


def many(engine: Engine, settings: Settings, slices: Sequence[Slice]) -> Iterable[Done]:
    """Runs the slices of ``engine`` the other way round, to show that their order is of no matter."""
    assert len(slices) > 1
    return engine(settings, list(reversed(slices)))


@pytest.mark.parametrize(
    "engine",
    [
        bulk.in_process,
        bulk.processes,
        pytest.param(
            partial(ray_engine, num_cpus=2),
            marks=pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra: pip install -e '.[ray]'"),
        ),
    ],
    ids=["in_process", "processes", "ray"],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning")
def test_every_engine_makes_the_same_bytes(filled: Wiring, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "SLICE_EVENTS", 1_500)
    live = everything(filled)
    lifecycle.rebuild_all(filled, engine=partial(many, engine))
    again = everything(filled)
    assert live.keys() == again.keys()
    assert [key for key in live if live[key] != again[key]] == []
    assert len(live) > 400 and live["statistics"]


def test_slices_hold_each_stream_once_and_whole(filled: Wiring) -> None:
    log = filled.customers[0]
    until = log.head() // 2
    ends = boundaries(log, until, 7)
    assert (ends[0], ends[-1], ends) == (FIRST, LAST, sorted(set(ends)))
    assert len(ends) > 4
    found = [part for low, high in pairwise(ends) for part in streams_between(log, low, high, until)]
    streams = [stream for stream, _ in found]
    assert len(set(streams)) == len(streams)
    events = [event for _, part in found for event in part]
    assert len(events) == until
    assert all(e.originator_id == stream for stream, part in found for e in part)
    assert all([e.originator_version for e in part] == list(range(1, len(part) + 1)) for _, part in found)


def test_facts_are_those_of_the_events(filled: Wiring) -> None:
    log = filled.customers[0]
    events, facts = (list(read(log, FIRST, LAST, log.head())) for read in (streams_between, facts_between))
    assert [(s, [(e.originator_version, type(e)) for e in found]) for s, found in events] == [
        (s, [(version, kind) for version, kind, _ in found]) for s, found in facts
    ]
    pairs = [
        (event, fact)
        for (_, some), (_, others) in zip(events, facts, strict=True)
        for event, (_, _, fact) in zip(some, others, strict=True)
    ]
    assert all(getattr(e, n) == getattr(f, n) for e, f in pairs for n in set(type(e).model_fields) - type(e).ENVELOPE)
    assert len(pairs) == log.head()


def test_an_empty_log_has_one_slice_with_nothing_in_it(wiring: Wiring) -> None:
    log = wiring.customers[0]
    assert boundaries(log, 0, 5) == [FIRST, LAST]
    assert list(streams_between(log, FIRST, LAST, 0)) == []
    assert bulk.fold_shards(wiring, customers=3, statistics=3) == {0: 0}
