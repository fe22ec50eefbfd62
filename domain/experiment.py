"""An experiment: its design, fixed before it starts; its start, its ramp, its end."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import event
from pydantic import Field, StringConstraints

from domain.assignment.hashing import BUCKETS, HashVersion
from domain.design import Buckets, Design, Variant
from domain.event import Aggregate, Created, Open, Retention
from domain.product import NAMESPACE
from domain.values import Name, Text

__all__ = ["BUCKETS", "Design", "Experiment", "ExperimentError", "State", "Variant", "experiment_id"]

Coverage = Annotated[int, Field(ge=0, le=BUCKETS)]
Shares = Annotated[dict[Name, Buckets], Field(min_length=2, max_length=20)]
#: Who asks for a change, as an id that says nothing to outsiders: ``key:`` and the id of an API key, ``cli`` and so on.
Actor = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{0,80}$")]


class State(StrEnum):
    """Running: who comes is let in. Paused: nobody new is, who is in stays. Shipped: one variant for everybody."""

    DESIGNED = "designed"
    RUNNING = "running"
    PAUSED = "paused"
    SHIPPED = "shipped"
    STOPPED = "stopped"


def experiment_id(key: str) -> UUID:
    """An experiment's stream is named by its key (UUID version 5)."""
    return uuid5(NAMESPACE, f"experiment:{key}")


def _by_nobody(state: dict[str, Any]) -> None:
    """Before events named an actor."""
    state["actor"] = ""


class ExperimentError(ValueError):
    """The experiment is not in a state that allows this."""


