"""L1: what was read lately, kept in process until the server says that a key of it has changed. Pure: no I/O.

The rule that keeps it right: an entry stands only if, from before its first key was asked for until now, no
invalidation of any of its keys came in and the connection was not lost. So a reading is registered *before* it asks,
and an invalidation in between voids it: it answers whoever waits, and is not kept. Keys are given as the server names
them in its pushes.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")
Clock = Callable[[], float]


class Reading:
    """A reading that is under way, for ``who``."""

    __slots__ = ("keys", "void", "who")

    def __init__(self, who: int) -> None:
        self.who = who
        self.keys: list[bytes] = []
        self.void = False


class _Kept(Generic[V]):
    __slots__ = ("keys", "size", "value")

    def __init__(self, value: V, keys: frozenset[bytes], size: int) -> None:
        self.value, self.keys, self.size = value, keys, size


class L1(Generic[V]):
    """At most ``most`` entries of ``most_bytes`` together; those used last stay. For ``stale_s`` after the connection
    is lost, ``stale`` tells what stood then."""

    def __init__(self, most: int, most_bytes: int, *, stale_s: float = 30.0, clock: Clock = time.monotonic) -> None:
        self._most, self._most_bytes, self._stale_s, self._clock = most, most_bytes, stale_s, clock
        self._kept: OrderedDict[int, _Kept[V]] = OrderedDict()
        self._watching: dict[bytes, set[int]] = {}
        self._reading: dict[bytes, set[Reading]] = {}
        self._stale: OrderedDict[int, tuple[V, float]] = OrderedDict()
        self._wakes: dict[int, list[Callable[[], None]]] = {}
        self.bytes = self.invalidated = self.voided = self.evicted = self.emptied = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, who: int) -> V | None:
        """What is kept, now among the entries used last."""
        kept = self._kept.get(who)
        if kept is None:
            return None
        self._kept.move_to_end(who)
        return kept.value

    def stale(self, who: int) -> V | None:
        """What was known when the connection was lost, if that is not too long ago."""
        found = self._stale.get(who)
        return found[0] if found is not None and self._clock() < found[1] else None

    def keep_stale(self, who: int, value: V) -> None:
        """Keeps what came from elsewhere while there is no connection."""
        self._stale[who] = value, self._clock() + self._stale_s
        while len(self._stale) > self._most:
            self._stale.popitem(last=False)

    def begin(self, who: int) -> Reading:
        """A reading that may be kept. Each must ``end``."""
        return Reading(who)

    def reads(self, reading: Reading, key: bytes) -> None:
        """To be called before the key is asked for."""
        reading.keys.append(key)
        self._reading.setdefault(key, set()).add(reading)

    def end(self, reading: Reading, value: V | None, size: int = 0) -> bool:
        """Keeps ``value`` of ``size`` bytes unless the reading is void; whether it is kept. None: nothing was read."""
        keys = frozenset(reading.keys)
        for key in keys:
            others = self._reading[key]
            others.discard(reading)
            if not others:
                del self._reading[key]
        if value is None:
            return False
        self._stale.pop(reading.who, None)
        if reading.void:
            self.voided += 1
            return False
        self._drop(reading.who)
        if size > self._most_bytes:
            return False
        self._kept[reading.who] = _Kept(value, keys, size)
        self.bytes += size
        for key in keys:
            self._watching.setdefault(key, set()).add(reading.who)
        while len(self._kept) > self._most or self.bytes > self._most_bytes:
            gone = next(iter(self._kept))
            self._drop(gone)
            self.evicted += 1
            self._wake(gone)
        return True

    def invalidate(self, key: bytes) -> None:
        """The server says that the key has changed."""
        for reading in self._reading.get(key, ()):
            reading.void = True
        for who in self._watching.pop(key, ()):
            self.invalidated += 1
            self._stale.pop(who, None)
            self._drop(who)
            self._wake(who)

    def empty(self, *, lost: bool = False) -> None:
        """Nothing of it can be relied on any more. ``lost``: the connection is, so what stood may be told as stale."""
        self.emptied += 1
        for readings in self._reading.values():
            for reading in readings:
                reading.void = True
        if lost:
            for who, kept in self._kept.items():
                self.keep_stale(who, kept.value)
        else:
            self._stale.clear()
        self._kept.clear()
        self._watching.clear()
        self.bytes = 0
        for who in list(self._wakes):
            self._wake(who)

    def wake(self, who: int, told: Callable[[], None]) -> bool:
        """``told`` is called once when the entry of ``who`` goes: nobody would tell of its changes then. False: there
        is no entry now."""
        if who not in self._kept:
            return False
        self._wakes.setdefault(who, []).append(told)
        return True

    def sleep(self, who: int, told: Callable[[], None]) -> None:
        """``told`` need not be called any more."""
        waiting = self._wakes.get(who, [])
        if told in waiting:
            waiting.remove(told)
        if not waiting:
            self._wakes.pop(who, None)

    def _wake(self, who: int) -> None:
        for told in self._wakes.pop(who, ()):
            told()

    def _drop(self, who: int) -> None:
        kept = self._kept.pop(who, None)
        if kept is None:
            return
        self.bytes -= kept.size
        for key in kept.keys:
            watching = self._watching.get(key)
            if watching is not None:
                watching.discard(who)
                if not watching:
                    del self._watching[key]
