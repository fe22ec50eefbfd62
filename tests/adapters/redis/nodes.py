"""A real cluster of three primaries from the wheel, on free ports of this machine."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import redis

from adapters.embedded.account import Account
from adapters.embedded.process import last_lines, wait_until
from adapters.embedded.valkey import SETTINGS, VALKEY

SLOTS = 16_384
START_S = 30.0


class Node:
    """One Valkey, which may be killed, and started again on its folder or on an empty one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.bus = _free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self.client = redis.Redis(port=self.port)

    def start(self) -> None:
        """Returns when it has loaded its data and answers."""
        self.folder.mkdir(exist_ok=True)
        account = Account.serving(self.folder)
        account.use_programs(VALKEY.path.parent)
        account.own(self.folder)
        places = {"dir": str(self.folder), "bind": "127.0.0.1", "port": str(self.port), "cluster-port": str(self.bus)}
        mode = {"cluster-enabled": "yes", "cluster-node-timeout": "2000", "protected-mode": "no"}
        words = [word for name, value in (SETTINGS | places | mode).items() for word in (f"--{name}", value)]
        log = self.folder.with_suffix(".log")
        self._process = VALKEY.spawn(words, account, self.folder, log)
        assert wait_until(self._answers, START_S), last_lines(log)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ends it if it runs."""
        self.client.close()
        if self._process is not None:
            self.kill()

    def wipe(self) -> None:
        """It comes back as a member of the cluster that has lost all keys."""
        self.kill()
        shutil.rmtree(self.folder / "appendonlydir")
        self.start()

    def ask(self, *words: Any) -> Any:
        """One command, of this node."""
        return self.client.execute_command(*words)  # type: ignore[no-untyped-call]

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False


class Cluster:
    """Three nodes that share the slots."""

    def __init__(self, folder: Path) -> None:
        self.nodes = [Node(folder / f"node-{number}") for number in range(3)]

    @property
    def url(self) -> str:
        """Of the first two: the third is found from there."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes[:2])

    def start(self) -> None:
        """Starts the nodes, shares out the slots, and makes them know each other."""
        for number, node in enumerate(self.nodes):
            node.start()
            first, last = SLOTS * number // 3, SLOTS * (number + 1) // 3 - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
        for node in self.nodes[1:]:
            node.ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self.nodes[0].bus)
        self.wait()

    def wait(self) -> None:
        """Until every node says that all slots are served."""
        assert wait_until(lambda: all(map(_is_ok, self.nodes)), START_S), [_info(node) for node in self.nodes]


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A running one."""
    made = Cluster(folder)
    with ExitStack() as ends:
        for node in made.nodes:
            ends.callback(node.stop)
        made.start()
        yield made


def _is_ok(node: Node) -> bool:
    info = _info(node)
    return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"


def _info(node: Node) -> dict[str, str]:
    told: Any = node.ask("CLUSTER", "INFO")
    return told if isinstance(told, dict) else dict(line.split(":") for line in told.decode().split())


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
