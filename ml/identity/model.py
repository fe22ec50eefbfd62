"""What was learnt: weights of levels of agreement, how frequent values are, and how likely a match is at all.
Immutable, readable JSON; its version is the digest of its bytes."""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from math import log2

import msgspec

from ml.identity.comparisons import Comparison

#: A level that was never seen is not impossible.
LEAST = 1e-9
MOST_BYTES = 50_000_000


class ModelError(ValueError):
    """The artefact can't be used, and why."""


class Odds(msgspec.Struct, frozen=True):
    """``m``: how often records of one person agree so; ``u``: how often two people's do."""

    m: float
    u: float

    @property
    def weight(self) -> float:
        """Bits for (or, below 0, against) a match: log2(m/u) (Fellegi and Sunter 1969)."""
        return log2(max(self.m, LEAST) / max(self.u, LEAST))


class Frequencies(msgspec.Struct, frozen=True):
    """Shares of all records that have a value. Values of few people are not named: they count as ``rare``."""

    rare: float
    common: dict[str, float]

    def of(self, value: str) -> float:
        """Of a value in its plain form."""
        return self.common.get(value, self.rare)


class Learnt(msgspec.Struct, frozen=True):
    """A comparison and the odds of its levels; the last ones are those of ``else``."""

    comparison: Comparison
    odds: tuple[Odds, ...]


class IdentityModel(msgspec.Struct, frozen=True, dict=True):
    """``prior``: the share of all pairs of records that are one person. ``household``: bits for one person, of two
    records that share all that a household shares; see ``learn.household``."""

    prior: float
    learnt: tuple[Learnt, ...]
    frequencies: dict[str, Frequencies]
    records: int = 0
    household: float = 0.0

    @property
    def prior_weight(self) -> float:
        """In bits."""
        return log2(self.prior / (1 - self.prior))

    @cached_property
    def version(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of its JSON."""
        return hashlib.sha256(encode(self)).hexdigest()[:16]


def probability(weight: float) -> float:
    """That two records are one person, from their match weight in bits."""
    return 1 / (1 + 2.0**-weight) if weight > -1000 else 0.0


def weight_of(chance: float) -> float:
    """The match weight at which the probability is this. ``chance`` lies between 0 and 1."""
    return log2(chance / (1 - chance))


def encode(model: IdentityModel) -> bytes:
    """As JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(model, order="sorted"), indent=1)


def decode(data: bytes) -> IdentityModel:
    """Raises ModelError that names what is wrong."""
    if len(data) > MOST_BYTES:
        raise ModelError(f"the identity model is larger than {MOST_BYTES:,} bytes")
    try:
        model = msgspec.json.decode(data, type=IdentityModel)
    except msgspec.MsgspecError as error:
        raise ModelError(f"not an identity model: {error}") from None
    _check(model)
    return model


def frequencies(values: Mapping[str, int], least: int) -> Frequencies:
    """From counts. Values of fewer than ``least`` records become one: what an average one of them has."""
    total = sum(values.values())
    common = {value: count / total for value, count in sorted(values.items()) if count >= least}
    few = [count for count in values.values() if count < least]
    return Frequencies(sum(few) / len(few) / total if few else 1 / max(total, 1), common)


def _check(model: IdentityModel) -> None:
    if not 0 < model.prior < 1:
        raise ModelError("prior: not between 0 and 1")
    for each in model.learnt:
        if len(each.odds) != len(each.comparison.levels) + 1:
            raise ModelError(f"{each.comparison.name}: as many odds as levels, and those of else, are needed")
        if not all(0 <= odds.m <= 1 and 0 <= odds.u <= 1 for odds in each.odds):
            raise ModelError(f"{each.comparison.name}: m and u lie between 0 and 1")
