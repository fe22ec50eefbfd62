"""What orders are owed to, as of a position of the log: each currency by itself, each model beside the others. Pure.

In every currency and under every model: credits + unattributed + erased = net revenue of the ledger, to the cent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from projections.attribution.channels import CLICKED, SHOWN
from projections.attribution.journeys import Journey, Walked, walked
from projections.attribution.models import Credited
from projections.attribution.period import Money, Period, common, credits, currencies, period
from projections.attribution.rules import DAY_MS, Rules
from projections.attribution.trail import Trail
from queries.attribution_personalization import Personalization, personalization

#: A cell of fewer persons is not told.
FEWEST = 5
MOST_WAYS = 50
#: Days from the first touch to the order: up to and with these, and more.
DELAYS = (0, 1, 3, 7, 14, 30, 60, 90)


@dataclass(frozen=True, slots=True)
class Asked:
    """Orders placed at ``from_ms`` or after and before ``to_ms``, under each of the ``models``."""

    models: tuple[str, ...]
    from_ms: int
    to_ms: int
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class Channel:
    """What one model credits a channel with. ``conversions`` in millionths of an order, ``cents`` in the currency's
    minor unit, ``share`` of all credited. ``removal``: the part of conversions that is lost without the channel, of
    Markov models. Errors are standard errors, in the same units, of what was sampled; else 0."""

    channel: str
    cents: int
    conversions: int
    share: float
    removal: float | None = None
    cents_error: float = 0.0
    conversions_error: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelCredits:
    """``channels`` by name; their cents sum to the currency's ``credited``."""

    model: str
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A sequence of channels that five persons or more went before they ordered."""

    channels: tuple[str, ...]
    persons: int
    orders: int
    cents: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Ways with a touch that ended in an order, and in nothing."""

    converting: int
    to_nothing: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Orders whose first touch was up to so many days before (None: more), and after the row above. Rows of fewer than
    five persons are None."""

    days: int | None
    orders: int | None


@dataclass(frozen=True, slots=True)
class CurrencyReport:
    """One currency, which is never added to another. ``converting`` and ``to_nothing``: ways with a touch that ended in
    the period. ``personalization``: what recommendations are credited with, and what experiments measured."""

    currency: str
    money: Money
    models: tuple[ModelCredits, ...]
    converting: int
    to_nothing: int
    ways: tuple[Way, ...]
    delays: tuple[Delay, ...]
    personalization: Personalization


@dataclass(frozen=True, slots=True)
class AttributionReport:
    """``positions``: of the shards' logs; the same positions give the same report, until somebody is erased."""

    asked: Asked
    positions: tuple[int, ...]
    currencies: tuple[CurrencyReport, ...]


def report(trails: Mapping[UUID, Trail], positions: Sequence[int], asked: Asked) -> AttributionReport:
    """``trails``: stream → what it tells. Raises ValueError for an unknown model and for an empty period."""
    return of_walked(walked(trails, asked.rules), positions, asked)


def of_walked(found: Walked, positions: Sequence[int], asked: Asked) -> AttributionReport:
    """The same of persons' ways that are known already."""
    if asked.from_ms >= asked.to_ms:
        raise ValueError("the period is empty: --from must be before --to")
    names = currencies(found, asked.from_ms, asked.to_ms)
    every = tuple(_currency(period(found, name, asked.from_ms, asked.to_ms), asked) for name in names)
    return AttributionReport(asked, tuple(positions), every)


def _currency(found: Period, asked: Asked) -> CurrencyReport:
    made = credits(found, asked.models, asked.rules)
    touched = [each for each in found.journeys if each.touches]
    bought = [each for each in touched if each.sale is not None]
    ended = Ended(len(bought), len(touched) - len(bought))
    ways = tuple(Way(*each) for each in common(touched, FEWEST, MOST_WAYS))
    return assembled(found.currency, found.money, made, ended, ways, _delays(bought))


def assembled(
    currency: str,
    money: Money,
    made: Sequence[Credited],
    ended: Ended,
    ways: Sequence[Way],
    delays: Sequence[tuple[int | None, int, int]],
) -> CurrencyReport:
    """``delays``: days (see ``DELAYS``), orders, persons."""
    models = tuple(of_model(each) for each in made)
    credited = {m.model: {c.channel: c.cents for c in m.channels} for m in models}
    told = tuple(Delay(d, orders if persons >= FEWEST or not orders else None) for d, orders, persons in delays)
    both = personalization(credited, (SHOWN, CLICKED))
    return CurrencyReport(currency, money, models, ended.converting, ended.to_nothing, tuple(ways), told, both)


def of_model(made: Credited) -> ModelCredits:
    """A model's credits with shares."""
    whole = sum(abs(each.value) for each in made.credits.values())
    return ModelCredits(
        made.model,
        tuple(
            Channel(
                name,
                each.value,
                each.conversions,
                each.value / whole if whole else 0.0,
                made.effects[name].conversions if name in made.effects else None,
                each.value_error,
                each.conversions_error,
            )
            for name, each in sorted(made.credits.items())
        ),
    )


def _delays(bought: Sequence[Journey]) -> list[tuple[int | None, int, int]]:
    rows: dict[int | None, list[Journey]] = {days: [] for days in (*DELAYS, None)}
    for each in bought:
        waited = each.at_ms - each.touches[0].at_ms
        rows[next((days for days in DELAYS if waited <= days * DAY_MS), None)].append(each)
    return [(days, len(some), len({each.person for each in some})) for days, some in rows.items()]
