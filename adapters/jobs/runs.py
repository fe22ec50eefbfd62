"""What became of the latest run of each job."""

from typing import Any

import msgspec

from adapters.redis import Client, translated
from readmodels import keys


class Run(msgspec.Struct, frozen=True):
    """``state``: running, done, held (a model was made that is worse than the one in use), skipped,
    interrupted or failed. ``at_ms``: the latest news. ``done`` of ``total``: how
    far, in steps. ``result``: the digest of the artefact that was made. ``error``: the type of what went wrong."""

    state: str
    started_ms: int
    at_ms: int
    done: int = 0
    total: int = 0
    result: str | None = None
    error: str | None = None


class Runs:
    """The latest run by job. Raises UnavailableError."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._key = client, keys.job_runs(namespace)

    def tell(self, job: str, run: Run) -> None:
        """Replaces what was known."""
        with translated():
            self._client.hset(self._key, job, msgspec.json.encode(run))

    def all(self) -> dict[str, Run]:
        """Job → its latest run."""
        with translated():
            found: Any = self._client.hgetall(self._key)
        return {name.decode(): msgspec.json.decode(value, type=Run) for name, value in sorted(found.items())}
