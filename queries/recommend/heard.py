"""A person's history as the models of a blend have heard it."""

from dataclasses import dataclass, field

from ml.score.scorer import Encoded, Scorer
from ml.sequences import Rows


@dataclass(slots=True)
class Heard:
    """A history as a blend has heard it, and what was found near to it since."""

    scorer: Scorer
    encoded: Encoded
    _near: dict[tuple[str, int], Rows] = field(default_factory=dict)

    def near(self, member: str, count: int) -> Rows:
        """The ``count`` items of the model that are nearest to a member's vector of the history, the best first."""
        found = self._near.get((member, count))
        if found is None:
            found = self._near[member, count] = self.scorer.nearest(member, self.encoded, count)[0]
        return found
