"""What is compared of two records, and the levels of agreement, best first: a table that two engines read, the one for
single pairs (``ml.identity.score``) and the one for whole files."""

from collections.abc import Collection
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """How two records agree. ``columns`` are one or two names, ``limit`` is a similarity or a distance."""

    EQUAL = "equal"
    #: Jaro-Winkler similarity (Winkler 1990) of at least the limit.
    SIMILAR = "jaro_winkler"
    #: At most so many insertions, deletions, exchanges or transpositions (Damerau 1964).
    NEAR = "damerau_levenshtein"
    #: One record's first column is the other's second.
    CROSSED = "crossed"
    #: The same, by Jaro-Winkler similarity.
    CROSSED_SIMILAR = "crossed_jaro_winkler"


class Condition(msgspec.Struct, frozen=True):
    """One test of two records; it fails where a column is unknown in either."""

    kind: Kind
    columns: tuple[str, ...]
    limit: float = 0.0


class Level(msgspec.Struct, frozen=True):
    """All of ``conditions`` hold. ``frequency`` names the column whose value's rarity counts (term frequency)."""

    name: str
    conditions: tuple[Condition, ...]
    frequency: str | None = None


class Comparison(msgspec.Struct, frozen=True):
    """The first level that holds is the one; none of them: ``else``. Unknown (and without any weight) where none of the
    ``needs`` is known in both records."""

    name: str
    needs: tuple[str, ...]
    levels: tuple[Level, ...]


def _equal(column: str) -> Condition:
    return Condition(Kind.EQUAL, (column,))


def _similar(column: str, limit: float) -> Condition:
    return Condition(Kind.SIMILAR, (column,), limit)


def _near(column: str, limit: int) -> Condition:
    return Condition(Kind.NEAR, (column,), limit)


def _crossed(one: str, other: str, limit: float | None = None) -> Condition:
    kind = Kind.CROSSED if limit is None else Kind.CROSSED_SIMILAR
    return Condition(kind, (one, other), limit or 0.0)


def _level(name: str, *conditions: Condition, frequency: str | None = None) -> Level:
    return Level(name, conditions, frequency)


COMPARISONS = (
    Comparison(
        "given",
        ("given",),
        (
            _level("equal", _equal("given"), frequency="given"),
            _level("nickname", _equal("given_root")),
            _level("typing error", _similar("given", 0.9)),
            _level("crossed", _crossed("given", "surname")),
            _level("sounds alike", _equal("given_sound")),
            _level("similar", _similar("given", 0.8)),
            _level("crossed, similar", _crossed("given", "surname", 0.85)),
        ),
    ),
    Comparison(
        "surname",
        ("surname",),
        (
            _level("equal", _equal("surname"), frequency="surname"),
            _level("typing error", _similar("surname", 0.9)),
            _level("crossed", _crossed("surname", "given")),
            _level("sounds alike", _equal("surname_sound")),
            _level("similar", _similar("surname", 0.8)),
            _level("crossed, similar", _crossed("surname", "given", 0.85)),
        ),
    ),
    Comparison(
        "born",
        ("born",),
        (
            _level("equal", _equal("born")),
            _level("one error", _near("born", 1)),
            _level("day and month exchanged", _crossed("born", "born_turned")),
            _level("two errors", _near("born", 2)),
        ),
    ),
    Comparison(
        "number",
        ("number",),
        (_level("equal", _equal("number"), frequency="number"), _level("one error", _near("number", 1))),
    ),
    Comparison(
        "street",
        ("street",),
        (
            _level("equal", _equal("street"), frequency="street"),
            _level("typing error", _similar("street", 0.92)),
            _level("crossed", _crossed("street", "locality", 0.92)),
            _level("similar", _similar("street", 0.85)),
        ),
    ),
    Comparison(
        "locality",
        ("locality",),
        (
            _level("equal", _equal("locality"), frequency="locality"),
            _level("typing error", _similar("locality", 0.92)),
            _level("crossed", _crossed("locality", "street", 0.92)),
            _level("similar", _similar("locality", 0.85)),
        ),
    ),
    # Town, postcode and state tell much the same, so together they are one comparison.
    Comparison(
        "place",
        ("city", "postcode", "state"),
        (
            _level("town and postcode", _equal("city"), _equal("postcode")),
            _level("postcode, town similar", _equal("postcode"), _similar("city", 0.88)),
            _level("town, postcode near", _equal("city"), _near("postcode", 1)),
            _level("postcode", _equal("postcode"), frequency="postcode"),
            _level("town", _equal("city"), frequency="city"),
            _level("town similar, postcode near", _similar("city", 0.88), _near("postcode", 1)),
            _level("town similar", _similar("city", 0.88)),
            _level("postcode near", _near("postcode", 1), _equal("state")),
            _level("postcode near, elsewhere", _near("postcode", 1)),
            _level("state", _equal("state")),
        ),
    ),
    Comparison(
        "phone",
        ("phone",),
        (
            _level("equal", _equal("phone"), frequency="phone"),
            _level("same end", _equal("phone_end")),
            _level("one error", _near("phone", 1)),
        ),
    ),
    Comparison(
        "email",
        ("email",),
        (
            _level("equal", _equal("email"), frequency="email"),
            _level("same user", _equal("email_user"), frequency="email_user"),
            _level("typing error", _similar("email", 0.92)),
            _level("similar user", _similar("email_user", 0.85)),
        ),
    ),
    Comparison(
        "personal_id",
        ("personal_id",),
        (_level("equal", _equal("personal_id")), _level("one error", _near("personal_id", 1))),
    ),
    Comparison("loyalty", ("loyalty",), (_level("equal", _equal("loyalty")),)),
    Comparison("gender", ("gender",), (_level("equal", _equal("gender")),)),
)


def usable(columns: Collection[str]) -> tuple[Comparison, ...]:
    """Those that can be made where only these columns are known; levels that can't are left out."""
    found = []
    for comparison in COMPARISONS:
        levels = tuple(
            level for level in comparison.levels if all(set(each.columns) <= set(columns) for each in level.conditions)
        )
        if levels:
            found.append(Comparison(comparison.name, tuple(n for n in comparison.needs if n in columns), levels))
    return tuple(found)
