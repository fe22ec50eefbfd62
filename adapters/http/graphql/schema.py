"""The schema. Each field asks what REST asks, needs the same scope, and is audited the same way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NewType
from uuid import UUID

import msgspec
import strawberry
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from adapters.channels.channel import RejectedError
from adapters.http.audited import Audited
from adapters.http.auth import require
from adapters.http.graphql.limits import MOST_SKUS
from adapters.http.keys import ApiKey, Scope
from adapters.http.ports import Reader
from adapters.http.recommendations import Caller, answer, question_of
from queries import answers
from queries.decisions import Gone, Receipts, ShownItem, Told, told
from readmodels import catalogue

Cents = NewType("Cents", int)
Info = strawberry.Info["Context", None]


@dataclass(frozen=True, slots=True)
class Context:
    """One request: who asks, what for, and what answers."""

    key: ApiKey
    reader: Reader
    receipts: Receipts | None
    audited: Audited
    purpose: str | None
    caller: Caller

    def needs(self, scope: Scope) -> None:
        """Raises RejectedError (403)."""
        require(self.key, scope)


@strawberry.type(description="What can be sold.")
class Product:
    """A SKU as it is now."""

    sku: str
    title: str
    category: str | None
    brand: str | None
    colour: str | None
    image: str | None
    price_cents: Cents | None
    compare_at_cents: Cents | None
    currency: str | None
    in_stock: bool


@strawberry.type(description="A recommended SKU.")
class Item:
    """``reason`` is for shoppers."""

    sku: str
    score: float
    reason: str
    source: str
    price_cents: Cents | None
    currency: str | None

    @strawberry.field(description="What is known of it, if it is still on sale.")
    async def product(self, info: Info) -> Product | None:
        """Read from memory."""
        return _product((await info.context.reader.products([self.sku]))[0])


@strawberry.type(description="An answer.")
class Recommendations:
    """See queries.answers."""

    decision_id: UUID
    placement: str
    items: list[Item]
    person_id: UUID | None
    version: int
    served: str
    degraded: list[str]
    price_factor: float


@strawberry.type(description="A unified profile.")
class Customer:
    """See queries.answers."""

    person_id: UUID
    streams: list[UUID]
    version: int
    status: str
    identity_graph: JSON
    demographics: JSON
    behavior: JSON
    real_time_context: JSON
    consent: JSON


@strawberry.type(description="An item as it was shown.")
class DecidedItem:
    """See queries.decisions."""

    slot: int
    sku: str
    score: float
    propensity: float
    source: str
    reason: str
    because: str | None


@strawberry.type(description="An answer of before, from its receipt.")
class Decision:
    """See queries.decisions."""

    decision_id: UUID
    placement: str
    at: datetime
    person_id: UUID | None
    streams: JSON
    served: str
    degraded: list[str]
    arms: JSON
    items: list[DecidedItem]
    asked: JSON
    generations: JSON
    numerics: str
    repeats: UUID | None


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(description="A person's profile now, by any of their streams. Needs customer:read.")
    async def customer(self, info: Info, id: strawberry.ID) -> Customer | None:
        """Audited."""
        here = info.context
        here.needs(Scope.CUSTOMER_READ)
        found = await here.reader.profile(_uuid(id))
        if found is None:
            raise RejectedError("id", "there is no such person", 404)
        await here.audited.read(here.key, "graphql.customer", found.person_id, here.purpose)
        return _customer(found)

    @strawberry.field(description="What to show a person, or a stranger where none is named. Needs recommend:read.")
    async def recommendations(
        self,
        info: Info,
        placement: str = "home",
        person_id: strawberry.ID | None = None,
        user_id: str | None = None,
        anonymous_id: str | None = None,
        item: str | None = None,
        skus: list[str] | None = None,
        category: str | None = None,
        store: str | None = None,
        limit: int | None = None,
        language: str | None = None,
        min_version: int | None = None,
    ) -> Recommendations | None:
        """The same question as REST's."""
        info.context.needs(Scope.RECOMMEND_READ)
        given = {
            "placement": placement,
            "person_id": person_id,
            "user_id": user_id,
            "anonymous_id": anonymous_id,
            "item": item,
            "skus": skus,
            "category": category,
            "store": store,
            "limit": limit,
            "language": language,
            "min_version": min_version,
        }
        question = question_of({name: value for name, value in given.items() if value is not None})
        return _recommendations(await answer(info.context.reader, question, info.context.caller))

    @strawberry.field(description="A SKU that is on sale. Needs recommend:read.")
    async def product(self, info: Info, sku: str) -> Product | None:
        """Read from memory."""
        info.context.needs(Scope.RECOMMEND_READ)
        return _product((await info.context.reader.products([sku]))[0])

    @strawberry.field(description=f"SKUs, at most {MOST_SKUS}; null for what is not on sale. Needs recommend:read.")
    async def products(self, info: Info, skus: list[str]) -> list[Product | None] | None:
        """In the order that they were asked for."""
        info.context.needs(Scope.RECOMMEND_READ)
        if len(skus) > MOST_SKUS:
            raise RejectedError("skus", f"more than {MOST_SKUS}")
        return [_product(each) for each in await info.context.reader.products(skus)]

    @strawberry.field(description="An answer of before, some moments after it was given. Needs decision:read.")
    async def decision(self, info: Info, id: strawberry.ID) -> Decision | None:
        """Audited where it was for a person."""
        here = info.context
        here.needs(Scope.DECISION_READ)
        decision = _uuid(id)
        found = None if here.receipts is None else await asyncio.to_thread(here.receipts.find, decision)
        if found is None:
            raise RejectedError("id", "there is no such decision", 404)
        if isinstance(found, Gone):
            raise RejectedError("id", "its person was erased, or its time is over", 410)
        if found.person_id is not None:
            await here.audited.read(here.key, "graphql.decision", found.person_id, here.purpose)
        return _decision(told(found))


