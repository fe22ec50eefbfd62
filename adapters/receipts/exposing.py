"""Exposures to experiments, taken from receipts on their way: an arm that an answer used is recorded on the person's
stream, once, before the receipt counts as moved. So none is lost, whatever is killed when."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from adapters.keys import KeyDestroyedError
from adapters.lru import Lru
from adapters.receipts.form import decode, head
from commands.command import Command
from commands.exposure import RecordExposure, exposure_source
from domain.assignment.hashing import HashVersion
from domain.values import Channel
from projections.moment import moment
from queries.recommend.decision import Decision

KNOWN = 200_000
CHANNELS = frozenset(Channel)
Dispatch = Callable[[Sequence[Command]], object]


class Exposer:
    """``dispatch`` takes commands to the log; ``versions``: of all experiments by key, asked for when one is new. What
    was recorded lately is not asked for again; the stream itself takes each experiment once. For one thread."""

    def __init__(self, dispatch: Dispatch, versions: Callable[[], Mapping[str, HashVersion]]) -> None:
        self._dispatch, self._versions = dispatch, versions
        self._of: Mapping[str, HashVersion] = {}
        self._known: Lru[bytes, bool] = Lru(KNOWN)

    def record(self, receipts: Sequence[bytes]) -> None:
        """All new exposures are in the log when this returns. Raises UnavailableError, ValueError for what is no
        receipt."""
        new: dict[bytes, Command] = {}
        for receipt in receipts:
            begins = head(receipt)
            if begins.arms and begins.person:
                decision = decode(receipt)
                new |= {key: made for key, made in self._new(decision) if key not in new}
        if new:
            self._tell(list(new.values()))
            for key in new:
                self._known.put(key, True)

    def _tell(self, commands: Sequence[Command]) -> None:
        try:
            self._dispatch(commands)
        except KeyDestroyedError:  # one of them was erased meanwhile: nothing is to be known of that one
            for command in commands:
                with suppress(KeyDestroyedError):
                    self._dispatch([command])

    def _new(self, decision: Decision) -> Iterator[tuple[bytes, Command]]:
        assert decision.person_id is not None
        for experiment, variant in decision.arms.items():
            key = decision.person_id.bytes + experiment.encode()
            if self._known.get(key) is None and (version := self._version(experiment)) is not None:
                yield key, exposure(decision, decision.person_id, experiment, variant, version)

    def _version(self, experiment: str) -> HashVersion | None:
        if experiment not in self._of:
            self._of = self._versions()
        return self._of.get(experiment)


def exposure(decision: Decision, person: UUID, experiment: str, variant: str, version: HashVersion) -> RecordExposure:
    """As it goes to the log."""
    return RecordExposure(
        source_id=exposure_source(experiment),
        occurred_at=moment(decision.at_ms),
        stream=person,
        experiment=experiment,
        variant=variant,
        hash_version=version,
        channel=Channel(decision.channel) if decision.channel in CHANNELS else Channel.WEB,
        decision_id=str(decision.decision_id),
    )
