"""How many recommendations a worker gives, and how soon: ``make bench-serve``.

Web workers are pinned to core 0, as TorchServe and Feast are; the load generator, Valkey and PostgreSQL have core 1.
The second of two workers shares core 1 with them. Warm: everybody asked for is in the worker's memory; cold: nobody is.
"""

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from app.children import Children
from app.settings import Settings
from app.wiring import Wiring
from benchmarks import read_path
from benchmarks.serving import rivals, world
from benchmarks.serving.artefact import blend_of
from benchmarks.serving.rivals import SkippedError, torchserve
from benchmarks.where import where
from ml.score.blend import load

WEB, REST = 0, 1
PLACEMENTS = ("home", "home", "home", "product", "category", "complete_the_look", "cart", "post_purchase")
CONNECTIONS, WARM_PEOPLE, SHARE = 8, 4_000, 0.65


def main() -> None:
    """Prints the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--items", type=int, default=250_000)
    options.add_argument("--people", type=int, default=100_000)
    options.add_argument("--few", type=int, default=10_000, help="items of the smaller shop")
    options.add_argument("--seconds", type=float, default=20.0)
    options.add_argument("--folder", type=Path, default=Path("var/bench-serve"))
    options.add_argument("--no-rivals", action="store_true")
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    large = served(given.folder, given.items, given.people, given.seconds, two=True)
    small = served(given.folder, given.few, min(given.people, 20_000), given.seconds, two=False)
    figures = {
        "serve_rps": large["cold"]["saturated"]["rps"],
        "serve_p50_ms": large["cold"]["at_65"]["p50_ms"],
        "serve_p99_ms": large["cold"]["at_65"]["p99_ms"],
        "warm_rps": large["warm"]["saturated"]["rps"],
        "warm_p50_ms": large["warm"]["at_65"]["p50_ms"],
        "warm_p99_ms": large["warm"]["at_65"]["p99_ms"],
        "two_workers_vs_one": round(large["two"]["rps"] / large["warm"]["saturated"]["rps"], 3),
        "p99_250k_vs_10k": round(large["cold"]["at_65"]["p99_ms"] / small["cold"]["at_65"]["p99_ms"], 3),
        "worker_rss_mb": large["rss_mb"],
        "worker_private_mb": large["private_mb"],
        "record_p99_ms": record_p99_ms(),
    }
    if not given.no_rivals:
        figures |= beside(given.folder, given.items, given.people, large)
    print(json.dumps({"large": large, "small": small}), file=sys.stderr)
    print(json.dumps(figures | where()))


def served(folder: Path, items: int, people: int, seconds: float, *, two: bool) -> dict[str, Any]:
    """One worker cold and warm, and two of them."""
    settings = world.settings_of(folder, items)
    with Wiring(settings) as wiring, ExitStack() as stack:
        skus = world.made(wiring, folder, items, people)
        pin_servers(wiring)
        found: dict[str, Any] = {}
        children = stack.enter_context(Children(settings))
        pin(children.start("receipts", "drain", "--follow").pid, REST)
        with worker(settings, WEB) as (port, pid):
            cold = paths(skus, range(people), 20_000)
            found["cold"] = measured(port, pid, settings, cold, seconds)
            found |= memory_mb(pid)
        with worker(settings, WEB) as (port, pid):
            warm = paths(skus, range(min(WARM_PEOPLE, people)), 20_000)
            load_on([port], settings, paths(skus, range(min(WARM_PEOPLE, people)), 8_000), 0, seconds)
            found["warm"] = measured(port, pid, settings, warm, seconds)
            if two:
                with worker(settings, REST) as (second, _):
                    load_on([port, second], settings, warm, 0, seconds / 2, 2 * CONNECTIONS)
                    before = cpu_seconds(wiring)
                    found["two"] = load_on([port, second], settings, warm, 0, seconds, 2 * CONNECTIONS)
                    found["two"]["servers_cpu_s"] = round(cpu_seconds(wiring) - before, 2)
        return found


def measured(port: int, pid: int, settings: Settings, asked: Sequence[str], seconds: float) -> dict[str, Any]:
    """As fast as it goes, then at ``SHARE`` of that. ``cpu_ms``: what the worker takes for an answer, whatever else
    the machine does."""
    before = cpu_of([pid])
    saturated = load_on([port], settings, asked, 0, seconds)
    saturated["cpu_ms"] = round((cpu_of([pid]) - before) * 1000 / max(1, sum(saturated["statuses"].values())), 3)
    print(f"CPU an answer: {saturated['cpu_ms']} ms", file=sys.stderr, flush=True)
    rate = SHARE * saturated["rps"]
    return {"saturated": saturated, "at_65": load_on([port], settings, asked[::-1], rate, seconds, 64)}


def load_on(
    ports: Sequence[int],
    settings: Settings,
    asked: Sequence[str],
    rate: float,
    seconds: float,
    size: int = CONNECTIONS,
) -> dict[str, Any]:
    """What the load generator saw, as a process on the other core."""
    wanted = {"ports": list(ports), "rate": rate, "seconds": seconds, "size": size, "paths": list(asked)}
    wanted["key"] = settings.generated_keys()["server"]
    command = ["taskset", "-c", str(REST), sys.executable, "-m", "benchmarks.serving.load"]
    done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=True)
    seen: dict[str, Any] = json.loads(done.stdout)
    print(f"{len(ports)} worker(s), rate {rate or 'most'}: {seen}", file=sys.stderr, flush=True)
    return seen


def paths(skus: Sequence[str], people: range, count: int) -> list[str]:
    """Questions of all placements, each for one of the people."""
    chance, asked = random.Random(3), []
    for _ in range(count):
        placement = chance.choice(PLACEMENTS)
        path = f"/v1/recommendations?placement={placement}&anonymous_id={world.person(chance.choice(people))}"
        if placement in ("product", "complete_the_look"):
            path += f"&item={skus[chance.randrange(len(skus))]}"
        if placement == "category":
            path += f"&category=Skirts%20{chance.randrange(20)}"
        asked.append(path)
    return asked


@contextmanager
def worker(settings: Settings, core: int) -> Iterator[tuple[int, int]]:
    """A web process on a core; its port and its id."""
    port = free_port()
    with Children(settings.model_copy(update={"port": port})) as children:
        child = children.start("serve")
        pin(child.pid, core)
        wait_until_answered(settings, port, child)
        yield port, child.pid


def pin(pid: int, core: int) -> None:
    """A process with all its threads."""
    for thread in (pid, *map(int, os.listdir(f"/proc/{pid}/task"))):
        os.sched_setaffinity(thread, {core})


def wait_until_answered(settings: Settings, port: int, child: "subprocess.Popen[bytes]") -> None:
    """Until a full answer comes."""
    until = time.monotonic() + 180
    while time.monotonic() < until and child.poll() is None:
        time.sleep(0.5)
        try:
            seen = load_quietly(settings, port)
        except (OSError, ValueError, subprocess.SubprocessError):
            continue
        if seen.get("served", {}).get("full"):
            return
    raise RuntimeError("the web process does not answer")


def load_quietly(settings: Settings, port: int) -> dict[str, Any]:
    """One question."""
    wanted = {"ports": [port], "rate": 20, "seconds": 0.1, "size": 1, "paths": ["/v1/recommendations"]}
    wanted["key"] = settings.generated_keys()["server"]
    command = [sys.executable, "-m", "benchmarks.serving.load"]
    done = subprocess.run(command, input=json.dumps(wanted), capture_output=True, text=True, check=True, timeout=30)
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def pin_servers(wiring: Wiring) -> None:
    """PostgreSQL and Valkey, with their children, to the core of the rest."""
    for pid in server_pids(wiring):
        os.sched_setaffinity(pid, {REST})
    os.sched_setaffinity(0, {REST})


def server_pids(wiring: Wiring) -> list[int]:
    """The servers' processes."""
    folder = str(wiring.settings.var.resolve())
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            line = Path(f"/proc/{entry}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if ("valkey-server" in line or "postgres" in line.split("\0")[0]) and (
            folder in line or _of(int(entry), folder)
        ):
            found.append(int(entry))
    return found


