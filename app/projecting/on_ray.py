"""The slices of a rebuild on Ray: the same folds on as many machines as there are.

Each machine needs Bespoke installed and the same servers in reach. RAY_ADDRESS names a cluster, as everywhere with Ray;
without one it is started here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from app.projecting.bulk import Done, Slice, fold_slice
from app.settings import Settings, SettingsError
from app.wiring import Wiring

RETRIES = 3


def ray_engine(settings: Settings, slices: Sequence[Slice], **options: Any) -> Iterator[Done]:
    """One task a slice; ``options`` are those of ``ray.init``. A task whose machine is lost is done again: a slice
    writes the same bytes each time. Raises SettingsError where Ray is not installed."""
    try:
        import ray
    except ImportError:
        raise SettingsError("Ray is not installed. Do: pip install 'bespoke[ray]'") from None
    ours = not ray.is_initialized()
    if ours:
        quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
        ray.init(**quiet | options)
    try:
        fold = ray.remote(max_retries=RETRIES)(_fold)
        there = ray.put(settings.model_copy(update={"var": settings.var.resolve()}))
        waiting = [fold.remote(there, each) for each in slices]
        while waiting:
            (done,), waiting = ray.wait(waiting)
            yield ray.get(done)
    finally:
        if ours:
            ray.shutdown()


def _fold(settings: Settings, task: Slice) -> Done:
    with Wiring(settings, own_servers=False) as wiring:
        return fold_slice(wiring, task)
