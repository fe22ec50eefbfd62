"""Both servers on one folder: whoever comes first starts and stops them, whoever comes later joins.

Two locks in the folder say who is who. ``servers.lock`` is held for the moment of starting, joining or
stopping, so nobody sees a half of it. ``servers.owner`` is held by the owner for as long as it lives, and
says where the sockets are. The kernel releases both when a process dies, so after a ``kill -9`` the next one
becomes the owner, ends what is left of the old servers and starts them anew on the same data.
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerError, NoAnswerError
from adapters.embedded.locks import FileLock
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.process import wait_until
from adapters.embedded.sockets import socket_folder
from adapters.embedded.valkey import EmbeddedValkey

TURN_S = 180.0  # the longest that another may take to start (recovery) or to stop


class EmbeddedServers:
    """PostgreSQL and Valkey with their data under ``var``. Start in the main thread: they die with it."""

    def __init__(self, var: Path) -> None:
        self.var = var.resolve()
        self._turn = FileLock(self.var / "servers.lock")
        self._ownership = FileLock(self.var / "servers.owner")
        self._owner_pid: int | None = None
        self._postgres: EmbeddedPostgres | None = None
        self._valkey: EmbeddedValkey | None = None

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The event log's server. Raises EmbeddedServerError before start."""
        if self._postgres is None:
            raise EmbeddedServerError("The embedded servers have not been started")
        return self._postgres

    @property
    def valkey(self) -> EmbeddedValkey:
        """The read models' server. Raises EmbeddedServerError before start."""
        if self._valkey is None:
            raise EmbeddedServerError("The embedded servers have not been started")
        return self._valkey

    @property
    def postgres_url(self) -> str:
        """For psycopg. Raises EmbeddedServerError before start."""
        return self.postgres.url

    @property
    def redis_url(self) -> str:
        """For redis-py. Raises EmbeddedServerError before start."""
        return self.valkey.url

    @property
    def owned(self) -> bool:
        """Whether this process started the servers, and so will stop them."""
        return self._owner_pid == os.getpid()

    def start(self) -> None:
        """Starts both servers, or joins those that run. Raises EmbeddedServerError with what to do."""
        if self._postgres is not None:
            return
        with self._my_turn():
            if self._ownership.try_acquire():
                self._start()
            else:
                self._join()

    def attach(self, limit_s: float = 30.0) -> None:
        """Waits for another process's servers and joins them, starts none. Raises EmbeddedServerError."""
        if self._postgres is None and not wait_until(self._joined, limit_s):
            raise EmbeddedServerError(f"No embedded servers on {self.var}. Start them: bespoke servers")

    def stop(self) -> None:
        """Stops what this process started, and only lets go of what another did."""
        if self.owned:
            with self._my_turn():
                self._stop()
        self._postgres = self._valkey = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        try:
            self.var.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(f"Cannot make {self.var}: {error.strerror}") from error
        self._turn.acquire(TURN_S)
        try:
            yield
        finally:
            self._turn.release()

    def _start(self) -> None:
        self._owner_pid = os.getpid()
        try:
            sockets = socket_folder(self.var)
            Account.serving(self.var / "postgres").own(sockets)
            self._locate(sockets)
            self.valkey.launch()
            self.postgres.launch()
            self.valkey.wait()
            self.postgres.wait()
            note = {"pid": self._owner_pid, "sockets": str(self.postgres.socket_dir)}
            self._ownership.leave_note(json.dumps(note))
        except BaseException:
            self._stop()
            self._postgres = self._valkey = None
            raise

    def _stop(self) -> None:
        """Each step is tried whatever becomes of the others."""
        with ExitStack() as steps:
            steps.callback(self._let_go)
            if self._postgres is not None:
                steps.callback(self._postgres.stop)
            if self._valkey is not None:
                steps.callback(self._valkey.stop)

    def _let_go(self) -> None:
        with suppress(OSError):
            if self._postgres is not None:
                self._postgres.socket_dir.rmdir()
        self._owner_pid = None
        self._ownership.release()

    def _joined(self) -> bool:
        with self._my_turn():
            if self._ownership.try_acquire():
                self._ownership.release()
                return False
            self._join()
        return True

    def _join(self) -> None:
        note = json.loads(self._ownership.note())
        self._locate(Path(note["sockets"]))
        if not (self.postgres.running and self.valkey.running):
            self._postgres = self._valkey = None
            raise NoAnswerError(
                f"Process {note['pid']} owns the servers, but they do not answer. Stop it and start again"
            )

    def _locate(self, sockets: Path) -> None:
        self._postgres = EmbeddedPostgres(self.var / "postgres", sockets)
        self._valkey = EmbeddedValkey(self.var / "valkey", sockets / "valkey.sock")
