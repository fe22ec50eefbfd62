"""Several processes share the projecting, each with shards of its own: nobody projects a log twice, and what comes of
it is what one process makes."""

import subprocess
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from adapters.redis import wipe
from app.children import Children
from app.cli import bespoke
from app.demo import eshop
from app.load import wait_until_projected
from app.projecting import lifecycle
from app.projecting import process as project
from app.projecting.process import AnotherProjectorError
from app.settings import Settings
from app.wiring import Wiring
from readmodels import keys
from readmodels.live import Live
from tests.app.looking import everything, wait_for
from tests.app.test_rebuild import assert_as_rebuilt, fields_of, segment, shop
from tests.app.test_shards import SHARDS, messages
from tests.namespaces import namespace

EVEN, ODD = frozenset({0, 2}), frozenset({1, 3})
ALL = list(range(SHARDS + 1))


@pytest.fixture
def sharded(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """A provisioned namespace of several shards, dropped afterwards."""
    with namespace(settings, shards=SHARDS) as built:
        shop(built)
        yield built


@pytest.fixture
def projectors(sharded: Wiring) -> Iterator[Children]:
    """Starts projectors of the namespace."""
    with Children(sharded.settings) as children:
        yield children


def start(projectors: Children, shards: frozenset[int]) -> "subprocess.Popen[bytes]":
    return projectors.start("project", "--follow", "--shards", ",".join(map(str, sorted(shards))))


def test_two_processes_make_what_a_rebuild_makes_though_one_is_killed(sharded: Wiring, projectors: Children) -> None:
    bodies = list(eshop.batches(messages(), 25))
    even = start(projectors, EVEN)
    start(projectors, ODD)
    segment(sharded, iter(bodies[::3]))
    before = fields_of(sharded)
    segment(sharded, iter(bodies[1::3]))
    wait_for(lambda: project.running(sharded) == ALL and fields_of(sharded) > before)
    even.kill()
    even.wait()
    wait_for(lambda: project.running(sharded) == [2, 4])
    segment(sharded, iter(bodies[2::3]))
    start(projectors, EVEN)
    wait_for(lambda: project.running(sharded) == ALL)
    wait_until_projected(sharded)
    projectors.stop()
    assert all(log.head() for log in sharded.customers)
    assert_as_rebuilt(sharded)


def test_both_go_over_to_a_rebuilt_generation(sharded: Wiring, projectors: Children) -> None:
    bodies = list(eshop.batches(messages(), 25))
    segment(sharded, iter(bodies[:20]))
    start(projectors, EVEN)
    start(projectors, ODD)
    wait_for(lambda: sharded.generations.live() and project.running(sharded) == ALL)
    _, new, _ = lifecycle.rebuild_all(sharded)
    assert [sharded.generations.projecting(log) for log in ALL] == [Live.one(new)] * len(ALL)
    segment(sharded, iter(bodies[20:30]))
    wait_until_projected(sharded)
    projectors.stop()
    assert_as_rebuilt(sharded)


def test_a_wiped_redis_gets_one_generation_for_all(sharded: Wiring, projectors: Children) -> None:
    segment(sharded, iter(list(eshop.batches(messages(), 25))[:20]))
    start(projectors, EVEN)
    start(projectors, ODD)
    wait_for(lambda: sharded.generations.live() and project.running(sharded) == ALL)
    wait_until_projected(sharded)
    before, first = everything(sharded), sharded.generations.live()
    wipe(sharded.redis, f"{sharded.settings.namespace}:*")
    wait_for(sharded.generations.live)
    wait_until_projected(sharded)
    projectors.stop()
    newest = sharded.redis.get(keys.newest_generation(sharded.settings.namespace))
    assert sharded.generations.all_live() == Live.one(first + 1)
    assert newest is not None and int(newest) == first + 1  # type: ignore[arg-type]
    assert everything(sharded) == before


def test_no_shard_is_projected_by_two(sharded: Wiring) -> None:
    assert project.running(sharded) == []
    with project.single_projector(sharded, EVEN):
        assert project.running(sharded) == [0, 1, 3]
        for others in (EVEN, frozenset({1, 2}), None):
            with pytest.raises(AnotherProjectorError), project.single_projector(sharded, others):
                pass
        with project.single_projector(sharded, ODD):
            assert project.running(sharded) == ALL
        assert project.running(sharded) == [0, 1, 3]
    assert not project.is_running(sharded)
    with project.single_projector(sharded):
        assert project.running(sharded) == ALL
        with pytest.raises(AnotherProjectorError), project.single_projector(sharded, ODD):
            pass
    assert not project.is_running(sharded)


def test_a_second_process_of_a_shard_waits_and_takes_over(sharded: Wiring, projectors: Children) -> None:
    first = start(projectors, ODD)
    wait_for(lambda: project.running(sharded) == [2, 4])
    start(projectors, frozenset({1}))
    first.kill()
    wait_for(lambda: project.running(sharded) == [2])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--follow", "--shards", "0,x"], "--shards"),
        (["--follow", "--shards", ""], "--shards"),
        (["--follow", "--shards", "1,4"], "the log has the shards 0 to 3"),
        (["--shards", "0"], "--shards goes with --follow"),
    ],
)
def test_shards_that_are_none_are_refused(
    sharded: Wiring, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    for name, value in sharded.settings.environment().items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(bespoke, ["project", *arguments])
    assert result.exit_code == 2
    assert words in result.output
