"""What is left of an event whose key was destroyed."""

from typing import Any

from pydantic import ConfigDict

from domain.event import Event, Open, Retention


class Erased(Event):
    """Only that something of this kind was recorded, and the fields that law makes a retailer keep."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    RETENTION = Retention.PUBLIC
    topic: Open[str]
    ledger: Open[dict[str, Any]]

    def mutate(self, aggregate: Any) -> Any:
        """An erased event evolves nothing but the version, and what its ledger fields tell."""
        if aggregate is not None:
            aggregate.version = self.originator_version
            aggregate.recall(self.ledger)
        return aggregate
