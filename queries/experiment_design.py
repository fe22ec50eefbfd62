"""Whether a design can be served and judged, and what is wrong with one in words: fields and reasons, never values."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pydantic import ValidationError

from domain.arm import Arm, Objectives, RecipeChange
from domain.design import Design, Holdout, Namespace, Variant
from queries.experiment_report import MEASURED

#: A design as JSON is no longer than that.
MOST_BYTES = 256 * 1024
#: The length of an artefact's hash; other models are names that designs know.
HASH = 64
#: Names that an error may repeat.
FIELDS = {n for kind in (Design, Variant, Arm, Objectives, RecipeChange, Namespace, Holdout) for n in kind.model_fields}
FIELDS |= {"key", "coverage", "buckets", "reason", "variant", "design"}
_OURS = "Value error, "


class Wrong(NamedTuple):
    """``field`` as in ``variants.1.changes.weights.revenue``."""

    field: str
    reason: str


class DesignError(ValueError):
    """This cannot be asked of an experiment."""

    def __init__(self, *wrong: Wrong) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in wrong))
        self.problems: Sequence[Wrong] = wrong


def check(design: Design, has_model: Callable[[str], bool]) -> None:
    """Raises DesignError where an arm names a model that there is none of, or a metric is judged that nobody measures.
    ``has_model``: whether there is an artefact with this hash."""
    for place, variant in enumerate(design.variants):
        model = variant.changes.model if variant.changes else None
        if model and len(model) == HASH and not has_model(model):
            reason = "is not among the artefacts (bespoke models list)"
            raise DesignError(Wrong(f"variants.{place}.changes.model", reason))
    for field, names in (("primary_metric", (design.primary_metric,)), ("guardrail_metrics", design.guardrail_metrics)):
        if not set(names) <= set(MEASURED):
            raise DesignError(Wrong(field, f"measured are {', '.join(MEASURED)}"))


def wrong(error: ValidationError | RecursionError, whole: str = "design") -> DesignError:
    """What pydantic found, by field; names that are none of ours are not repeated. ``whole``: what all of it is
    called."""
    if isinstance(error, RecursionError):
        return DesignError(Wrong(whole, "nested too deeply"))
    found = error.errors(include_url=False, include_input=False, include_context=False)
    return DesignError(*(Wrong(_place(one["loc"]) or whole, one["msg"].removeprefix(_OURS)) for one in found))


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part) if isinstance(part, int) or part in FIELDS else "?" for part in loc)