class Schema(strawberry.Schema):
    """Errors are told by the route, and logged there without what they say."""

    def process_errors(self, errors: Sequence[Any], execution_context: Any = None) -> None:
        """Nothing: strawberry would log messages, which may quote."""


def schema() -> Schema:
    """Built once."""
    cents: Annotated[Any, "a scalar"] = strawberry.scalar(
        name="Cents", description="Money in minor units.", serialize=int, parse_value=int
    )
    return Schema(query=Query, config=StrawberryConfig(scalar_map={Cents: cents}))


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise RejectedError("id", "must be a UUID") from None


def _product(found: catalogue.Product | None) -> Product | None:
    if found is None:
        return None
    return Product(
        sku=found.sku,
        title=found.title,
        category=found.category,
        brand=found.brand,
        colour=found.colour,
        image=found.image,
        price_cents=_cents(found.cents),
        compare_at_cents=_cents(found.compare_at_cents),
        currency=found.currency,
        in_stock=found.in_stock,
    )


def _cents(value: int | None) -> Cents | None:
    return None if value is None else Cents(value)


def _recommendations(found: answers.Recommendations) -> Recommendations:
    return Recommendations(
        decision_id=found.decision_id,
        placement=found.placement,
        items=[Item(**msgspec.structs.asdict(i)) for i in found.items],
        person_id=found.person_id,
        version=found.version,
        served=found.served,
        degraded=list(found.degraded),
        price_factor=found.price_factor,
    )


def _customer(found: answers.Profile) -> Customer:
    return Customer(
        person_id=found.person_id,
        streams=list(found.streams),
        version=found.version,
        status=found.status,
        identity_graph=_plain(found.identity_graph),
        demographics=_plain(found.demographics),
        behavior=_plain(found.behavior),
        real_time_context=_plain(found.real_time_context),
        consent=_plain(found.consent),
    )


def _decision(found: Told) -> Decision:
    return Decision(
        decision_id=found.decision_id,
        placement=found.placement,
        at=datetime.fromtimestamp(found.at_ms / 1000, UTC),
        person_id=found.person_id,
        streams=_plain(found.streams),
        served=found.served,
        degraded=list(found.degraded),
        arms=_plain(found.arms),
        items=[_decided(item) for item in found.items],
        asked=_plain(found.asked),
        generations=_plain(found.generations),
        numerics=found.numerics,
        repeats=found.repeats,
    )


def _decided(item: ShownItem) -> DecidedItem:
    return DecidedItem(**msgspec.structs.asdict(item))


def _plain(value: Any) -> JSON:
    return JSON(msgspec.to_builtins(value))
