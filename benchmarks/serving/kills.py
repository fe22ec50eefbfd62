"""Recommendations under load while what serves them is killed, and exchanged: ``make drill-serve``.

Redis and PostgreSQL are killed (-9) and come back after a while; of two workers one is killed (-9), or asked to stop
(SIGTERM), and started again; another blend is promoted, other rules are published. Each in turn, as often as asked.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from adapters.embedded import EmbeddedServerError
from app.children import Children
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.serving import world
from benchmarks.serving.__main__ import free_port, paths, wait_until_answered
from benchmarks.serving.callers import Call
from benchmarks.serving.swaps import SWAPS, Swaps
from benchmarks.where import where

LANES = 16
#: A server that was killed stays away for so long. What a fault changed is over so long after it is mended.
AWAY_S, AFTER_S = 6.0, 4.0
PART = 2_000
FAULTS = ("redis", "postgres", "worker_kill", "worker_stop")
TURNS = FAULTS + SWAPS


class Fault(NamedTuple):
    """``what`` was wrong from ``from_s`` to ``to_s``, seconds since 1970."""

    what: str
    from_s: float
    to_s: float


class House:
    """The world's servers, a projector, what moves receipts, and two workers."""

    def __init__(self, wiring: Wiring, children: Children, skus: Sequence[str]) -> None:
        self._wiring, self._children = wiring, children
        swaps = Swaps(wiring, skus)
        self.model_swap, self.rules_swap = swaps.model_swap, swaps.rules_swap
        self.ports = [free_port(), free_port()]
        children.start("project", "--follow")
        children.start("receipts", "drain", "--follow")
        self._workers = [self._worker(port) for port in self.ports]

    def redis(self) -> None:
        """Killed, away, back."""
        self._killed(lambda: self._wiring.servers.valkey.pid)

    def postgres(self) -> None:
        """Killed, away, back."""
        self._killed(lambda: self._wiring.servers.postgres.pid)

    def worker_kill(self) -> None:
        """One worker; the next time the other one."""
        self._end(signal.SIGKILL)

    def worker_stop(self) -> None:
        """The same, asked to stop."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Ends the workers."""
        for worker in self._workers:
            worker.terminate()
            worker.wait(20)

    def _killed(self, pid: Callable[[], int | None]) -> None:
        os.kill(pid() or 0, signal.SIGKILL)
        time.sleep(AWAY_S)
        while True:
            with suppress(EmbeddedServerError):
                self._wiring.revive_servers()
                return

    def _end(self, sign: signal.Signals) -> None:
        worker, port = self._workers.pop(0), self.ports[0]
        worker.send_signal(sign)
        worker.wait(30)
        self.ports.reverse()
        self._workers.append(self._worker(port))

    def _worker(self, port: int) -> "subprocess.Popen[bytes]":
        """Answers when this returns."""
        settings = self._wiring.settings.model_copy(update={"port": port})
        command = [sys.executable, "-m", "app.cli", "serve"]
        with (settings.var / "logs" / f"serve-{port}.log").open("ab") as log:
            worker = subprocess.Popen(command, env=os.environ | settings.environment(), stdout=log, stderr=log)
        wait_until_answered(settings, port, worker)
        return worker


