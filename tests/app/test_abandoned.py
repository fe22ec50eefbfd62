"""What a killed rebuild leaves in Redis goes with the next rebuild or drop, and nothing else does."""

from adapters.redis import keys_like
from app.alone import held
from app.children import Children
from app.projecting import abandoned, bulk, folding, lifecycle
from app.wiring import Wiring
from readmodels import keys
from readmodels.live import CATALOGUE, CUSTOMERS, STATISTICS
from tests.app.looking import wait_for
from tests.app.test_any_order import DELIVERIES, send
from tests.app.test_rebuild import shop


def of_generation(wiring: Wiring, generation: int) -> list[bytes]:
    return list(keys_like(wiring.redis, f"{wiring.settings.namespace}:g{generation}:*"))


def left(wiring: Wiring) -> int:
    """A generation as it is when its maker was killed."""
    new = folding.begin(wiring)
    bulk.fold_shards(wiring, customers=new, statistics=new, engine=bulk.in_process)
    assert len(of_generation(wiring, new)) > 20
    return new


def test_the_next_rebuild_deletes_it(wiring: Wiring) -> None:
    shop(wiring)
    send(wiring, DELIVERIES)
    first, second = left(wiring), left(wiring)
    _, live, _ = lifecycle.rebuild_all(wiring)
    assert live > second > first
    assert of_generation(wiring, first) == of_generation(wiring, second) == []
    assert of_generation(wiring, live)


def test_a_rebuild_or_drop_of_one_projection_does_too_and_keeps_what_is_anybodys(wiring: Wiring) -> None:
    send(wiring, DELIVERIES)
    lifecycle.rebuild_all(wiring)
    ready, _ = lifecycle.rebuild(wiring, STATISTICS)
    previous = wiring.generations.live(CUSTOMERS)
    made, _ = lifecycle.rebuild(wiring, CUSTOMERS)
    lifecycle.switch(wiring, CUSTOMERS)
    gone = left(wiring)
    kept = {n: of_generation(wiring, n) for n in (ready, previous, made)}
    assert all(kept.values())
    assert lifecycle.drop(wiring, CATALOGUE) == [gone]
    assert of_generation(wiring, gone) == []
    assert {n: of_generation(wiring, n) for n in kept} == kept


def test_what_is_being_made_stays(wiring: Wiring) -> None:
    send(wiring, DELIVERIES)
    with abandoned.making(wiring):
        new = left(wiring)
        with abandoned.making(wiring):  # two at a time may make some
            assert abandoned.sweep(wiring) == []
        assert lifecycle.drop(wiring, CUSTOMERS) == []
        assert of_generation(wiring, new)
    assert abandoned.sweep(wiring) == [new]
    assert abandoned.sweep(wiring) == []


def test_a_rebuild_that_is_killed_holds_nothing_back(wiring: Wiring) -> None:
    send(wiring, DELIVERIES)
    newest = keys.newest_generation(wiring.settings.namespace)
    with Children(wiring.settings) as children:
        child = children.start("rebuild")
        wait_for(lambda: wiring.redis.get(newest))
        child.kill()
        child.wait()
    wait_for(lambda: not held(wiring, abandoned.MAKE_LOCK).shared)
    was_done = bool(wiring.generations.live())
    assert abandoned.sweep(wiring) == ([] if was_done else [1])
    assert bool(of_generation(wiring, 1)) == was_done
