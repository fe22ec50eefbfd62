"""Small value types shared by events and commands."""

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from domain.money import known_currency

Sku = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=500)]
Url = Annotated[str, StringConstraints(max_length=2000)]
Cents = Annotated[int, Field(ge=0, le=10**12)]
Quantity = Annotated[int, Field(ge=1, le=100_000)]
Currency = Annotated[str, AfterValidator(known_currency)]
#: TCF and GPP strings are base64url in parts; the longest seen in use have some 3,000 characters.
ConsentString = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.~\-]{1,8000}$")]


class Channel(StrEnum):
    """Where a fact comes from."""

    WEB = "web"
    MOBILE = "mobile"
    STORE = "store"
    EMAIL = "email"
    SERVICE = "service"


class Purpose(StrEnum):
    """What personal data may be used for. ``sharing``: selling or sharing it, as the CCPA has it; whoever opts out of
    that is not profiled either."""

    PERSONALISATION = "personalisation"
    PROFILING = "profiling"
    TRAINING = "training"
    EMAIL = "email"
    PUSH = "push"
    SHARING = "sharing"


class LawfulBasis(StrEnum):
    """Article 6(1) GDPR, the bases a retailer relies on."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"
    LEGITIMATE_INTEREST = "legitimate_interest"


class ConsentFramework(StrEnum):
    """Whose form a consent string has: IAB Europe's TCF, the IAB's Global Privacy Platform or its US Privacy string."""

    TCF = "tcf"
    GPP = "gpp"
    USP = "usp"


class Value(BaseModel):
    """A value has no identity: frozen, compared by content."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(Value):
    """So many of one SKU. ``price_cents`` is one piece's list price; ``discount_cents`` comes off the whole line."""

    sku: Sku
    quantity: Quantity = 1
    price_cents: Cents | None = None
    discount_cents: Cents = 0
    category: Name | None = None
    brand: Name | None = None
    size: Name | None = None


class Campaign(Value):
    """How a visitor came: UTM parameters and the click ids that ad networks append to links."""

    source: Name | None = None
    medium: Name | None = None
    name: Name | None = None
    term: Name | None = None
    content: Name | None = None
    click_ids: Annotated[dict[Name, Name], Field(max_length=8)] = {}


class Compared(Value):
    """What one comparison of two records told: its name, the level of agreement, bits for (or against) one person."""

    comparison: Name
    level: Name
    weight: float


class Details(Value):
    """What a person told about themselves. Each field is None where nothing was said."""

    name: Name | None = None
    birth_date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    age: Annotated[int, Field(ge=0, le=130)] | None = None
    gender: Annotated[str, StringConstraints(max_length=20)] | None = None
    city: Name | None = None
    region: Name | None = None
    country: Name | None = None
    postcode: Name | None = None
    street: Name | None = None
