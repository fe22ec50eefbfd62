"""The columns of the assortment that rules read, one row an item. ``assortment`` has them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
#: Rows by number, or all of them.
Which = Rows | slice


class Columns(Protocol):
    """``names``: for each of category, brand, colour, style and season, what its codes stand for; code -1 is none."""

    @property
    def skus(self) -> Sequence[str]:
        """(N,)"""

    @property
    def index(self) -> Mapping[str, int]:
        """SKU → row."""

    @property
    def tie(self) -> NDArray[np.uint64]:
        """(N,) what equal scores are ordered by."""

    @property
    def category(self) -> NDArray[np.int32]:
        """(N,) codes."""

    @property
    def brand(self) -> NDArray[np.int32]:
        """(N,) codes."""

    @property
    def colour(self) -> NDArray[np.int32]:
        """(N,) codes."""

    @property
    def style(self) -> NDArray[np.int32]:
        """(N,) codes."""

    @property
    def season(self) -> NDArray[np.int32]:
        """(N,) codes."""

    @property
    def names(self) -> Mapping[str, Sequence[str]]:
        """Column → code → name."""

    @property
    def cents(self) -> NDArray[np.int64]:
        """(N,) the price in minor units, below 0: unknown."""

    @property
    def margin(self) -> NDArray[np.float32]:
        """(N,) share of the price, NaN: unknown."""

    @property
    def clearance(self) -> NDArray[np.bool_]:
        """(N,)"""

    @property
    def introduced_ms(self) -> NDArray[np.int64]:
        """(N,) since when it is there, 0 or less: unknown."""

    @property
    def available(self) -> NDArray[np.int32]:
        """(N,) pieces, -1: uncounted."""

    @property
    def active(self) -> NDArray[np.bool_]:
        """(N,) on sale."""

    def stock_at(self, store: str, rows: Rows) -> NDArray[np.int32]:
        """(K,) pieces at a store, -1: uncounted."""

    def tagged(self, tag: str) -> Rows:
        """The rows that have a tag, whatever its case."""
