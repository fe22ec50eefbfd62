"""For which times jobs were emitted, and for which they are done."""

from adapters.redis import Client, translated
from readmodels import keys


class Times:
    """By job, in ms since 1970. One clock writes what was emitted, one training at a time what is done. Raises
    UnavailableError."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._key = client, keys.job_times(namespace)

    def emitted(self, job: str) -> int | None:
        """Up to when; None where Redis knows of nothing."""
        return self._get(job)

    def mark_emitted(self, job: str, due_ms: int) -> None:
        """The job that was due then is in the queue."""
        self._set(job, due_ms)

    def done(self, job: str) -> int | None:
        """Up to when."""
        return self._get(f"{job}:done")

    def mark_done(self, job: str, due_ms: int) -> None:
        """The job that was due then is done, and all before it."""
        self._set(f"{job}:done", max(due_ms, self.done(job) or 0))

    def _get(self, field: str) -> int | None:
        with translated():
            found = self._client.hget(self._key, field)
        return int(found) if isinstance(found, bytes) else None

    def _set(self, field: str, value: int) -> None:
        with translated():
            self._client.hset(self._key, field, str(value))