class Experiment(Aggregate):
    """designed → running ⇄ paused → shipped → stopped, or stopped at once. What a design says of its arms never changes
    once it has started; shares and coverage may, and move nobody who was exposed."""

    TOPIC = "experiment"

    class Event(Aggregate.Event):
        """``actor`` came with the second version (the third of designs and starts); before, nobody was named."""

        occurred_at: Open[datetime]
        source_id: Open[str]
        actor: Open[Actor] = ""

        def mutate(self, aggregate: Any) -> Any:
            """Evolves the experiment, which also remembers the source."""
            experiment: Any = super().mutate(aggregate)
            experiment.sources.add(self.source_id)
            return experiment

    class Designed(Event, Created):
        """v2: the design names its hash version; v1's were never assigned. v2 may also have arms that say what they
        change, targeting, a namespace and a holdout. v3 names who designed it."""

        TOPIC = "experiment.designed"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 3
        key: Open[Name]
        seed: Open[Name]
        design: Open[Design]

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """Our own hash."""
            state["design"] = {**state["design"], "hash_version": HashVersion.BLAKE.value}

        upcast_v2_v3 = staticmethod(_by_nobody)

    class Started(Event):
        """``coverage``: so many of each variant's buckets, in 10,000ths. v1 always covered all. v3 names who did."""

        TOPIC = "experiment.started"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 3
        coverage: Open[Coverage] = BUCKETS

        @staticmethod
        def upcast_v1_v2(state: dict[str, Any]) -> None:
            """All."""
            state["coverage"] = BUCKETS

        upcast_v2_v3 = staticmethod(_by_nobody)

    class Ramped(Event):
        """More or fewer people come in from now on; who is in stays."""

        TOPIC = "experiment.ramped"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)
        coverage: Open[Coverage]

    class Reweighted(Event):
        """Other shares for those who come from now on."""

        TOPIC = "experiment.reweighted"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)
        buckets: Open[Shares]

    class Paused(Event):
        TOPIC = "experiment.paused"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)
        reason: Open[Text]

    class Resumed(Event):
        TOPIC = "experiment.resumed"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)

    class Shipped(Event):
        """The experiment is over; what this variant changes is so for everybody until it is stopped."""

        TOPIC = "experiment.shipped"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)
        variant: Open[Name]
        reason: Open[Text] = ""

    class Stopped(Event):
        TOPIC = "experiment.stopped"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)
        reason: Open[Text]

    class MismatchFound(Event):
        """The arms have not the shares that were designed, too far off for chance: no verdict is given, and nothing
        may be shipped. ``p_value`` as text."""

        TOPIC = "experiment.mismatch_found"
        RETENTION: ClassVar = Retention.PUBLIC
        class_version = 2
        upcast_v1_v2 = staticmethod(_by_nobody)
        counts: Open[dict[Name, int]]
        p_value: Open[Text]

    @event(Designed)
    def __init__(self, key: str, seed: str, design: Design) -> None:
        self.key = key
        self.seed = seed
        self.design = design
        self.state = State.DESIGNED
        self.coverage = 0
        self.mismatched = False
        self.sources: set[str] = set()

    @classmethod
    def plan(cls, key: str, design: Design, **fields: Any) -> Self:
        """A new experiment; its key also seeds the assignment."""
        return cls._create(cls.Designed, id=experiment_id(key), key=key, seed=key, design=design, **fields)

    def start(self, coverage: int = BUCKETS, *, source_id: str, **fields: Any) -> None:
        """Starts it once. Raises ExperimentError unless it is designed and not started."""
        self._ask("start", source_id, (State.DESIGNED,), self.Started, coverage=coverage, **fields)

    def ramp(self, coverage: int, *, source_id: str, **fields: Any) -> None:
        """Another coverage. Raises ExperimentError unless it is running or paused."""
        self._ask("ramp", source_id, _UNDER_WAY, self.Ramped, coverage=coverage, **fields)

    def reweight(self, buckets: dict[str, int], *, source_id: str, **fields: Any) -> None:
        """Other shares. Raises ExperimentError unless it is running or paused, or for shares that cannot be."""
        if source_id not in self.sources:
            try:
                self.design.reweighted(buckets)
            except ValueError as error:
                raise ExperimentError(f"buckets: {error}") from None
        self._ask("reweight", source_id, _UNDER_WAY, self.Reweighted, buckets=buckets, **fields)

    def pause(self, reason: str, *, source_id: str, **fields: Any) -> None:
        """Lets nobody in. Raises ExperimentError unless it is running."""
        self._ask("pause", source_id, (State.RUNNING,), self.Paused, reason=reason, **fields)

    def resume(self, *, source_id: str, **fields: Any) -> None:
        """Goes on. Raises ExperimentError unless it is paused."""
        self._ask("resume", source_id, (State.PAUSED,), self.Resumed, **fields)

    def ship(self, variant: str, reason: str = "", *, source_id: str, **fields: Any) -> None:
        """Ends it for this variant. Raises ExperimentError unless it is running or paused, or has no such variant."""
        if source_id not in self.sources and variant not in {v.name for v in self.design.variants}:
            raise ExperimentError("variant: there is none of this name")
        if source_id not in self.sources and self.mismatched:
            raise ExperimentError("its arms have not the shares that were designed: stop it, and find out why")
        self._ask("ship", source_id, _UNDER_WAY, self.Shipped, variant=variant, reason=reason, **fields)

    def mismatch(self, counts: dict[str, int], p_value: str, *, source_id: str, **fields: Any) -> None:
        """Its arms are not comparable. Raises ExperimentError unless it is running or paused."""
        self._ask("judge", source_id, _UNDER_WAY, self.MismatchFound, counts=counts, p_value=p_value, **fields)

    def stop(self, reason: str, *, source_id: str, **fields: Any) -> None:
        """Stops it once; what was shipped is so no more. Raises ExperimentError unless it has started."""
        self._ask("stop", source_id, (*_UNDER_WAY, State.SHIPPED), self.Stopped, reason=reason, **fields)

    def _ask(self, what: str, source_id: str, when: tuple[State, ...], fact: type[Event], **fields: Any) -> None:
        if source_id in self.sources:
            return
        if self.state not in when:
            raise ExperimentError(f"cannot {what} an experiment that is {self.state}")
        self.trigger_event(fact, source_id=source_id, **fields)

    @event(Started)
    def _started(self, coverage: int) -> None:
        self.state, self.coverage = State.RUNNING, coverage

    @event(Ramped)
    def _ramped(self, coverage: int) -> None:
        self.coverage = coverage

    @event(Reweighted)
    def _reweighted(self, buckets: dict[str, int]) -> None:
        self.design = self.design.reweighted(buckets)

    @event(Paused)
    def _paused(self) -> None:
        self.state = State.PAUSED

    @event(Resumed)
    def _resumed(self) -> None:
        self.state = State.RUNNING

    @event(Shipped)
    def _shipped(self) -> None:
        self.state = State.SHIPPED

    @event(MismatchFound)
    def _mismatched(self) -> None:
        self.mismatched = True

    @event(Stopped)
    def _stopped(self) -> None:
        self.state = State.STOPPED


_UNDER_WAY = (State.RUNNING, State.PAUSED)
