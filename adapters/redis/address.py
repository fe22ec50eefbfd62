"""Where servers are and how they are entered, from the same URLs that redis-py takes."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import redis.asyncio.connection
from hiredis import ReplyError

from adapters.redis import is_cluster, startup
from adapters.redis.wire import Wire
from commands.ports import UnavailableError

PORT = 6379
CONNECT_S = 1.0


class Address(NamedTuple):
    """``path`` of a unix socket, or host and port."""

    host: str = ""
    port: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Access:
    """What every connection of a URL begins with."""

    username: str | None
    password: str | None
    db: int
    tls: ssl.SSLContext | None

    async def open(self, where: Address, pushed: Callable[[list[Any]], None], lost: Callable[[], None]) -> Wire:
        """A connection that tracks what is read on it. Raises UnavailableError."""
        try:
            async with asyncio.timeout(CONNECT_S):
                wire = await self._connect(where, pushed, lost)
                try:
                    await self._enter(wire)
                except BaseException:
                    wire.abort()
                    raise
                return wire
        except (OSError, TimeoutError, ReplyError) as error:
            raise UnavailableError("Redis does not answer") from error

    async def _connect(self, where: Address, pushed: Callable[[list[Any]], None], lost: Callable[[], None]) -> Wire:
        loop = asyncio.get_running_loop()
        if where.path:
            _, wire = await loop.create_unix_connection(lambda: Wire(pushed, lost), where.path)
        else:
            _, wire = await loop.create_connection(lambda: Wire(pushed, lost), where.host, where.port, ssl=self.tls)
        return wire

    async def _enter(self, wire: Wire) -> None:
        login = ("AUTH", self.username or "default", self.password) if self.password else ()
        await wire.call("HELLO", "3", *login)
        if self.db:
            await wire.call("SELECT", str(self.db))
        await wire.call("CLIENT", "TRACKING", "ON")


def read_url(url: str) -> tuple[list[Address], Access]:
    """The servers to begin with, one where it is no cluster, and how to enter them. Raises ValueError."""
    if is_cluster(url):
        nodes, options = startup(url)
        secure = bool(options.get("ssl"))
        return [Address(host, port) for host, port in nodes], _access(options, secure=secure)
    parse: Any = redis.asyncio.connection.parse_url
    options = dict(parse(url))
    where = Address(path=options["path"]) if "path" in options else _host(options)
    return [where], _access(options, secure=urlsplit(url).scheme == "rediss")


def _host(options: dict[str, Any]) -> Address:
    return Address(options.get("host") or "localhost", int(options.get("port") or PORT))


def _access(options: dict[str, Any], *, secure: bool) -> Access:
    return Access(options.get("username"), options.get("password"), int(options.get("db") or 0), _tls(options, secure))


def _tls(options: dict[str, Any], secure: bool) -> ssl.SSLContext | None:
    """As redis-py would make it of the same options."""
    if not secure:
        return None
    given = {name: value for name, value in options.items() if name.startswith("ssl_")}
    made: Any = redis.asyncio.connection.SSLConnection(**given)
    context: ssl.SSLContext = made.ssl_context.get()
    return context
