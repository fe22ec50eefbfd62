"""An experiment: its design, fixed before it starts; its start; its stop."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID, uuid5

from eventsourcing.domain import event
from pydantic import Field, model_validator

from domain.event import Aggregate, Created, Open, Retention
from domain.product import NAMESPACE
from domain.values import Name, Text, Value

BUCKETS = 10_000


class Variant(Value):
    """An arm and its share of ``BUCKETS``."""

    name: Name
    buckets: Annotated[int, Field(ge=0, le=BUCKETS)]


class Design(Value):
    """What is tested, on what, and how large an effect would matter. Raises ValueError on an impossible allocation."""

    hypothesis: Text
    primary_metric: Name
    guardrail_metrics: tuple[Name, ...] = ()
    variants: Annotated[tuple[Variant, ...], Field(min_length=2, max_length=20)]
    minimum_effect: Annotated[float, Field(gt=0, lt=10)] | None = None
    power: Annotated[float, Field(gt=0, lt=1)] = 0.8

    @model_validator(mode="after")
    def _allocation(self) -> Self:
        if sum(v.buckets for v in self.variants) > BUCKETS:
            raise ValueError(f"variants take more than {BUCKETS} buckets")
        if len({v.name for v in self.variants}) != len(self.variants):
            raise ValueError("two variants have one name")
        return self


def experiment_id(key: str) -> UUID:
    """An experiment's stream is named by its key (UUID version 5)."""
    return uuid5(NAMESPACE, f"experiment:{key}")


class ExperimentError(ValueError):
    """The experiment is not in a state that allows this."""


class Experiment(Aggregate):
    """designed → started → stopped. A started design never changes."""

    TOPIC = "experiment"

    class Event(Aggregate.Event):
        occurred_at: Open[datetime]
        source_id: Open[str]

        def mutate(self, aggregate: Any) -> Any:
            """Evolves the experiment, which also remembers the source."""
            experiment: Any = super().mutate(aggregate)
            experiment.sources.add(self.source_id)
            return experiment

    class Designed(Event, Created):
        TOPIC = "experiment.designed"
        RETENTION: ClassVar = Retention.PUBLIC
        key: Open[Name]
        seed: Open[Name]
        design: Open[Design]

    class Started(Event):
        TOPIC = "experiment.started"
        RETENTION: ClassVar = Retention.PUBLIC

    class Stopped(Event):
        TOPIC = "experiment.stopped"
        RETENTION: ClassVar = Retention.PUBLIC
        reason: Open[Text]

    @event(Designed)
    def __init__(self, key: str, seed: str, design: Design) -> None:
        self.key = key
        self.seed = seed
        self.design = design
        self.state = "designed"
        self.sources: set[str] = set()

    @classmethod
    def plan(cls, key: str, design: Design, **fields: Any) -> Self:
        """A new experiment; its key also seeds the assignment."""
        return cls._create(cls.Designed, id=experiment_id(key), key=key, seed=key, design=design, **fields)

    def start(self, *, source_id: str, **fields: Any) -> None:
        """Starts it once. Raises ExperimentError unless it is designed and not started."""
        if source_id in self.sources:
            return
        if self.state != "designed":
            raise ExperimentError(f"cannot start an experiment that is {self.state}")
        self.trigger_event(self.Started, source_id=source_id, **fields)

    def stop(self, reason: str, *, source_id: str, **fields: Any) -> None:
        """Stops it once. Raises ExperimentError unless it is running."""
        if source_id in self.sources:
            return
        if self.state != "started":
            raise ExperimentError(f"cannot stop an experiment that is {self.state}")
        self.trigger_event(self.Stopped, reason=reason, source_id=source_id, **fields)

    @event(Started)
    def _started(self) -> None:
        self.state = "started"

    @event(Stopped)
    def _stopped(self) -> None:
        self.state = "stopped"
