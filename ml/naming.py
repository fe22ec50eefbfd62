"""Which items an artefact may name. A SKU that one visitor's link made up is theirs alone, and artefacts outlive it."""

from collections.abc import Collection

import numpy as np

from ml.examples import Examples


def known_names(examples: Examples, skus: tuple[str, ...], listed: Collection[str], least: int) -> tuple[str, ...]:
    """(N,) the ``skus`` where they are ``listed``, or targets of ``least`` persons; each other row gets a name that no
    SKU can have."""
    pairs = np.unique(np.stack([examples.target.astype(np.int64), examples.person]), axis=1)
    persons = np.bincount(pairs[0], minlength=len(skus))
    return tuple(
        sku if sku in listed or count >= least else nameless(row)
        for row, (sku, count) in enumerate(zip(skus, persons, strict=True))
    )


def nameless(row: int) -> str:
    """The name of a row that stands for nothing one may name: it begins with a blank, as no SKU does."""
    return f" {row}"
