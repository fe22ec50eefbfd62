"""Redis (or Valkey): the read models' home; one server, or a cluster of them.

A cluster's URL is ``redis+cluster://`` (``rediss+cluster://`` with TLS), then one or more nodes with commas in
between; the others are found from there.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import redis
import redis.asyncio
import redis.asyncio.cluster
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.crc import key_slot
from redis.exceptions import RedisError
from redis.retry import Retry

from adapters.redis import pipelines
from adapters.redis.errors import translated

CLUSTER = "+cluster"
PORT = 6379
MANY = 1000
#: Keys in so many parts of the slots, so that every node with 1/64 of them or more has one.
PARTS = 64
SLOTS = 16_384

Client = redis.Redis | RedisCluster
AsyncClient = redis.asyncio.Redis | redis.asyncio.cluster.RedisCluster

__all__ = [
    "AsyncClient",
    "Client",
    "connect",
    "connect_async",
    "load_functions",
    "on_disk",
    "rewrite_files",
    "run_identity",
]
__all__ += ["is_cluster", "keys_like", "oldest_version", "parts", "translated", "version_parts", "wipe"]


def connect(url: str) -> Client:
    """A client that answers bytes; it waits 2 s for a connection and 10 s for an answer. Of a cluster, raises
    UnavailableError where no node answers."""
    waits: dict[str, Any] = {"socket_timeout": 10, "socket_connect_timeout": 2}
    if not is_cluster(url):
        return redis.Redis.from_url(url, **waits)
    nodes, options = startup(url)
    with translated():
        return RedisCluster(startup_nodes=[_node(n) for n in nodes], **waits, **_once(), **options)


def rewrite_files(client: Client) -> int:
    """Begins to write the append-only files anew, or the snapshots where there are none, so that what was deleted is no
    longer in them; on how many nodes. A server that forbids it, or does it already, is none. Raises
    UnavailableError."""
    every: dict[str, Any] = {"target_nodes": RedisCluster.PRIMARIES} if isinstance(client, RedisCluster) else {}
    with translated():
        about: Any = client.info("persistence", **every)
    nodes = list(about.values()) if every else [about]
    begun = 0
    for call in {client.bgrewriteaof if each["aof_enabled"] else client.bgsave for each in nodes}:
        try:
            with translated():
                call(**every)
            begun += len(nodes)
        except redis.ResponseError:
            continue
    return begun


def connect_async(url: str) -> AsyncClient:
    """The same for an event loop; it waits 1 s for a connection and 2 s for an answer."""
    waits: dict[str, Any] = {"socket_timeout": 2, "socket_connect_timeout": 1}
    if not is_cluster(url):
        return redis.asyncio.Redis.from_url(url, **waits)
    nodes, options = startup(url)
    found = [redis.asyncio.cluster.ClusterNode(*node) for node in nodes]
    return redis.asyncio.cluster.RedisCluster(startup_nodes=found, **waits, **_once(asynchronous=True), **options)


def is_cluster(url: str) -> bool:
    """Whether the URL names nodes of a cluster."""
    return urlsplit(url).scheme.endswith(CLUSTER)


def load_functions(client: Client) -> None:
    """Puts the compare-and-set functions into every server. Raises UnavailableError."""
    with translated():
        pipelines.load(client)


def run_identity(client: Client) -> str:
    """Names the run of all primaries: another one after each restart of any of them. Raises UnavailableError."""
    with translated():
        runs: list[dict[str, Any]] = [server.info("server") for server in pipelines.servers(client)]
        return " ".join(sorted(str(info["run_id"]) for info in runs))


def oldest_version(client: Client) -> tuple[str, str]:
    """Name and version of the oldest server of all primaries. Raises UnavailableError."""
    with translated():
        infos: list[dict[str, Any]] = [server.info("server") for server in pipelines.servers(client)]
    names = (("valkey" if "valkey_version" in info else "redis", info) for info in infos)
    return min(((name, str(info[f"{name}_version"])) for name, info in names), key=lambda v: version_parts(v[1]))


def version_parts(version: str) -> tuple[int, ...]:
    """Major and minor number."""
    return tuple(int(part) for part in version.split(".")[:2])


def on_disk(client: Client, marker: Callable[[str], str], timeout_ms: int = 5_000) -> bool:
    """Whether all that anybody wrote before is on disk of every primary in time, and with the replicas that follow it.

    A marker is written after it, on one connection, and WAITAOF waits for the connection's last write. ``marker``
    makes a key with a hash tag; a node needs one of its own slots. Nothing is waited for where no append-only file is
    kept.
    """
    with translated():
        calls = []
        for server, tag in _tagged(client):
            info: dict[str, Any] = server.info("persistence")
            if int(info.get("aof_enabled", 0)):
                safe = ("WAITAOF", 1, 0, timeout_ms), ("WAIT", _replicas(server), timeout_ms)
                calls.append((server, [("INCR", marker(tag)), *safe]))
        answers = pipelines.at_once(calls)
        for error in (answer for each in answers for answer in each if isinstance(answer, RedisError)):
            raise error
        pairs = zip(calls, answers, strict=True)
        return all(aof[0] and copies >= wanted[2][1] for (_, wanted), (_, aof, copies) in pairs)


def parts() -> list[str]:
    """A hash tag in each of ``PARTS`` equal parts of the slots."""
    found: dict[int, str] = {}
    for number in range(SLOTS):
        found.setdefault(key_slot(str(number).encode()) * PARTS // SLOTS, str(number))
        if len(found) == PARTS:
            break
    return [found[part] for part in range(PARTS)]


def keys_like(client: Client, pattern: str) -> Iterator[bytes]:
    """All keys that match, of every server. Raises UnavailableError."""
    with translated():
        for server in pipelines.servers(client):
            yield from server.scan_iter(match=pattern, count=MANY)


def wipe(client: Client, pattern: str) -> int:
    """Deletes all keys that match; how many. Raises UnavailableError."""
    dropped, some = 0, list[bytes]()
    for key in keys_like(client, pattern):
        some.append(key)
        if len(some) == MANY:
            dropped += _unlink(client, some)
            some = []
    return dropped + _unlink(client, some)


def _unlink(client: Client, keys: list[bytes]) -> int:
    """In one call, but on a cluster, where each key may be on another node."""
    calls: list[tuple[Any, ...]] = [("UNLINK", *keys)] if keys else []
    if isinstance(client, RedisCluster):
        calls = [("UNLINK", key) for key in keys]
    return sum(pipelines.run(client, calls))


def _node(where: tuple[str, int]) -> ClusterNode:
    made: Any = ClusterNode
    return cast(ClusterNode, made(*where))


def _tagged(client: Client) -> list[tuple[redis.Redis, str]]:
    """Each primary that has slots, and a hash tag that is in one of them."""
    if not isinstance(client, RedisCluster):
        return [(client, "0")]
    nodes: Any = client
    wanted = {str(owners[0].name) for owners in nodes.nodes_manager.slots_cache.values() if owners}
    tags: dict[str, str] = {}
    for number in range(SLOTS):
        tags.setdefault(str(nodes.get_node_from_key(str(number)).name), str(number))
        if tags.keys() >= wanted:
            break
    return [(nodes.get_redis_connection(nodes.get_node(node_name=name)), tag) for name, tag in tags.items()]


def _replicas(server: redis.Redis) -> int:
    """How many follow this primary and have caught up."""
    info: dict[str, Any] = server.info("replication")
    slaves = (value for name, value in info.items() if name.startswith("slave") and isinstance(value, dict))
    return sum(slave.get("state") == "online" for slave in slaves)


def startup(url: str) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """Hosts and ports of the nodes, and all other options of the URL. Raises ValueError, which does not repeat it."""
    split = urlsplit(url)
    who, _, hosts = split.netloc.rpartition("@")
    nodes = [urlsplit(f"//{host}") for host in hosts.split(",")]
    if not all(node.hostname for node in nodes):
        raise ValueError("the Redis URL has a node without a name")
    one = f"{who}@{nodes[0].netloc}" if who else nodes[0].netloc
    plain = urlunsplit((split.scheme.removesuffix(CLUSTER), one, "", split.query, ""))
    parse: Any = redis.connection.parse_url
    options: dict[str, Any] = parse(plain)
    if options.pop("connection_class", None) is redis.connection.SSLConnection:
        options["ssl"] = True
    for name in ("host", "port", "db"):
        options.pop(name, None)
    return [(str(node.hostname), node.port or PORT) for node in nodes], options


def _once(*, asynchronous: bool = False) -> dict[str, Any]:
    """One more try and no waiting: whoever asks tries again, and wants to hear soon."""
    retry = redis.asyncio.retry.Retry if asynchronous else Retry
    return {"retry": retry(NoBackoff(), 1)}
