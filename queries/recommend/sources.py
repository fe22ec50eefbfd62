"""Where counts and costs come from: a product's own, or those of the inventory item that it names."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray

from queries.recommend.coded import Chunked, Codes, Column, Rows, empty, put
from readmodels.catalogue import ITEM, ProductRecord

#: Nobody counts it.
UNCOUNTED = -1
MOST = np.iinfo(np.int32).max


def item(stock_ref: str | None) -> str | None:
    """The SKU under which an inventory item's counts and cost are recorded."""
    return None if stock_ref is None else f"{ITEM}{stock_ref}"


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """S sources, by number. ``total`` int32 (S,): how many can be sold in all, -1 where nobody counts; ``places`` (S):
    pairs of int32, location's code and how many are there; ``cost`` int64 (S,) of one piece in minor units, -1 unknown,
    in ``currency`` int32 (S,). What is oversold counts as nothing."""

    codes: Codes
    stores: Codes
    total: Column
    places: Chunked[bytes]
    cost: Column
    currency: Column

    @classmethod
    def none(cls) -> Self:
        """No sources yet."""
        return cls(Codes(), Codes(), empty(np.int32), Chunked(), empty(np.int64), empty(np.int32))

    def with_changes(
        self, records: Collection[ProductRecord], named: Iterable[str | None], currencies: Codes
    ) -> tuple["Sources", Rows]:
        """With what these records say, and those numbers that changed. ``named``: items that products name, whether
        they were counted or not."""
        told = [record for record in records if record.stock or record.cost]
        codes = self.codes.with_names(chain((record.sku for record in told), named))
        stores = self.stores.with_names(chain.from_iterable(record.stock for record in told))
        size, before = len(codes), len(self.total)
        rows = codes.of(record.sku for record in told).astype(np.int64)
        total, packed = _counted(told, stores)
        cost = np.array([record.cost.cents if record.cost else -1 for record in told], dtype=np.int64)
        currency = currencies.of(record.cost.currency if record.cost else None for record in told)
        fresh = np.arange(before, size)

        def column(old: Column, values: Column) -> Column:
            return put(put(old, fresh, np.full(len(fresh), -1, old.dtype), size), rows, values, size)

        places, more = dict(zip(rows.tolist(), packed, strict=True)), range(before, size)
        new = [places.pop(number, b"") for number in more]
        columns = column(self.total, total), self.places.put(places, new), column(self.cost, cost)
        return Sources(codes, stores, *columns, column(self.currency, currency)), rows

    def at(self, store: str, numbers: Sequence[int]) -> NDArray[np.int32]:
        """How many are at a location, -1 where nobody counts there; int32, one for each number."""
        found = np.full(len(numbers), UNCOUNTED, dtype=np.int32)
        code = self.stores.code(store)
        if code < 0:
            return found
        packed = self.places.some(numbers, b"")
        pairs = np.frombuffer(b"".join(packed), dtype=np.int32).reshape(-1, 2)
        hits = np.flatnonzero(pairs[:, 0] == code)
        owners = np.repeat(np.arange(len(packed)), [len(each) // 8 for each in packed])
        found[owners[hits]] = pairs[hits, 1]
        return found


def _counted(records: Sequence[ProductRecord], stores: Codes) -> tuple[NDArray[np.int32], list[bytes]]:
    """How many there are in all, and the pairs of location and count, of each record."""
    counts = [count.available for record in records for count in record.stock.values()]
    lengths = np.array([len(record.stock) for record in records], dtype=np.int64)
    ends = np.cumsum(lengths)
    sums = np.concatenate(([0], np.cumsum(np.array(counts, dtype=np.int64))))
    total = np.where(lengths > 0, np.clip(sums[ends] - sums[ends - lengths], 0, MOST), UNCOUNTED).astype(np.int32)
    pairs = np.empty((len(counts), 2), dtype=np.int32)
    pairs[:, 0] = stores.of(chain.from_iterable(record.stock for record in records))
    pairs[:, 1] = np.maximum(counts, 0)
    packed, bounds = pairs.tobytes(), (8 * ends).tolist()
    return total, [packed[start:end] for start, end in zip([0, *bounds], bounds, strict=False)]
