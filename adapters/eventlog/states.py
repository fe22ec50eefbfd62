"""Which projections somebody stopped, or stopped by their own fault: kept in PostgreSQL, so that no restart forgets."""

from adapters.postgres import Database

TABLE = """CREATE TABLE IF NOT EXISTS projection_stopped (
    projection text PRIMARY KEY, reason text NOT NULL, since timestamptz NOT NULL DEFAULT now())"""
STOP = "INSERT INTO projection_stopped (projection, reason) VALUES (%s, %s) ON CONFLICT (projection) DO NOTHING"
PAUSED = "paused"


class ProjectionStates:
    """A row for each projection that is stopped, with its reason."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_table(self) -> None:
        """Creates the table unless it is there. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(TABLE)

    def stop(self, projection: str, reason: str = PAUSED) -> None:
        """It is projected no more; the first reason stays. Raises UnavailableError."""
        with self._database.connection() as connection:
            connection.execute(STOP, (projection, reason))

    def resume(self, projection: str) -> bool:
        """It goes on where it was; whether it was stopped. Raises UnavailableError."""
        with self._database.connection() as connection:
            gone = connection.execute("DELETE FROM projection_stopped WHERE projection = %s", (projection,))
            return bool(gone.rowcount)

    def stopped(self) -> dict[str, str]:
        """Projection → why it is stopped. Raises UnavailableError."""
        with self._database.connection() as connection:
            rows = connection.execute("SELECT projection, reason FROM projection_stopped").fetchall()
        return {str(name): str(reason) for name, reason in rows}
