"""Everything on a Redis Cluster of three real nodes: real clicks and links, projected by several shards; a node that
is killed, one that is wiped, all that are."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from pydantic import SecretStr

from adapters.redis import keys_like, wipe
from app.children import Children
from app.demo import eshop
from app.projecting import folding, runners
from app.settings import Settings
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from queries.answers import Recommendations
from queries.recommend.ask import Wanted
from tests.adapters.redis.nodes import Cluster, cluster
from tests.app.looking import everything, wait_for
from tests.app.test_rebuild import assert_as_rebuilt, segment, shop
from tests.app.test_shards import messages
from tests.namespaces import namespace

CLICKS = 1_200


@pytest.fixture(scope="module")
def nodes() -> Iterator[Cluster]:
    with TemporaryDirectory(prefix="bespoke-cluster-") as folder, cluster(Path(folder)) as running:
        yield running


@pytest.fixture
def clustered(servers: Wiring, settings: Settings, nodes: Cluster) -> Iterator[Wiring]:
    """A provisioned namespace of two shards, whose read models are on the cluster."""
    with namespace(settings, shards=2, redis_url=SecretStr(nodes.url)) as built:
        yield built


@pytest.fixture
def projectors(clustered: Wiring) -> Iterator[Children]:
    with Children(clustered.settings) as children:
        yield children


def recommended(wiring: Wiring, customer: str) -> Recommendations:
    """What that customer is shown."""
    stream = wiring.directory.find(Identifier(kind=IdentifierKind.USER, value=customer))

    async def ask() -> Recommendations:
        reader = wiring.reader()
        try:
            return await wiring.queries(reader).recommend(Wanted("home", 5, deadline_ms=10_000), stream)
        finally:
            await reader.close()

    return asyncio.run(ask())


def test_a_node_is_killed_and_comes_back_another_is_wiped_and_then_all(
    clustered: Wiring, nodes: Cluster, projectors: Children
) -> None:
    shop(clustered)
    bodies = list(eshop.batches(messages(), 25))
    projectors.start("project", "--follow")
    wait_for(clustered.generations.live)
    segment(clustered, iter(bodies[:20]))
    nodes.nodes[1].kill()
    segment(clustered, iter(bodies[20:30]))
    nodes.nodes[1].start()
    nodes.wait()
    segment(clustered, iter(bodies[30:]))
    wait_for(lambda: _projected(clustered))
    answer = recommended(clustered, "u7")
    assert len(answer.items) == 5
    assert answer.person_id is not None

    before, first = everything(clustered), clustered.generations.live()
    assert all(node.client.dbsize() > 50 for node in nodes.nodes)
    nodes.nodes[2].wipe()
    nodes.wait()
    wait_for(lambda: _projected(clustered) and clustered.generations.live() > first)
    wait_for(lambda: everything(clustered) == before)

    second = clustered.generations.live()
    wipe(clustered.redis, f"{clustered.settings.namespace}:*")
    wait_for(lambda: _projected(clustered) and clustered.generations.live() > second)
    wait_for(lambda: everything(clustered) == before)
    assert recommended(clustered, "u7").items == answer.items
    projectors.stop()
    assert_as_rebuilt(clustered)


def test_all_keys_of_a_namespace_go_with_it(clustered: Wiring) -> None:
    folding.start_generation(clustered)
    assert list(keys_like(clustered.redis, f"{clustered.settings.namespace}:*"))
    wipe(clustered.redis, f"{clustered.settings.namespace}:*")
    assert list(keys_like(clustered.redis, f"{clustered.settings.namespace}:*")) == []


def _projected(wiring: Wiring) -> bool:
    """Whether all is projected and confirmed; nobody knows while a node is down."""
    try:
        return bool(wiring.generations.live()) and runners.lag(wiring) == 0
    except Exception:
        return False
