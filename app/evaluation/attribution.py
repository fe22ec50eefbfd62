"""What attribution models say of a file of paths."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from time import perf_counter, process_time

from adapters.datasets.paths import Columns, read
from projections.attribution.models import Credited, Options, credit
from projections.attribution.paths import MILLION


@dataclass(frozen=True, slots=True)
class Found:
    """Values in millionths of the file's unit, conversions in millionths of one. ``unattributed``: of paths without a
    channel. ``models``: in the order asked for; ``refused``: those of them that cannot be computed, and why.
    ``missing``: columns that the file has not, and that counted as 0."""

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
    refused: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

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
    """Raises ValueError for a file that cannot be read, and where none of the models can be computed."""
    began, cpu = perf_counter(), process_time()
    told = read(file, columns, step)
    was_read = perf_counter()
    made, refused = list[Credited](), dict[str, str]()
    for model in models:
        try:
            made.append(credit(model, told.paths, options))
        except ValueError as error:
            refused[model] = str(error)
    if refused and not made:
        raise ValueError("; ".join(f"{model}: {why}" for model, why in refused.items()))
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
        tuple(made),
        was_read - began,
        perf_counter() - was_read,
        process_time() - cpu,
        refused,
        told.missing,
    )
