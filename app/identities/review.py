"""What people decide: pairs between the thresholds, and vetoes. Every decision is an event in both streams."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from app.identities.index import index_of
from app.identities.model import NoModelError, in_use
from app.wiring import Wiring
from commands.tie import ConfirmSame, KeepApart, TieCommand
from domain.identity import pair
from ml.identity.fields import COLUMNS
from ml.identity.score import Scorer
from queries.review import NoReviewError, NotAskedError, Question, UnknownPairError, Verdict
from readmodels.identity import Compared

#: The pairs that are shown of a stream's surroundings are read again with what they were scored by.
MOST = 1_000


def questions(wiring: Wiring, limit: int = 20) -> list[Question]:
    """The queue, the likeliest first. Raises NoModelError, UnavailableError."""
    model = in_use(wiring)
    index, scorer, found = index_of(wiring, model.version), Scorer(model), list[Question]()
    asked = index.asked(min(limit, MOST))
    records = index.compared({stream: None for (one, other), _ in asked for stream in (one, other)})
    edges = index.edges({one for (one, _), _ in asked})
    for (one, other), _ in asked:
        weight = edges.get(one, {}).get(other)
        if weight is not None and one in records and other in records:
            ours, theirs = records[one], records[other]
            told = _told(ours), _told(theirs)
            found.append(Question(one, other, weight, scorer.evidence(ours, theirs), told))
    return found


def accept(wiring: Wiring, one: UUID, other: UUID, officer: str, reason: str) -> bool:
    """They are one person; whether that was news. Raises UnknownPairError, UnavailableError."""
    return _decided(wiring, ConfirmSame(**_base(one, other), officer=officer, reason=reason))


def reject(wiring: Wiring, one: UUID, other: UUID, officer: str, reason: str) -> bool:
    """They are two people, from now on and whatever comes; whether that was news. It parts them where they were one.
    Raises UnknownPairError, UnavailableError."""
    return _decided(wiring, KeepApart(**_base(one, other), officer=officer, reason=reason))


class ReviewDesk:
    """Implements adapters.http.identity.Reviews: what waits for a decision, and nothing else, is decided here."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def questions(self, limit: int) -> Sequence[Question]:
        """The likeliest first. Raises NoReviewError, UnavailableError."""
        try:
            return questions(self._wiring, limit)
        except NoModelError as error:
            raise NoReviewError(str(error)) from None

    def waits(self, one: UUID, other: UUID) -> None:
        """Raises UnknownPairError, NotAskedError where they wait for no decision; NoReviewError, UnavailableError."""
        try:
            index = index_of(self._wiring, in_use(self._wiring).version)
        except NoModelError as error:
            raise NoReviewError(str(error)) from None
        if not index.asks(one, other):
            nodes = index.nodes([one, other])
            if len(nodes) < 2 or any(node.gone for node in nodes.values()):
                raise UnknownPairError("there are no such two streams")
            raise NotAskedError("they do not wait for a decision: it was taken, or the scores changed")

    def decide(self, one: UUID, other: UUID, verdict: Verdict, *, by: str, reason: str) -> bool:
        """Whether that was news. Raises as ``waits`` does."""
        self.waits(one, other)
        decide = accept if verdict is Verdict.LINK else reject
        return decide(self._wiring, one, other, by, reason)


def _base(one: UUID, other: UUID) -> dict[str, Any]:
    first, second = pair(one, other)
    base = {"source_id": f"review:{uuid4().hex}", "occurred_at": datetime.now(UTC)}
    return base | {"one": first, "other": second}


def _decided(wiring: Wiring, command: TieCommand) -> bool:
    (outcome,) = wiring.bus().dispatch([command])
    if outcome.refused:
        raise UnknownPairError("there are no such two streams")
    with suppress(NoModelError):  # no queue, then; a veto stands all the same
        index_of(wiring, in_use(wiring).version).ask({}, [(command.one, command.other)])
    return outcome.events > 0


def _told(record: Compared) -> dict[str, str]:
    return {c: v.decode() for c, v in zip(COLUMNS, record, strict=True) if v is not None and "_" not in c}
