"""Periods whose time is over: their keys are destroyed, and that they were is kept; not their numbers, which stand with
the events and would tell when those happened."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.keys import Keyring
from domain.event import Retention

OLD = "SELECT period, retention, month FROM period_key WHERE retention = %s AND month < %s ORDER BY month"
DESTROY = """WITH gone AS (DELETE FROM period_key WHERE period = ANY(%s) RETURNING retention, month)
    INSERT INTO destroyed_period (retention, month) SELECT * FROM gone ORDER BY retention, month"""
LIVING = "SELECT period FROM period_key"
DESTROYING = "SELECT pg_advisory_xact_lock(%s)"
DESTROY_LOCK = 0x70657269  # "peri": numbers of destroyed periods are given in the order in which they can be seen


@dataclass(frozen=True, slots=True)
class Period:
    """``month``: months since the year 0, in which the facts happened."""

    period: int
    retention: Retention
    month: int

    def __str__(self) -> str:
        return f"{self.retention.name.lower()} {self.month // 12}-{self.month % 12 + 1:02}"


class Periods:
    """Raises UnavailableError."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def past(self, first: Mapping[Retention, int]) -> list[Period]:
        """Those that have keys and are before the first month that is kept of their class."""
        with self._keyring.database.connection() as connection:
            rows = [row for each, month in first.items() for row in connection.execute(OLD, (each.value, month))]
        return [Period(period, Retention(retention), month) for period, retention, month in rows]

    def destroy(self, periods: list[Period]) -> None:
        """Destroys their keys; other processes learn of it, see adapters.keys.wiping. Idempotent."""
        if periods:
            with self._keyring.database.connection() as connection, connection.transaction():
                connection.execute(DESTROYING, (DESTROY_LOCK,))
                connection.execute(DESTROY, ([each.period for each in periods],))
        self._keyring.wipe_periods()

    def living(self) -> set[int]:
        """The numbers of all that have keys."""
        with self._keyring.database.connection() as connection:
            return {row[0] for row in connection.execute(LIVING).fetchall()}
