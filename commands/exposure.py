"""Exposures to arms of experiments, as they are recorded beside the answers."""

from commands.command import StreamCommand
from domain.assignment.hashing import HashVersion
from domain.customer import Customer
from domain.values import Channel, Name

#: Why an exposure is refused: the stream never was.
UNKNOWN_STREAM = "UnknownStream"
#: Or it is of somebody who was erased.
ERASED_STREAM = "ErasedStream"


class RecordExposure(StreamCommand):
    """An arm was used for an answer. Goes to a stream that there is: an exposure opens none. ``stream``: the person's,
    as the answer's receipt has it."""

    experiment: Name
    variant: Name
    hash_version: HashVersion
    channel: Channel = Channel.WEB
    decision_id: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records ExperimentExposed, the first time."""
        fields = {name: value for name, value in self.__dict__.items() if name not in ("stream", "experiment")}
        customer.expose(self.experiment, **fields)


def exposure_source(experiment: str) -> str:
    """The source of an exposure: one for each experiment on a stream, whoever tells of it, and however often."""
    return f"exposure:{experiment}"
