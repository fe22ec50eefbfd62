"""Takes whole deliveries through a channel adapter to the bus, as the HTTP routes do, without HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.channels.channel import Channel, Delivery, Problem, Trust
from commands.bus import Bus

BACKFILL = Trust(known_identifiers=True, backfill=True)


@dataclass(slots=True)
class Taken:
    """What became of the items of deliveries."""

    recorded: int = 0
    repeated: int = 0
    skipped: int = 0
    refused: int = 0
    first_problem: Problem | None = None

    def add(self, other: "Taken") -> None:
        """Sums up."""
        self.recorded += other.recorded
        self.repeated += other.repeated
        self.skipped += other.skipped
        self.refused += other.refused
        self.first_problem = self.first_problem or other.first_problem


def take(bus: Bus, channel: Channel, headers: Mapping[str, str], body: bytes, *, trust: Trust = BACKFILL) -> Taken:
    """Verifies, parses, records. Raises RejectedError for a delivery that is refused whole, UnavailableError."""
    lower = {name.lower(): value for name, value in headers.items()}
    delivery = Delivery(lower, body, datetime.now(UTC))
    channel.verify(delivery)
    parsed = channel.parse(delivery, trust)
    outcomes = bus.dispatch([command for _, command in parsed.commands])
    refused = len(parsed.problems) + sum(outcome.refused is not None for outcome in outcomes)
    return Taken(
        recorded=sum(outcome.events for outcome in outcomes),
        repeated=sum(outcome.events == 0 and outcome.refused is None for outcome in outcomes),
        skipped=parsed.skipped,
        refused=refused,
        first_problem=parsed.problems[0] if parsed.problems else None,
    )
