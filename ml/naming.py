"""Which items an artefact may name. A SKU that one visitor's link made up is theirs alone, and artefacts outlive it."""

from collections.abc import Collection

import numpy as np

from ml.examples import Examples


def known_names(examples: Examples, skus: tuple[str, ...], listed: Collection[str], least: int) -> tuple[str, ...]:
    """(N,) the ``skus`` where they are ``listed``, or targets of ``least`` persons; each other row gets a name that no
    SKU can have."""
    width = int(examples.person.max(initial=0)) + 1
    met = np.unique(examples.target.astype(np.int64) * width + examples.person)  # each item once for each person
    persons = np.bincount(met // width, minlength=len(skus))
    return tuple(
        sku if sku in listed or count >= least else nameless(row)
        for row, (sku, count) in enumerate(zip(skus, persons, strict=True))
    )


def nameless(row: int) -> str:
    """The name of a row that stands for nothing one may name: it begins with a blank, as no SKU does."""
    return f" {row}"
