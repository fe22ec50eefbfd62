"""Each projection by itself: rebuilt beside what is live, switched, rolled back, paused, stopped by a fault."""

import threading
from collections.abc import Iterator, Sequence
from itertools import islice

import pytest
from click.testing import CliRunner

from adapters.redis import keys_like
from app.children import Children
from app.cli import bespoke
from app.demo import eshop
from app.load import wait_until_projected
from app.projecting import folding, lifecycle, runners
from app.projecting import process as project
from app.projecting.lifecycle import LifecycleError
from app.wiring import Wiring
from projections.ports import Recorded
from projections.project_statistics import StatisticsProjection
from readmodels.live import CATALOGUE, CUSTOMERS, PROJECTIONS, STATISTICS, Live
from tests.app.looking import everything, wait_for
from tests.app.test_rebuild import assert_as_rebuilt, clicks, segment, shop


@pytest.fixture
def bodies() -> Iterator[bytes]:
    """Batches of real clicks, to be taken bit by bit."""
    return iter(list(eshop.batches(clicks())))


@pytest.fixture
def projected(wiring: Wiring, bodies: Iterator[bytes]) -> Wiring:
    """Products and some clicks, projected."""
    shop(wiring)
    segment(wiring, islice(bodies, 6))
    runners.catch_up(wiring, folding.start_generation(wiring))
    return wiring


@pytest.fixture
def projectors(wiring: Wiring) -> Iterator[Children]:
    """Starts ``bespoke project --follow`` on the namespace."""
    with Children(wiring.settings) as children:
        yield children


def keys_of(wiring: Wiring, generation: int) -> list[bytes]:
    return list(keys_like(wiring.redis, f"{wiring.settings.namespace}:g{generation}:*"))


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_one_is_rebuilt_switched_and_rolled_back(projected: Wiring, bodies: Iterator[bytes], projection: str) -> None:
    before, first = everything(projected), projected.generations.all_live()
    made, events = lifecycle.rebuild(projected, projection)
    assert events > 0
    assert projected.generations.all_live() == first
    assert projected.generations.ready() == Live.only(projection, made)
    segment(projected, islice(bodies, 2))  # recorded while the new one is not live yet
    assert lifecycle.switch(projected, projection) == made
    assert projected.generations.all_live() == first._replace(**{projection: made})
    assert projected.generations.previous().of(projection) == first.of(projection)
    runners.catch_up(projected, projected.generations.all_live())
    assert everything(projected) != before
    segment(projected, islice(bodies, 2))
    assert lifecycle.roll_back(projected, projection) == first.of(projection)
    runners.catch_up(projected, projected.generations.all_live())
    assert projected.generations.all_live() == first
    assert lifecycle.drop(projected, projection) == [made]
    assert keys_of(projected, made) == []
    assert_as_rebuilt(projected)


def test_there_must_be_something_to_go_to(projected: Wiring) -> None:
    with pytest.raises(LifecycleError, match="projections rebuild statistics"):
        lifecycle.switch(projected, STATISTICS)
    with pytest.raises(LifecycleError, match="no earlier generation"):
        lifecycle.roll_back(projected, CUSTOMERS)
    assert lifecycle.drop(projected, CATALOGUE) == []


def test_a_rebuild_that_nobody_switched_to_goes_with_the_next(projected: Wiring) -> None:
    first, _ = lifecycle.rebuild(projected, CUSTOMERS)
    second, _ = lifecycle.rebuild(projected, CUSTOMERS)
    assert keys_of(projected, first) == []
    assert projected.generations.ready().customers == second


def test_a_paused_one_stands_still_and_the_others_go_on(
    projected: Wiring, bodies: Iterator[bytes], projectors: Children
) -> None:
    projectors.start("project", "--follow")
    wait_for(lambda: project.is_running(projected))
    people = projected.generations.live(CUSTOMERS)
    wait_until_projected(projected)
    assert lifecycle.pause(projected, CUSTOMERS) == "paused"
    still = _at(projected, CUSTOMERS)
    segment(projected, islice(bodies, 4))
    wait_for(lambda: runners.lag(projected) == 0)
    assert _at(projected, CUSTOMERS) == still < _at(projected, STATISTICS)
    (status,) = (s for s in lifecycle.status(projected, 0.1) if s.projection == CUSTOMERS)
    assert (status.stopped, status.live, status.logs[0].eta_s) == ("paused", people, None)
    assert status.behind == projected.customers[0].head() - still
    assert lifecycle.resume(projected, CUSTOMERS)
    wait_for(lambda: _at(projected, CUSTOMERS) == projected.customers[0].head())
    projectors.stop()
    assert_as_rebuilt(projected)


def _at(wiring: Wiring, projection: str) -> int:
    (status,) = (s for s in lifecycle.status(wiring, 0) if s.projection == projection)
    return status.logs[0].position


def test_one_that_fails_is_stopped_and_the_others_go_on(
    projected: Wiring, bodies: Iterator[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: StatisticsProjection, batch: Sequence[Recorded]) -> None:
        raise ZeroDivisionError("somebody@shop.example")

    monkeypatch.setattr(StatisticsProjection, "apply", fail)
    segment(projected, islice(bodies, 2))
    stop = threading.Event()
    follower = threading.Thread(target=project.follow, args=(projected, stop))
    follower.start()
    try:
        wait_for(projected.states.stopped)
        wait_for(lambda: _at(projected, CUSTOMERS) == projected.customers[0].head())
    finally:
        stop.set()
        follower.join()
    reason = projected.states.stopped()[STATISTICS]
    assert reason.startswith("failed: ZeroDivisionError at position")
    assert "example" not in reason
    monkeypatch.undo()
    assert projected.states.resume(STATISTICS)
    runners.catch_up(projected, projected.generations.all_live())
    assert_as_rebuilt(projected)


def test_the_command_tells_and_does(projected: Wiring) -> None:
    def run(*words: str) -> str:
        answer = CliRunner().invoke(bespoke, ["projections", *words], env=projected.settings.environment())
        assert answer.exit_code == 0, answer.output
        return answer.output

    assert "customers   generation 1: up to date" in run("status")
    assert "next: bespoke projections switch statistics" in run("rebuild", "statistics")
    assert "generation 2 of statistics is live now" in run("switch", "statistics")
    assert "generation 2, previous 1" in run("status")
    assert "generation 1 of statistics is live again" in run("rollback", "statistics")
    assert '"dropped": [2]' in run("drop", "statistics", "--json")
    assert run("pause", "catalogue") == "catalogue: paused\n"
    assert "catalogue   generation 1: paused" in run("status")
    assert "goes on" in run("resume", "catalogue")
    assert "was not stopped" in run("resume", "catalogue")


def test_a_running_projector_goes_over_to_what_was_switched_to(projected: Wiring, projectors: Children) -> None:
    projectors.start("project", "--follow")
    wait_for(lambda: project.is_running(projected))
    made, _ = lifecycle.rebuild(projected, CUSTOMERS)
    lifecycle.switch(projected, CUSTOMERS)
    assert projected.generations.projecting(1).customers == made
