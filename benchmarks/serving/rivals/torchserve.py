"""TorchServe with one worker, the same NCF, 500 candidates a request, on the core that our worker is measured on."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from benchmarks.serving.rivals import HERE, SkippedError, environment
from ml.ncf.score import Ncf

REQUIREMENTS = ("torchserve==0.12.0", "torch==2.13.0", "torch-model-archiver", "numpy", "pyyaml", "setuptools<81")
CANDIDATES, HISTORY, REQUESTS, WARM = 500, 10, 1_000, 200
PATIENCE_S = 90
ARRAYS = ("items", "halves", "ago", "fit", "recent", "centroid", "user_half", "user_bias", "inner", "inner_bias")


def measured(folder: Path, model: Ncf, core: int, port: int = 9981) -> dict[str, float]:
    """Median and 99th percentile of a request, ms. Raises SkippedError."""
    if shutil.which("java") is None:
        raise SkippedError("TorchServe needs Java")
    python = environment(folder / "torchserve", REQUIREMENTS)
    _archive(folder, python, model)
    with _running(folder, python, core, port):
        return _asked(port, len(model.bias))


def _archive(folder: Path, python: Path, model: Ncf) -> None:
    arrays = {name: np.asarray(getattr(model, name)) for name in (*ARRAYS, "last", "bias")}
    np.savez(folder / "ncf.npz", scale=np.float32(model.scale), **arrays)
    (folder / "store").mkdir(exist_ok=True)
    command = [python.parent / "torch-model-archiver", "--model-name", "ncf", "--version", "1", "--force"]
    command += ["--serialized-file", folder / "ncf.pt", "--handler", HERE / "torchserve_handler.py"]
    try:
        export = [python, HERE / "torchserve_export.py", folder / "ncf.npz", folder / "ncf.pt"]
        for step in (export, [*command, "--export-path", folder / "store"]):
            subprocess.run(step, check=True, capture_output=True, timeout=PATIENCE_S)
    except subprocess.SubprocessError as error:
        raise SkippedError(f"the model is not taken: {type(error).__name__}") from error


@contextmanager
def _running(folder: Path, python: Path, core: int, port: int) -> Iterator[None]:
    settings = {
        "inference_address": f"http://127.0.0.1:{port}",
        "management_address": f"http://127.0.0.1:{port + 1}",
        "metrics_address": f"http://127.0.0.1:{port + 2}",
        "default_workers_per_model": "1",
        "disable_token_authorization": "true",
    }
    (folder / "ts.properties").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command = ["taskset", "-c", str(core), python.parent / "torchserve", "--foreground", "--model-store"]
    command += [folder / "store", "--models", "ncf=ncf.mar", "--ts-config", folder / "ts.properties"]
    path = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    with (folder / "torchserve.log").open("wb") as log:
        started = subprocess.Popen(command, stdout=log, stderr=log, env=path, cwd=folder, start_new_session=True)
    try:
        _wait(port, started)
        yield
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        started.wait(30)


def _wait(port: int, started: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and started.poll() is None:
        try:
            _ask(HTTPConnection("127.0.0.1", port, timeout=5), [1, 2], [3, 4])
            return
        except (OSError, ValueError):
            time.sleep(0.5)
    raise SkippedError("TorchServe does not start")


def _asked(port: int, items: int) -> dict[str, float]:
    chance, times = random.Random(1), []
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    for _ in range(REQUESTS + WARM):
        history, candidates = (chance.sample(range(items), size) for size in (HISTORY, CANDIDATES))
        began = time.perf_counter()
        _ask(connection, history, candidates)
        times.append((time.perf_counter() - began) * 1000)
    ordered = sorted(times[WARM:])
    return {"p50_ms": ordered[REQUESTS // 2], "p99_ms": ordered[int(0.99 * REQUESTS)]}


def _ask(connection: HTTPConnection, history: list[int], candidates: list[int]) -> None:
    body = json.dumps({"history": history, "candidates": candidates})
    connection.request("POST", "/predictions/ncf", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200 or len(json.loads(content)) != len(candidates):
        raise ValueError(f"status {answer.status}")
