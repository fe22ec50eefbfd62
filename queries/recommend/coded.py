"""What an assortment is made of: columns that are copied only where they change, and codes for names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Column = NDArray[Any]
Rows = NDArray[np.int64]
#: Values of a chunk: a change of one copies so many.
CHUNK = 512


class Chunked(Sequence[T]):
    """A long list of which a changed copy shares all chunks that are as before."""

    __slots__ = ("_chunks", "_length")

    def __init__(self, chunks: Sequence[list[T]] = (), length: int = 0) -> None:
        self._chunks = chunks
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> list[T]: ...
    def __getitem__(self, at: int | slice) -> T | list[T]:
        if type(at) is int and 0 <= at < self._length:
            return self._chunks[at // CHUNK][at % CHUNK]
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(self._length))]
        if not -self._length <= at < self._length:
            raise IndexError(at)
        at %= self._length
        return self._chunks[at // CHUNK][at % CHUNK]

    def __iter__(self) -> Iterator[T]:
        return chain.from_iterable(self._chunks)

    def some(self, rows: Sequence[int], missing: T) -> list[T]:
        """The values of these rows; ``missing`` for -1."""
        chunks = self._chunks
        return [chunks[row // CHUNK][row % CHUNK] if row >= 0 else missing for row in rows]

    def put(self, values: Mapping[int, T], more: Sequence[T] = ()) -> "Chunked[T]":
        """A copy with these values where there are others, and with ``more`` at the end."""
        if not values and not more:
            return self
        chunks = list(self._chunks)
        for which in {at // CHUNK for at in values}:
            chunks[which] = chunks[which].copy()
        for at, value in values.items():
            chunks[at // CHUNK][at % CHUNK] = value
        free = -self._length % CHUNK
        if free and more:
            chunks[-1] = [*chunks[-1], *more[:free]]
        chunks += (list(more[start : start + CHUNK]) for start in range(free, len(more), CHUNK))
        return Chunked(chunks, self._length + len(more))


class Codes(Mapping[str, int]):
    """Names numbered from 0 in the order in which they were first said; a name never gets another number.

    The numbers are in one dictionary, which a copy with more names shares: what is in it beyond a copy's own ``names``
    is not there for that copy. So 250,000 names are not copied for one more.
    """

    __slots__ = ("_numbers", "names")

    def __init__(self, numbers: dict[str, int] | None = None, names: "Chunked[str] | None" = None) -> None:
        self._numbers = {} if numbers is None else numbers
        self.names: Chunked[str] = Chunked() if names is None else names

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __getitem__(self, name: str) -> int:
        number = self._numbers[name]
        if number >= len(self.names):
            raise KeyError(name)
        return number

    def code(self, name: str | None) -> int:
        """A name's number, -1 for none and for one that was not said."""
        number = -1 if name is None else self._numbers.get(name, -1)
        return number if number < len(self.names) else -1

    def with_names(self, names: Iterable[str | None]) -> "Codes":
        """Those that are new at the end. For one thread at a time."""
        said, size = dict.fromkeys(names), len(self.names)
        latest = len(self._numbers) == size  # else a copy was made already, and has other names next
        numbers = self._numbers if latest else {name: number for number, name in enumerate(self.names)}
        new = [name for name in said if name is not None and name not in numbers]
        if not new:
            return self
        numbers.update(zip(new, range(size, size + len(new)), strict=True))
        return Codes(numbers, self.names.put({}, new))

    def of(self, names: Iterable[str | None]) -> NDArray[np.int32]:
        """The numbers of names that were said, -1 for none."""
        get: Any = self._numbers.get
        return np.array(list(map(get, names, repeat(-1))), dtype=np.int32)


def put(column: Column, rows: Rows, values: Column, length: int) -> Column:
    """A copy of a column with these values in these rows, ``length`` long; the column itself where that is the same.
    All rows beyond its end must be given. Read-only."""
    if length == len(column) and np.array_equal(column[rows], values, equal_nan=column.dtype.kind == "f"):
        return column
    changed = np.empty(length, dtype=column.dtype)
    changed[: len(column)] = column
    changed[rows] = values
    changed.flags.writeable = False
    return changed


def empty(kind: Any) -> Column:
    """A column without rows."""
    made = np.empty(0, dtype=kind)
    made.flags.writeable = False
    return made


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Rows by their code: ``order`` has those of code 0, then those of code 1…, each ascending; ``starts`` where each
    begins."""

    order: Rows
    starts: Rows

    @classmethod
    def of(cls, codes: NDArray[np.int32], names: int) -> Self:
        """Of all rows that have a code. ``names``: how many codes there are."""
        small = names < 2**16 - 1  # such keys are sorted in linear time
        order = np.argsort((codes + 1).astype(np.uint16 if small else np.uint32), kind="stable")
        counts = np.bincount(codes + 1, minlength=names + 1)
        return cls(order[counts[0] :], np.concatenate(([0], np.cumsum(counts[1:]))))

    def rows(self, code: int) -> Rows:
        """The rows of a code, ascending; none for -1."""
        return self.order[self.starts[code] : self.starts[code + 1]] if code >= 0 else self.order[:0]