def main() -> None:
    """Prints one JSON line last; fails where a request was lost or a 5xx was answered."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--times", type=int, default=3, help="each fault, and each exchange")
    options.add_argument("--rate", type=float, default=100.0, help="requests a second")
    options.add_argument("--items", type=int, default=10_000)
    options.add_argument("--people", type=int, default=20_000)
    options.add_argument("--folder", type=Path, default=Path("var/bench-serve"))
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    settings = world.settings_of(given.folder, given.items)
    with Wiring(settings) as wiring, Children(settings) as children:
        skus = world.made(wiring, given.folder, given.items, given.people)
        house = House(wiring, children, skus)
        try:
            asked = paths(skus, range(given.people), 20_000)
            calls, faults = drilled(house, settings, asked, given.rate, given.minutes * 60, given.times)
        finally:
            house.close()
        children.stop()
        missing = without_receipt(wiring, calls)
    figures = judged(calls, faults) | {"receipts_missing": missing}
    print(json.dumps(figures | {"rate": given.rate, "minutes": given.minutes} | where()))
    sys.exit(bool(figures["lost"] or figures["server_errors"] or figures["receipts_missing"]))


def drilled(
    house: House, settings: Settings, asked: Sequence[str], rate: float, seconds: float, times: int
) -> tuple[list[Call], list[Fault]]:
    """The load on one side, the faults on the other, evenly over the time."""
    wanted = {"ports": house.ports, "lanes": LANES, "rate": rate, "seconds": seconds, "paths": list(asked)}
    wanted["key"] = settings.generated_keys()["server"]
    told: list[str] = []

    def load() -> None:
        command = [sys.executable, "-m", "benchmarks.serving.callers"]
        told.append(
            subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=True).stdout
        )

    loading = threading.Thread(target=load)
    loading.start()
    began, due, faults = time.monotonic(), list(TURNS) * times, list[Fault]()
    random.Random(1).shuffle(due)
    for number, what in enumerate(due):
        time.sleep(max(0.0, began + seconds * (number + 0.5) / len(due) - time.monotonic()))
        from_s = time.time()
        getattr(house, what)()
        faults.append(Fault(what, from_s, time.time()))
        print(f"{what}: {faults[-1].to_s - from_s:.1f} s", file=sys.stderr, flush=True)
    loading.join()
    return [Call(*call) for call in json.loads(told[0])], faults


def judged(calls: Sequence[Call], faults: Sequence[Fault]) -> dict[str, Any]:
    """What became of the requests. A connection may break under one only when its worker is killed."""
    killed = [fault for fault in faults if fault.what == "worker_kill"]
    broken = [call for call in calls if not call.status]
    excused = [c for c in broken if any(f.from_s - c.ms / 1000 - 0.1 <= c.at_s <= f.from_s + 0.1 for f in killed)]
    away = [fault for fault in faults if fault.what in ("redis", "postgres")]
    exchanged = [fault for fault in faults if fault.what in SWAPS]
    degraded = [c.ms for c in calls if c.status == 200 and (c.degraded or _during(c, away))]
    return {
        "requests": len(calls),
        "lost": len(broken) - len(excused),
        "reset_by_kill": len(excused),
        "server_errors": sum(call.status >= 500 for call in calls),
        "other_statuses": sum(call.status not in (0, 200) and call.status < 500 for call in calls),
        "faults": len(faults),
        "degraded": len(degraded),
        "degraded_by": dict(Counter(call.degraded.replace('"', "") for call in calls if call.degraded)),
        "degraded_p50_ms": percentile(degraded, 0.5),
        "degraded_p99_ms": percentile(degraded, 0.99),
        "p50_ms": percentile([call.ms for call in calls if call.status == 200], 0.5),
        "p99_ms": percentile([call.ms for call in calls if call.status == 200], 0.99),
        "max_ms": round(max((call.ms for call in calls), default=0.0), 1),
        "p99_ms_by_fault": {what: _by_fault(calls, [f for f in faults if f.what == what]) for what in TURNS},
        "swap_max_ms": round(max((c.ms for c in calls if _during(c, exchanged)), default=0.0), 1),
    }


def _by_fault(calls: Sequence[Call], faults: Sequence[Fault]) -> float:
    return percentile([call.ms for call in calls if call.status == 200 and _during(call, faults)], 0.99)


def _during(call: Call, faults: Sequence[Fault]) -> bool:
    return any(fault.from_s <= call.at_s <= fault.to_s + AFTER_S for fault in faults)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of them do not exceed; 0 of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2) if ordered else 0.0


def without_receipt(wiring: Wiring, calls: Sequence[Call]) -> int:
    """How many answers have none, once all that waits on this machine is stored."""
    while wiring.mover().move():
        pass
    ids = [UUID(call.decision) for call in calls if call.decision]
    parts = [ids[begin : begin + PART] for begin in range(0, len(ids), PART)]
    return len(ids) - sum(len(wiring.receipts.some(part)) for part in parts)


if __name__ == "__main__":
    main()
