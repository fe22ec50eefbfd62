"""Published attribution reports: each version of each, and why it is not the one before. Sums over many people and
nobody's data. A version is written once and never changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from adapters.postgres import Database

TABLE = """CREATE TABLE IF NOT EXISTS attribution_report (
    key text NOT NULL, version int NOT NULL, made timestamptz NOT NULL DEFAULT now(), epoch int NOT NULL,
    positions bigint[] NOT NULL, asked jsonb NOT NULL, report jsonb NOT NULL, restatement jsonb,
    PRIMARY KEY (key, version))"""
ADD = """INSERT INTO attribution_report (key, version, epoch, positions, asked, report, restatement)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key, version) DO NOTHING"""
COLUMNS = "key, version, made, epoch, positions, asked, report, restatement"
LAST = f"SELECT {COLUMNS} FROM attribution_report WHERE key = %s ORDER BY version DESC LIMIT 1"
LATEST = f"SELECT DISTINCT ON (key) {COLUMNS} FROM attribution_report ORDER BY key, version DESC"
ONE = f"SELECT {COLUMNS} FROM attribution_report WHERE key = %s ORDER BY version"
NEWEST = f"""SELECT {COLUMNS.replace("report,", "'{}'::jsonb,")} FROM (
    SELECT * FROM attribution_report ORDER BY made DESC, key, version DESC LIMIT %s
) AS newest ORDER BY key, version"""
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Version:
    """``key`` names what was asked; ``positions`` are of the shards of ``epoch``. ``restatement``: why it is not the
    version before, None for the first. ``report`` is empty where many versions are told, and not their
    figures."""

    key: str
    version: int
    made: datetime | None
    epoch: int
    positions: tuple[int, ...]
    asked: Mapping[str, Any]
    report: Mapping[str, Any]
    restatement: Mapping[str, Any] | None

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "key": self.key,
            "version": self.version,
            "made": self.made and self.made.isoformat(),
            "positions": list(self.positions),
            "asked": self.asked,
            **({"report": self.report} if self.report else {}),
            "restatement": self.restatement,
        }


class PublishedReports:
    """The table. All raise UnavailableError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_table(self) -> None:
        """Idempotent; call under the provisioning lock."""
        with self._database.connection() as connection:
            connection.execute(TABLE)

    def add(self, new: Version) -> bool:
        """Whether it was written: False where somebody else wrote that version first."""
        told = None if new.restatement is None else Jsonb(new.restatement, dumps=json.dumps)
        row = (new.key, new.version, new.epoch, list(new.positions), Jsonb(new.asked), Jsonb(new.report), told)
        with self._database.connection() as connection:
            return connection.execute(ADD, row).rowcount == 1

    def last(self, key: str) -> Version | None:
        """The latest version."""
        with self._database.connection() as connection:
            row = connection.execute(LAST, (key,)).fetchone()
        return None if row is None else _version(row)

    def latest(self) -> list[Version]:
        """The latest version of each report, by key."""
        with self._database.connection() as connection:
            rows = connection.execute(LATEST).fetchall()
        return [_version(row) for row in rows]

    def told(self, key: str | None) -> list[Version]:
        """Of one report, or the newest of all."""
        return self.newest() if key is None else self.of(key)

    def of(self, key: str) -> list[Version]:
        """All versions of one report, the oldest first."""
        with self._database.connection() as connection:
            rows = connection.execute(ONE, (key,)).fetchall()
        return [_version(row) for row in rows]

    def newest(self) -> list[Version]:
        """The newest 1,000 versions of all, without their figures, by key and version."""
        with self._database.connection() as connection:
            rows = connection.execute(NEWEST, (MOST,)).fetchall()
        return [_version(row) for row in rows]


def _version(row: tuple[Any, ...]) -> Version:
    key, version, made, epoch, positions, *rest = row
    return Version(key, version, made, epoch, tuple(positions), *rest)
