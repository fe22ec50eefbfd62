"""Single keys that are read again only when the server says that they have changed."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from adapters.redis.tracked import Tracked
from adapters.redis.wire import Answer
from commands.ports import UnavailableError

LOGGER = logging.getLogger("bespoke.watch")
AGAIN_S = 0.2
Told = Callable[[Any], None]


class Watch:
    """``current``: whether what was told last still stands, as far as the server has said."""

    def __init__(self, tracked: Tracked, key: bytes, words: tuple[Any, ...], told: Told) -> None:
        self.key, self.current = key, False
        self._tracked, self._words, self._told = tracked, words, told
        self._asked = self._again = self._ended = False
        self._waiting: list[asyncio.Future[None]] = []

    def read(self) -> None:
        """Asks, and once more if something changes while it does."""
        self.current = False
        if self._ended:
            return
        if self._asked:
            self._again = True
            return
        try:
            self._asked, self._again = True, False
            self._tracked.ask(self.key, self._words, self._answered)
        except UnavailableError:
            self._asked = False  # it is read when there is a connection

    async def settled(self) -> None:
        """Returns when it is current."""
        while not self.current:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def close(self) -> None:
        """Nothing more is told."""
        self._ended, self.current = True, True
        self._release()

    def _answered(self, answer: Answer) -> None:
        self._asked = False
        if self._ended:
            return
        if isinstance(answer, UnavailableError):
            return
        if isinstance(answer, Exception):  # such as a slot that is just moving
            asyncio.get_running_loop().call_later(AGAIN_S, self.read)
        elif self._again:
            self.read()
        else:
            self.current = True
            try:
                self._told(answer)
            except Exception:
                LOGGER.exception("who is told of a changed key failed")
            self._release()

    def _release(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class Watches:
    """All watches of one tracked connection."""

    def __init__(self, tracked: Tracked) -> None:
        self._tracked = tracked
        self._by_key: dict[bytes, list[Watch]] = {}
        tracked.listen(self)

    def on_change(self, key: str, told: Told) -> Watch:
        """``told`` gets the value of a string (bytes, None where it is missing): now, and whenever it changed."""
        return self._add(key, ("GET", key), told)

    def on_change_of_fields(self, key: str, fields: tuple[str, ...], told: Told) -> Watch:
        """``told`` gets the values of these fields of a hash: now, and whenever the hash changed."""
        return self._add(key, ("HMGET", key, *fields), told)

    def drop(self, watch: Watch) -> None:
        """Ends a watch."""
        watch.close()
        those = self._by_key.get(watch.key, [])
        if watch in those:
            those.remove(watch)
        if not those:
            self._by_key.pop(watch.key, None)

    def invalidated(self, key: bytes) -> None:
        """See Listener."""
        for watch in self._by_key.get(key, ()):
            watch.read()

    def emptied(self, *, lost: bool) -> None:
        """See Listener."""
        self._read_all()

    def connected(self) -> None:
        """See Listener."""
        self._read_all()

    def _add(self, key: str, words: tuple[Any, ...], told: Told) -> Watch:
        watch = Watch(self._tracked, key.encode(), words, told)
        self._by_key.setdefault(watch.key, []).append(watch)
        watch.read()
        return watch

    def _read_all(self) -> None:
        for those in list(self._by_key.values()):
            for watch in list(those):
                watch.read()
