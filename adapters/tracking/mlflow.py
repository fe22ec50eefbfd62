"""Trainings told to MLflow through its own client. Names of users, machines and files are not told."""

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ml.tracking import Run, Untold

#: MLflow reads these, the first when it is imported: it sends nothing to its makers, may keep runs in a folder, and
#: asks a server that is away twice at most.
for _name_, _value in (
    ("MLFLOW_DISABLE_TELEMETRY", "true"),
    ("MLFLOW_ALLOW_FILE_STORE", "true"),
    ("MLFLOW_HTTP_REQUEST_TIMEOUT", "10"),
    ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1"),
):
    os.environ.setdefault(_name_, _value)

from mlflow import MlflowClient  # noqa: E402

LOGGER = logging.getLogger("bespoke.tracking")
OTHER = re.compile(r"[^\w\-. :/]")
MOST_LETTERS = 500
FINISHED, FAILED, KILLED = "FINISHED", "FAILED", "KILLED"


class MlflowTracker:
    """Runs of one experiment, which is made when it is missing."""

    def __init__(self, uri: str, experiment: str) -> None:
        self._uri, self._experiment = uri, experiment

    @contextmanager
    def run(self, name: str, params: Mapping[str, object]) -> Iterator[Run]:
        """A run; where MLflow does not take it, a warning is logged and the training goes on untold."""
        begun = _tried(lambda: self._begin(name, params))
        if begun is None:
            yield Untold()
            return
        try:
            yield begun
        except Exception:
            begun.end(FAILED)
            raise
        except BaseException:
            begun.end(KILLED)
            raise
        begun.end(FINISHED)

    def _begin(self, name: str, params: Mapping[str, object]) -> "MlflowRun":
        client = MlflowClient(tracking_uri=self._uri, registry_uri=self._uri)
        found = client.get_experiment_by_name(self._experiment)
        experiment = found.experiment_id if found else client.create_experiment(self._experiment)
        run = client.create_run(experiment, run_name=name)
        for param, value in params.items():
            client.log_param(run.info.run_id, _name(param), str(value)[:MOST_LETTERS])
        return MlflowRun(client, run.info.run_id)


class MlflowRun:
    """One run. After the first failure MLflow is not asked again, so that a server that is away costs little time."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._id = client, run_id
        self._lost = False

    def param(self, name: str, value: object) -> None:
        """A part of the configuration that is known only now."""
        self._tell(lambda: self._client.log_param(self._id, _name(name), str(value)[:MOST_LETTERS]))

    def metric(self, name: str, value: float, step: int = 0) -> None:
        """A finite number at a step."""
        self._tell(lambda: self._client.log_metric(self._id, _name(name), float(value), step=step))

    def tag(self, name: str, value: str) -> None:
        """A short text."""
        self._tell(lambda: self._client.set_tag(self._id, _name(name), value[:MOST_LETTERS]))

    def end(self, state: str) -> None:
        """The run is over."""
        self._tell(lambda: self._client.set_terminated(self._id, state))

    def _tell(self, what: Callable[[], object]) -> None:
        if not self._lost:
            self._lost = _tried(lambda: (what(),)) is None


def _tried(what: Callable[[], Any]) -> Any:
    """What it gives, or None and a warning; the text of MLflow's error may hold paths and addresses."""
    try:
        return what()
    except Exception as error:
        LOGGER.warning("MLflow does not take what it is told: %s", type(error).__name__)
        return None


def _name(name: str) -> str:
    """Without what MLflow does not take in names: ``hr@20`` is told as ``hr_at_20``."""
    return OTHER.sub("_", name.replace("@", "_at_"))[:MOST_LETTERS]
