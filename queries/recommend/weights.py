"""What an answer is ordered by, as configuration; an arm of an experiment may change any of it."""

from typing import Annotated

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``relevance``, ``revenue``, ``margin`` and ``clearance``: shares of the objectives. ``diversity``: what likeness
    to the items above costs (λ of MMR). ``low_stock``: fewer pieces than that damp an item. ``match``: how much it
    counts that an item goes with the one shown, where a placement asks for that."""

    relevance: Share = 0.50
    revenue: Share = 0.25
    margin: Share = 0.15
    clearance: Share = 0.10
    diversity: Share = 0.20
    low_stock: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 3
    match: Annotated[float, msgspec.Meta(ge=0, le=10)] = 1.0

    def text(self) -> str:
        """All of it in one short line, which ``of`` reads: a receipt carries it."""
        return _ENCODER.encode(self).decode()

    @classmethod
    def of(cls, text: str) -> "Weights":
        """Raises ValueError that names the field."""
        try:
            return msgspec.json.decode(text or "{}", type=cls)
        except msgspec.DecodeError as error:
            raise ValueError(f"weights: {error}") from None


_ENCODER = msgspec.json.Encoder()
USUAL = Weights()
