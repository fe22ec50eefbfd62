"""A made-up assortment as columns."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from queries.recommend.columns import Rows

SIZES = {"category": 6, "brand": 9, "colour": 5, "style": 4, "season": 4}
DAY_MS = 86_400_000
NOW_MS = 1_790_000_000_000


class Made:
    """``items`` random rows from a seed; about one in seven of everything is unknown."""

    def __init__(self, items: int, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self.skus: Sequence[str] = [f"S{row}" for row in range(items)]
        self.index: Mapping[str, int] = {sku: row for row, sku in enumerate(self.skus)}
        self.tie = random.permutation(items).astype(np.uint64)
        self.group = self.tie
        self.names: Mapping[str, Sequence[str]] = {
            column: [f"{column.title()} {code}" for code in range(count)] for column, count in SIZES.items()
        }
        self.category, self.brand, self.colour, self.style, self.season = (
            random.integers(-1, count, items).astype(np.int32) for count in SIZES.values()
        )
        self.cents = random.integers(-1, 20, items).astype(np.int64) * 1000
        self.margin = np.where(random.random(items) < 0.15, np.nan, random.random(items)).astype(np.float32)
        self.clearance = random.random(items) < 0.3
        self.introduced_ms = np.where(
            random.random(items) < 0.15, 0, NOW_MS - random.integers(0, 400, items) * DAY_MS
        ).astype(np.int64)
        self.available = random.integers(-1, 8, items).astype(np.int32)
        self.active = random.random(items) < 0.9
        self.tags = {tag: np.flatnonzero(random.random(items) < 0.2) for tag in ("new", "fur")}

    def stock_at(self, store: str, rows: Rows) -> NDArray[np.int32]:
        return (self.available[rows] + len(store)) % 5 - 1

    def tagged(self, tag: str) -> Rows:
        return self.tags.get(tag.casefold(), np.empty(0, np.intp))
