"""Trainings told to the real MLflow, kept in a folder."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from adapters.tracking import tracker
from ml.tracking import Untold

mlflow = pytest.importorskip("mlflow", reason="needs the extra tracking")


def told(folder: Path) -> tuple[Any, Any]:
    """MLflow's client, and the one run in the folder."""
    client = mlflow.MlflowClient(tracking_uri=folder.as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("shop").experiment_id])
    return client, run


def test_a_run_with_parameters_metrics_by_step_and_the_digest(tmp_path: Path) -> None:
    folder = tmp_path / "ml flow"
    with tracker(folder.as_uri(), "shop").run("next-item", {"decay": 0.3, "backward": "0.6"}) as run:
        run.param("affinity", 0.5)
        for step in range(3):
            run.metric("hr@20", step / 10, step)
        run.tag("artefact", "a" * 64)
    client, found = told(folder)
    assert found.data.params == {"decay": "0.3", "backward": "0.6", "affinity": "0.5"}
    assert found.data.tags["artefact"] == "a" * 64
    history = client.get_metric_history(found.info.run_id, "hr_at_20")
    assert [(each.step, each.value) for each in history] == [(0, 0.0), (1, 0.1), (2, 0.2)]
    assert (found.info.status, found.info.run_name) == ("FINISHED", "next-item")


@pytest.mark.parametrize(("error", "state"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_a_run_that_ends_in_an_error_says_so(tmp_path: Path, error: type[BaseException], state: str) -> None:
    with pytest.raises(error), tracker(tmp_path.as_uri(), "shop").run("next-item", {}):
        raise error
    assert told(tmp_path)[1].info.status == state


def test_nobody_is_named(tmp_path: Path) -> None:
    with tracker(tmp_path.as_uri(), "shop").run("next-item", {"decay": 0.3}) as run:
        run.metric("hr@20", 0.5)
    _, found = told(tmp_path)
    assert set(found.data.tags) == {"mlflow.runName"}
    assert found.info.user_id in ("", "unknown")


def test_a_server_that_is_away_costs_a_warning_and_little_time(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        before = time.monotonic()
        with tracker(f"http://127.0.0.1:{bound.getsockname()[1]}", "shop").run("next-item", {"a": 1}) as run:
            run.metric("hr@20", 0.5)
            run.tag("artefact", "b")
    assert time.monotonic() - before < 20
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("bespoke")]
    assert ours == ["MLflow does not take what it is told: MlflowException"]


def test_a_folder_that_is_lost_meanwhile_is_no_error(tmp_path: Path) -> None:
    with tracker(tmp_path.as_uri(), "shop").run("next-item", {}) as run:
        for path in sorted(tmp_path.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        run.metric("hr@20", 0.5)
        run.tag("artefact", "b")


def test_nothing_is_sent_to_the_makers_of_mlflow(tmp_path: Path) -> None:
    script = """
import sys
from adapters.tracking import tracker
with tracker(sys.argv[1], "shop").run("next-item", {}) as run:
    run.metric("hr@20", 0.5)
from mlflow.telemetry import get_telemetry_client
print(get_telemetry_client())
"""
    done = subprocess.run([sys.executable, "-c", script, tmp_path.as_uri()], capture_output=True, text=True, timeout=60)
    assert done.stdout == "None\n", done.stderr


def test_without_a_place_nothing_is_told() -> None:
    assert isinstance(tracker(None, "shop"), Untold)
    with tracker(None, "shop").run("next-item", {"decay": 1}) as run:
        run.metric("hr@20", 0.5)
        run.tag("artefact", "b")
