"""What models are solved from, counted by DuckDB: whole numbers that are those of a fold over the same ways."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from projections.attribution import markov, shapley
from projections.attribution.exact import Owed
from projections.attribution.markov import Transitions
from projections.attribution.models import FINE, GAME, ORDERS, SHAPLEY, Credited, Sums, by_effects, by_game, exactly
from projections.attribution.paths import MILLION
from projections.attribution.positional import DIRECT, decayed
from projections.attribution.rules import Rules

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Ways to nothing could have been paid in any currency.
_OURS = "(currency = $currency OR currency IS NULL)"
_SUMS = f"""
SELECT channel, sum(conversions) FILTER (place = 1), sum(net) FILTER (place = 1) FROM steps WHERE {_OURS}
GROUP BY channel
"""
_PLACED = """
SELECT channel, touches, place = 1, place = touches, sum(conversions)::HUGEINT, sum(net)::HUGEINT
FROM steps WHERE currency = $currency GROUP BY ALL
"""
_LAST_OTHER = """
SELECT channel, sum(conversions), sum(net) FROM (
    SELECT coalesce(arg_max(channel, place) FILTER (channel <> $direct), arg_max(channel, place)) AS channel,
        any_value(conversions) AS conversions, any_value(net) AS net
    FROM steps WHERE currency = $currency GROUP BY way
) GROUP BY channel
"""
_DECAYED = f"""
WITH weighed AS (
    SELECT way, channel, place = touches AS latest, conversions::HUGEINT * {MILLION} * {MILLION} AS many,
        abs(net)::HUGEINT * {MILLION} AS worth, sign(net) AS signed, weight::HUGEINT AS weight,
        sum(weight::HUGEINT) OVER (PARTITION BY way) AS whole
    FROM steps JOIN decay ON decay.age = steps.age WHERE currency = $currency
), parts AS (
    SELECT way, channel, latest, signed, many, worth, many * weight // whole AS many_part,
        worth * weight // whole AS worth_part
    FROM weighed
)
SELECT channel, sum(many_cut)::HUGEINT, sum(signed * worth_cut)::HUGEINT FROM (
    SELECT channel, signed, many_part + CASE WHEN latest THEN many - sum(many_part) OVER w ELSE 0 END AS many_cut,
        worth_part + CASE WHEN latest THEN worth - sum(worth_part) OVER w ELSE 0 END AS worth_cut
    FROM parts WINDOW w AS (PARTITION BY way)
) GROUP BY channel
"""
_MET = """
SELECT met, sum(conversions), sum(net) FROM (
    SELECT bit_or(1::UBIGINT << channel) AS met, any_value(conversions) AS conversions, any_value(net) AS net
    FROM steps WHERE currency = $currency AND net <> 0 GROUP BY way
) GROUP BY met
"""


class Counts:
    """Of one currency. ``memory``: how many touches before the latest a step remembers."""

    def __init__(
        self, connection: "DuckDBPyConnection", names: Sequence[str], currency: str, rules: Rules, memory: int
    ) -> None:
        self._connection, self._names, self._rules, self._memory = connection, names, rules, memory
        self._values = {"currency": currency}

    def credit(self, model: str) -> Credited:
        """What a model says. Raises ValueError, duckdb.Error."""
        if model in ORDERS:
            return by_effects(model, self.sums, markov.chain(self.transitions(ORDERS[model])))
        if model == SHAPLEY:
            return exactly(model, self.sums, *shapley.owed(self.together()))
        if model == GAME:
            return by_game(self.sums, markov.chain(self.transitions(1)), self._rules.seed)
        return exactly(model, self.sums, *self.owed(model))

    @cached_property
    def sums(self) -> Sums:
        """Of all ways with a touch."""
        rows = self._rows(_SUMS)
        channels = tuple(sorted(self._names[code] for code, *_ in rows))
        return Sums(channels, MILLION * sum(row[1] or 0 for row in rows), sum(row[2] or 0 for row in rows))

    def owed(self, model: str) -> tuple[Owed, Owed]:
        """Of models that look at one way alone."""
        if model == FINE:
            return self._decayed()
        conversions, value = Owed(), Owed()
        for code, numerator, denominator, many, worth in self._weighed(model):
            conversions.add(self._names[code], many * numerator * MILLION, denominator)
            value.add(self._names[code], worth * numerator, denominator)
        return conversions, value

    def together(self) -> shapley.Together:
        """Who was met with whom."""
        found = shapley.Together()
        for mask, many, worth in self._rows(_MET):
            met = frozenset(name for code, name in enumerate(self._names) if mask >> code & 1)
            found.conversions[met] += int(many)
            found.value[met] += int(worth)
        return found

    def transitions(self, order: int) -> Transitions:
        """Of a chain of this order: each touch with as many before it."""
        if order > self._memory:
            raise ValueError(f"the tables remember {self._memory} touches, not {order}")
        found = Transitions()
        for *codes, times in self._rows(self._grams(order)):
            gram = tuple(self._names[code] for code in codes if code is not None)
            found.between[gram[:-1][-order:], gram[-order:]] += int(times)
        for *codes, times, many, worth in self._rows(self._ends(order)):
            state = tuple(self._names[code] for code in codes if code is not None)
            found.ended[state] += int(times)
            found.converted[state] += int(many)
            found.value[state] += int(worth)
        return found

    def _grams(self, order: int) -> str:
        columns = ", ".join([*(f"before_{n}" for n in range(order, 0, -1)), "channel"])
        return f"SELECT {columns}, count(*) FROM steps WHERE {_OURS} GROUP BY {columns}"

    def _ends(self, order: int) -> str:
        columns = ", ".join([*(f"before_{n}" for n in range(order - 1, 0, -1)), "channel"])
        sums = "count(*), sum(conversions), sum(greatest(net, 0))"
        return f"SELECT {columns}, {sums} FROM steps WHERE {_OURS} AND place = touches GROUP BY {columns}"

    def _weighed(self, model: str) -> list[tuple[int, int, int, int, int]]:
        """Channel, weight, sum of weights, conversions, value."""
        if model == "last-non-direct":
            direct = self._names.index(DIRECT) if DIRECT in self._names else 255
            return [(code, 1, 1, int(n), int(v)) for code, n, v in self._rows(_LAST_OTHER, direct=direct)]
        found = []
        for code, touches, is_first, is_last, many, worth in self._placed:
            weight, whole = _weight(model, touches, is_first, is_last)
            found.append((code, weight, whole, int(many), int(worth)))
        return found

    @cached_property
    def _placed(self) -> list[tuple[Any, ...]]:
        return self._rows(_PLACED)

    def _decayed(self) -> tuple[Owed, Owed]:
        oldest = self._connection.execute("SELECT coalesce(max(age), 0) FROM steps").fetchone()
        ages = range(int(oldest[0]) + 1 if oldest else 1)
        self._connection.execute("CREATE OR REPLACE TEMP TABLE decay (age BIGINT, weight BIGINT)")
        self._connection.execute(
            "INSERT INTO decay SELECT unnest($ages), unnest($weights)",
            {"ages": list(ages), "weights": [decayed(age, self._rules.half_life_hours) for age in ages]},
        )
        conversions, value = Owed(), Owed()
        for code, many, worth in self._rows(_DECAYED):
            conversions.add(self._names[code], int(many), MILLION)
            value.add(self._names[code], int(worth), MILLION)
        return conversions, value

    def _rows(self, query: str, **more: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, self._values | more).fetchall()


def _weight(model: str, touches: int, is_first: bool, is_last: bool) -> tuple[int, int]:
    """Of a touch by its place, and of all of its way; see ``positional``."""
    match model:
        case "first":
            return int(is_first), 1
        case "last":
            return int(is_last), 1
        case "linear":
            return 1, touches
        case "position" if touches < 3:
            return 1, touches
        case "position":
            return (2 * (touches - 2) if is_first or is_last else 1), 5 * (touches - 2)
    raise ValueError(f"there is no model {model}")
