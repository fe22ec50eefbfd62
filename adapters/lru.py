"""A bounded mapping that forgets what was not used for long."""

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """``size`` (2 or more) entries at most; the ``size // 2`` used last are always among them.

    Two halves: what is used goes into the young one; when that is full it becomes the old one, and the old one is
    dropped whole. So a hit among the young is one look into a dict, without moving anything, which counts where every
    event asks twice. Safe under the GIL for the operations that it has. Keys that are numbers or bytes are found
    fastest: a UUID computes its hash in Python each time.
    """

    def __init__(self, size: int) -> None:
        self._half = max(1, size // 2)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, now among the most recently used, or None."""
        found = self._young.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Keeps a value."""
        self._young[key] = value
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

    def drop(self, key: K) -> None:
        """Forgets a key, known or not."""
        self._young.pop(key, None)
        self._old.pop(key, None)

    def clear(self) -> None:
        """Forgets all."""
        self._young, self._old = {}, {}

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())
