"""A resharding that is killed: before the switch the old shards are the log, after it the new ones; a second run ends
what the first began. A lock holds the first run where it is to be killed."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from app.children import Children
from app.projecting import folding, runners
from app.projecting import process as project
from app.sharding.reshard import ReshardError, abort, reshard
from app.wiring import Wiring
from commands.ports import MovedError
from tests.app.looking import wait_for
from tests.app.test_rebuild import assert_as_rebuilt
from tests.app.test_reshard import assert_once, schemas, write

VIEWS = 200
WAITS = """SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
    AND query NOT LIKE '%pg_advisory_lock%'"""
CLOSED = "SELECT count(*) FROM pg_trigger WHERE tgname ~ '^closed_[0-9]+$'"
Log = "psycopg.Connection[tuple[Any, ...]]"


@pytest.fixture
def two(wiring: Wiring) -> Iterator[Wiring]:
    """A namespace with two shards and something in them."""
    write(wiring, range(VIEWS))
    reshard(wiring, 2, drop_old=True)
    yield wiring


@contextmanager
def log_database(wiring: Wiring) -> Iterator[Log]:
    """A connection beside the resharding."""
    with psycopg.connect(wiring.place(wiring.layout(), 0).url, autocommit=True) as connection:
        yield connection


def number(connection: Log, query: str) -> int:
    """The one number that a query gives."""
    (found,) = connection.execute(query).fetchone() or (0,)
    return int(found)


@contextmanager
def held(wiring: Wiring, statement: str) -> Iterator[Log]:
    """Whoever wants what this statement locks waits."""
    with psycopg.connect(wiring.place(wiring.layout(), 0).url) as holder, log_database(wiring) as looking:
        holder.execute(statement)
        yield looking
        holder.rollback()


@contextmanager
def killed_at(wiring: Wiring, statement: str, reached: str) -> Iterator[Log]:
    """``bespoke reshard --to 3`` killed when it has come so far; what the statement locks is held until the end."""
    with Children(wiring.settings) as children, held(wiring, statement) as looking:
        child = children.start("reshard", "--to", "3")
        wait_for(lambda: number(looking, reached) or child.poll() is not None)
        assert child.poll() is None
        kill(child)
        yield looking


def kill(child: "subprocess.Popen[bytes]") -> None:
    """As the kernel does when memory is out."""
    child.kill()
    child.wait()


BEGUN = "SELECT count(*) FROM topology WHERE state = 'new'"
MADE = "SELECT count(*) FROM pg_namespace WHERE nspname = 'e3_shard_2'"
WHERE = {
    "begun": ("SELECT 1", BEGUN),
    "copying": ("SELECT 1", MADE),
    "closing": ("LOCK TABLE e2_shard_1.consumed_offset IN SHARE MODE", WAITS),
    "switching": ("SELECT * FROM topology WHERE state = 'current' FOR UPDATE", WAITS),
}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("then", ["again", "abort"])
def test_killed_before_the_switch_nothing_has_happened(two: Wiring, where: str, then: str) -> None:
    before = two.layout()
    with killed_at(two, *WHERE[where]) as looking:
        closed = number(looking, CLOSED)
    assert closed or where in ("begun", "copying")
    assert two.layout() == before
    if then == "abort":
        assert abort(two) is True
        write(two, range(VIEWS, 2 * VIEWS))
        assert schemas(two) == {"e2_shard_0", "e2_shard_1"}
        assert abort(two) is False
    elif closed:
        with pytest.raises(MovedError):
            write(two, range(VIEWS, 2 * VIEWS))
    assert reshard(two, 3, drop_old=True).moved
    write(two, range(VIEWS, 2 * VIEWS))
    assert len(two.customers) == len(schemas(two)) == 3
    assert_once(two, 2 * VIEWS)
    runners.catch_up(two, folding.start_generation(two))
    assert_as_rebuilt(two)


def test_killed_after_the_switch_the_new_shards_are_the_log(two: Wiring) -> None:
    with ExitStack() as stack:
        stack.enter_context(project.single_projector(two))  # which it waits for
        child = stack.enter_context(Children(two.settings)).start("reshard", "--to", "3")
        wait_for(lambda: len(two.layout().servers) == 3)
        assert child.poll() is None
        kill(child)
    assert two.shards.refresh()
    write(two, range(VIEWS, 2 * VIEWS))
    assert not folding.is_of_these_shards(two)
    done = reshard(two, 3, drop_old=True)
    assert (done.moved, done.dropped) == (False, 2)
    assert folding.is_of_these_shards(two)
    assert_once(two, 2 * VIEWS)
    runners.catch_up(two, folding.start_generation(two))
    assert_as_rebuilt(two)


def test_an_error_on_the_way_opens_the_shards_again(two: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr("adapters.eventlog.topology.switch", broken)
    with pytest.raises(ArithmeticError):
        reshard(two, 3)
    write(two, range(VIEWS, VIEWS + 10))
    assert len(schemas(two)) == 2


def test_two_at_a_time_are_refused(two: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sharding.reshard.LOCK_WAIT_S", 1)
    refused: list[Callable[[], object]] = [lambda: reshard(two, 3), lambda: abort(two)]
    with held(two, f"SELECT pg_advisory_lock({0x73686172})"):
        for attempt in refused:
            with pytest.raises(ReshardError):
                attempt()
    assert len(two.layout().servers) == 2