def _of(pid: int, folder: str) -> bool:
    """Whether a process works in the folder."""
    try:
        return os.readlink(f"/proc/{pid}/cwd").startswith(folder)
    except OSError:
        return False


def cpu_seconds(wiring: Wiring) -> float:
    """What the servers have taken so far."""
    return cpu_of(server_pids(wiring))


def cpu_of(pids: Sequence[int]) -> float:
    """Seconds of CPU that processes have taken so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> dict[str, float]:
    """Resident, and what of it no other process can share."""
    sizes = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] = int(rest.split()[0])
    private = sizes["Private_Dirty"] + sizes["Private_Clean"]
    return {"rss_mb": round(sizes["Rss"] / 1024), "private_mb": round(private / 1024)}


def record_p99_ms() -> float:
    """Reading and decoding a record through our own connection."""
    command = ["taskset", "-c", str(WEB), sys.executable, "-m", read_path.__name__]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return round(json.loads(done.stdout.strip().splitlines()[-1])["wire"]["p99_us"] / 1000, 3)


def beside(folder: Path, items: int, people: int, ours: dict[str, Any]) -> dict[str, Any]:
    """TorchServe and Feast in the same run; a ratio above 1 says that ours is faster. Where one does not install or
    start, the reason stands in the place of its figure."""
    found: dict[str, Any] = {}
    whole = ours["warm"]["alone"]["p50_ms"] if "alone" in ours["warm"] else ours["warm"]["at_65"]["p50_ms"]
    try:
        models, artefact = blend_of(folder / "models", items)
        theirs = torchserve.measured(folder / "rivals", load(models, artefact).models["ncf"], WEB)
        found |= {"torchserve_vs_ours": round(theirs["p50_ms"] / whole, 2), "torchserve_p50_ms": theirs["p50_ms"]}
    except SkippedError as reason:
        found["torchserve_vs_ours"] = str(reason)
    try:
        with Wiring(world.settings_of(folder, items)) as wiring:
            theirs = rivals.feast(folder / "rivals", redis_of(wiring), people, WEB)
        found |= {"feast_vs_ours": round(theirs["p50_ms"] / record_p50_ms(), 2), "feast_p50_ms": theirs["p50_ms"]}
    except SkippedError as reason:
        found["feast_vs_ours"] = str(reason)
    return found


def redis_of(wiring: Wiring) -> str:
    """The Valkey of the world as host:port, opened on loopback for Feast, which takes no Unix socket."""
    port = free_port()
    wiring.redis.config_set("bind", "127.0.0.1")
    wiring.redis.config_set("port", port)
    return f"127.0.0.1:{port}"


def record_p50_ms() -> float:
    """Reading and decoding a record: what Feast's read stands beside."""
    command = ["taskset", "-c", str(WEB), sys.executable, "-m", read_path.__name__]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.strip().splitlines()[-1])["wire"]["p50_us"]) / 1000


def free_port() -> int:
    """On loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
    sys.exit(0)
