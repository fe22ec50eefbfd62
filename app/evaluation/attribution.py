"""What attribution models say of a file of paths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from time import perf_counter, process_time

from adapters.datasets.paths import Columns, read
from projections.attribution.models import Credited, Options, credit
from projections.attribution.paths import MILLION


@dataclass(frozen=True, slots=True)
class Found:
    """Values in millionths of the file's unit, conversions in millionths of one. ``unattributed``: of paths without a
    channel. ``models``: in the order asked for."""

    channels: tuple[str, ...]
    rows: int
    paths: int
    rounded: int
    conversions: int
    value: int
    nulls: int
    unattributed_conversions: int
    unattributed_value: int
    models: tuple[Credited, ...]
    read_s: float
    models_s: float
    cpu_s: float

    def exact(self) -> bool:
        """Whether each model's credits and what is unattributed sum to all there is."""
        return all(
            sum(each.value for each in model.credits.values()) + self.unattributed_value == self.value
            and sum(each.conversions for each in model.credits.values()) + self.unattributed_conversions
            == self.conversions
            for model in self.models
        )


def evaluate(
    file: File, columns: Columns, models: Sequence[str], options: Options, step: Callable[[int], None] = lambda n: None
) -> Found:
    """Raises ValueError for a file that cannot be read, and for models that cannot be solved."""
    began, cpu = perf_counter(), process_time()
    told = read(file, columns, step)
    was_read = perf_counter()
    made = tuple(credit(model, told.paths, options) for model in models)
    bare = [path for path in told.paths if not path.channels]
    return Found(
        tuple(sorted({channel for path in told.paths for channel in path.channels})),
        told.rows,
        len(told.paths),
        told.rounded,
        MILLION * sum(path.conversions for path in told.paths),
        sum(path.value for path in told.paths),
        sum(path.nulls for path in told.paths),
        MILLION * sum(path.conversions for path in bare),
        sum(path.value for path in bare),
        made,
        was_read - began,
        perf_counter() - was_read,
        process_time() - cpu,
    )
