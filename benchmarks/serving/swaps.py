"""What is put into use while requests go on: another blend, other rules."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import cycle
from uuid import uuid4

from app.wiring import Wiring
from commands.merchandising import PublishRules, SaveRules
from domain.merchandising.rules import read
from ml.artefacts import Position, Registry, open_
from ml.score.blend import KIND, load, store

SWAPS = ("model_swap", "rules_swap")
ACTOR = "drill"


class Swaps:
    """Two blends that differ in nothing but their hash, and rules that boost a category more each time."""

    def __init__(self, wiring: Wiring, skus: Sequence[str]) -> None:
        self._wiring, self._turn = wiring, 0
        self._registry = Registry(wiring.settings.models_folder())
        self._digests = self._two(tuple(skus))
        self._bus = wiring.bus()

    def model_swap(self) -> None:
        """The other blend is promoted."""
        self._registry.promote(next(self._digests))

    def rules_swap(self) -> None:
        """Another set of rules is published."""
        self._turn += 1
        boost = {
            "key": "boost",
            "when": {"category": ["Skirts 1"]},
            "then": {"boost": {"factor": 1 + self._turn / 100}},
        }
        told = {"occurred_at": datetime.now(UTC), "actor": ACTOR}
        self._bus.dispatch(
            [
                SaveRules(rules=read([boost]).rules, source_id=f"drill:{uuid4()}", **told),
                PublishRules(source_id=f"drill:{uuid4()}", **told),
            ]
        )

    def _two(self, names: tuple[str, ...]) -> Iterator[str]:
        folder = self._wiring.settings.models_folder()
        first = self._registry.in_use(KIND)
        assert first is not None
        blend = load(folder, open_(folder, first))
        other = store(folder, blend, names, Position(catalogue=1), {}, {}).digest
        return cycle((other, first))
