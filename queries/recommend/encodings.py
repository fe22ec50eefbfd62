"""What models made of a person's history, kept in this process until the record changes; nothing of it is stored."""

from collections import OrderedDict
from uuid import UUID

from queries.recommend.heard import Heard
from queries.recommend.plan import Plan
from queries.recommend.subject import Subject

#: So many are kept; each is some tens of KB.
KEPT = 4_000
Key = tuple[str, UUID, tuple[tuple[UUID, int], ...], bytes]


class Encodings:
    """At most ``size``; what was used longest ago goes first. ``hits`` and ``misses`` are for metrics."""

    def __init__(self, size: int = KEPT) -> None:
        self._size, self._kept = size, OrderedDict[Key, Heard]()
        self.hits = self.misses = 0

    def of(self, plan: Plan, subject: Subject) -> Heard | None:
        """Of the plan's model; None without one. Kept by model, person, their streams' versions and what counts of
        their history. What nobody is likely to ask for again is made each time, so that it drives out nothing: a
        stranger's, and that of a page which shows something of its own."""
        model = plan.learned
        if model is None:
            return None
        history = model.rows.of.take(plan.past.rows)
        if len(history) and history.min() < 0:
            history = history[history >= 0]
        if subject.person_id is None or len(plan.seeds):
            return Heard(model.scorer, model.scorer.encode(history))
        key = model.digest, subject.person_id, subject.streams, history.tobytes()
        found = self._kept.get(key)
        if found is not None:
            self.hits += 1
            self._kept.move_to_end(key)
            return found
        self.misses += 1
        if len(self._kept) >= self._size:
            self._kept.popitem(last=False)
        made = self._kept[key] = Heard(model.scorer, model.scorer.encode(history))
        return made
