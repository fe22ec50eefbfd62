"""Many calls at once: one round trip to a server, or one to each node of a cluster, all nodes working together.

The client's own pipeline for clusters asks the server which keys each FCALL has; here a call says it by its place.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from redis import exceptions
from redis.cluster import RedisCluster

from adapters.redis.errors import translated

Call = tuple[Any, ...]
Client = "redis.Redis | RedisCluster"
FUNCTIONS = Path(__file__).with_name("functions.lua")
NOT_LOADED = "function not found"


def run(client: "redis.Redis | RedisCluster", calls: Sequence[Call]) -> list[Any]:
    """The answers in the order of the calls. The key is the first argument, of FCALL the third.

    Raises UnavailableError; then some calls may have been made.
    """
    if not calls:
        return []
    with translated():
        answers = _run(client, calls)
        missing = [i for i, answer in enumerate(answers) if _not_loaded(answer)]
        if missing:  # a new node, or a server that came back empty
            load(client)
            for i, answer in zip(missing, _run(client, [calls[i] for i in missing]), strict=True):
                answers[i] = answer
        _raise_first(answers)
    return answers


def load(client: "redis.Redis | RedisCluster") -> None:
    """Puts the functions into every server."""
    code = FUNCTIONS.read_text()
    for server in servers(client):
        server.function_load(code, replace=True)


def servers(client: "redis.Redis | RedisCluster") -> list["redis.Redis"]:
    """A client for each primary; of one server, the client itself."""
    if isinstance(client, RedisCluster):
        return [client.get_redis_connection(node) for node in _primaries(client)]
    return [client]


def at_once(calls: Iterable[tuple["redis.Redis", Sequence[Call]]]) -> list[list[Any]]:
    """Sends each server its calls, all on one connection of it, and only then reads the answers, errors among them."""
    sent: list[tuple[redis.Redis, Any, Sequence[Call]]] = []
    whole = False
    try:
        for server, commands in calls:
            connection: Any = server.connection_pool.get_connection()
            sent.append((server, connection, commands))
            connection.send_packed_command(connection.pack_commands(commands))
        answers = [[_answer(server, connection, c[0]) for c in commands] for server, connection, commands in sent]
        whole = True
        return answers
    finally:
        for server, connection, _ in sent:
            if not whole:  # answers may still come in: nobody else may read them
                connection.disconnect()
            server.connection_pool.release(connection)


def _run(client: "redis.Redis | RedisCluster", calls: Sequence[Call]) -> list[Any]:
    if not isinstance(client, RedisCluster):
        return at_once([(client, calls)])[0]
    try:
        return _run_on_nodes(client, calls)
    except (exceptions.ConnectionError, exceptions.TimeoutError):
        _look_around(client)  # the next call finds whoever took over
        raise


def _run_on_nodes(client: Any, calls: Sequence[Call]) -> list[Any]:
    by_node: dict[str, tuple[redis.Redis, list[int]]] = {}
    for i, call in enumerate(calls):
        node = client.get_node_from_key(call[3] if call[0] == "FCALL" else call[1])
        if node is None:
            raise exceptions.ClusterDownError("a slot is nobody's")
        if node.name not in by_node:
            by_node[node.name] = client.get_redis_connection(node), []
        by_node[node.name][1].append(i)
    answers: list[Any] = [None] * len(calls)
    parts = at_once([(server, [calls[i] for i in which]) for server, which in by_node.values()])
    for (_, which), part in zip(by_node.values(), parts, strict=True):
        for i, answer in zip(which, part, strict=True):
            answers[i] = answer
    return _redirected(client, calls, answers)


def _redirected(client: Any, calls: Sequence[Call], answers: list[Any]) -> list[Any]:
    """Calls whose slot is elsewhere now were not made: the client makes them one by one."""
    elsewhere = (exceptions.MovedError, exceptions.AskError, exceptions.TryAgainError)
    moved = [i for i, answer in enumerate(answers) if isinstance(answer, elsewhere)]
    if moved:
        _look_around(client)
    for i in moved:
        try:
            answers[i] = client.execute_command(*calls[i])
        except exceptions.ResponseError as error:
            answers[i] = error
    return answers


def _answer(server: Any, connection: Any, command: str) -> Any:
    try:
        return server.parse_response(connection, command)
    except exceptions.ResponseError as error:
        return error


def _not_loaded(answer: Any) -> bool:
    return isinstance(answer, exceptions.ResponseError) and NOT_LOADED in str(answer).lower()


def _raise_first(answers: Iterable[Any]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer


def _primaries(client: Any) -> list[Any]:
    primaries: list[Any] = client.get_primaries()
    return sorted(primaries, key=lambda node: str(node.name))


def _look_around(client: Any) -> None:
    with suppress(exceptions.RedisError):
        client.nodes_manager.initialize()
