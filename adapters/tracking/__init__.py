"""Where trainings are told to: MLflow where it is installed, else nowhere."""

from importlib.util import find_spec

from ml.tracking import Tracker, Untold


def tracker(uri: str | None, experiment: str) -> Tracker:
    """Tells MLflow at ``uri`` (a server, or ``file:`` and a folder); nobody where there is no URI or no MLflow, which
    the extra ``tracking`` installs."""
    if uri is None or find_spec("mlflow") is None:
        return Untold()
    from adapters.tracking.mlflow import MlflowTracker

    return MlflowTracker(uri, experiment)
