"""What a person did with items, as rows of the assortment, as far as it may count."""

from dataclasses import dataclass, field

import numpy as np

from ml.sequences import Rows
from queries.recommend.assortment import Assortment
from readmodels.customer import CustomerRecord
from readmodels.features import CART, VIEW, acts, cart_of

#: So many of the latest acts count: every model looks at fewer.
LATEST = 50
NO_ROWS: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Past:
    """``rows`` (T,) of the assortment, oldest first; ``kinds`` (T,) how each counts (``readmodels.features.KINDS``).
    ``cart`` and ``bought``: rows that may be hidden."""

    rows: Rows
    kinds: tuple[int, ...]
    cart: frozenset[int]
    bought: frozenset[int]
    _latest: list[tuple[int, int]] = field(default_factory=list, repr=False, compare=False)

    def latest(self) -> list[tuple[int, int]]:
        """(row, kind), the latest first, each row once. Not to be changed."""
        if not self._latest:
            found: dict[int, int] = {}
            for row, kind in zip(self.rows[::-1].tolist(), reversed(self.kinds), strict=True):
                found.setdefault(row, kind)
            self._latest.extend(found.items())
        return self._latest


def past(record: CustomerRecord, whole: CustomerRecord, assortment: Assortment) -> Past:
    """``record``: what may be used for personalisation of the ``whole``. What lies in the cart or was bought is hidden
    where that counts, consent or not. What is no longer sold does not count."""
    code = assortment.index.code
    known = [(row, act[3]) for act in acts(record)[-LATEST:] if (row := code(act[4])) >= 0]
    bought = frozenset([row for p in whole.purchases if (row := code(p.sku)) >= 0]) if whole.purchases else NO_ROWS
    cart = frozenset([row for sku in cart_of(whole) if (row := code(sku)) >= 0]) if whole.cart else NO_ROWS
    return Past(np.array([row for row, _ in known], np.int32), tuple([kind for _, kind in known]), cart, bought)


def shown(past: Past, seeds: Rows, *, in_cart: bool) -> Past:
    """With what the page or the cart shows as the latest acts."""
    if not len(seeds):
        return past
    kinds = (*past.kinds, *([CART if in_cart else VIEW] * len(seeds)))
    cart = past.cart | set(seeds.tolist()) if in_cart else past.cart
    return Past(np.concatenate((past.rows, seeds)), kinds, cart, past.bought)
