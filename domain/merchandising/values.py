"""What conditions and actions are made of: names, bounds, values that are stored without what they leave out."""

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, ValidationInfo, model_serializer

from domain.values import Name, Sku, Value

MOST_NAMES = 100
MOST_SKUS = 500

RuleKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
ArmName = Annotated[str, StringConstraints(pattern=r"^[^:]{1,100}:[^:]{1,100}$")]
Names = Annotated[tuple[Name, ...], Field(min_length=1, max_length=MOST_NAMES)]
Codes = Annotated[tuple[Code, ...], Field(min_length=1, max_length=MOST_NAMES)]
Arms = Annotated[tuple[ArmName, ...], Field(min_length=1, max_length=MOST_NAMES)]
Skus = Annotated[tuple[Sku, ...], Field(min_length=1, max_length=MOST_SKUS)]


class Lean(Value):
    """A value of which nothing is written that was not said."""

    @model_serializer(mode="wrap")
    def _lean(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


def at_least(value: Any, info: ValidationInfo, lower: str) -> Any:
    """For validators of upper bounds. Raises ValueError where the lower one is above."""
    least = info.data.get(lower)
    if value is not None and least is not None and value < least:
        raise ValueError(f"must be ≥ {lower}")
    return value
