"""A log of people who come by several channels and order, some of whom send it back, some on two devices: what the
attribution page shows in a browser."""

import random
from datetime import timedelta
from typing import Any

from app.reporting import attribution
from app.wiring import Wiring
from commands.browse import ClickRecommendation, RecordVisit, ShowRecommendations
from commands.identify import Identify
from commands.order import PlaceOrder, ReturnLines
from domain.identity import Identifier, IdentifierKind
from domain.values import Campaign, Channel, Line
from projections.attribution.models import MODELS
from projections.attribution.rules import DAY_MS
from queries.attribution_report import Asked
from tests.app.test_experiment_report import START, facts

MAY = {"from": "2026-05-01", "to": "2026-06-01"}
#: How somebody comes, how often of a hundred, and whether it is the shop's recommendation.
WAYS: tuple[tuple[dict[str, Any], int], ...] = (
    ({"campaign": Campaign(click_ids={"gclid": "c"})}, 24),
    ({"campaign": Campaign(medium="email", source="news")}, 22),
    ({}, 16),
    ({"referrer": "https://www.google.com/"}, 14),
    ({"campaign": Campaign(medium="social", source="instagram")}, 10),
    ({"shown": True}, 8),
    ({"campaign": Campaign(medium="affiliate", source="coupons")}, 6),
)
PATHS = 40


def walker(number: int) -> Identifier:
    return Identifier(kind=IdentifierKind.ANONYMOUS, value=f"walker-{number}")


def member(number: int) -> Identifier:
    return Identifier(kind=IdentifierKind.USER, value=f"member-{number}")


def walked(wiring: Wiring, people: int = 320, seed: int = 5) -> None:
    """Everybody goes one of some ways in three weeks; most order at its end, three of them in yen."""
    chance, commands = random.Random(seed), list[Any]()
    ways = [_way(chance) for _ in range(PATHS)]
    for number in range(people):
        way, ended = ways[int(PATHS * chance.random() ** 2)], chance.uniform(8, 29)
        for place, how in enumerate(way):
            day = ended - (len(way) - place) * chance.choice((0.04, 0.9, 2.5))
            commands += _came(number, place, day, how)
        if chance.random() < 0.7:
            cents = chance.randrange(1_900, 18_000)
            commands.append(ordered(walker(number), number, ended, cents, "JPY" if number < 3 else "USD"))
    wiring.bus().dispatch(commands)


def ordered(who: Identifier, number: int, day: float, cents: int, currency: str = "USD") -> PlaceOrder:
    """An order of one line."""
    line, order = Line(sku="S", quantity=1, price_cents=cents), f"w{number}"
    about = {"order_id": order, "total_cents": cents, "currency": currency, "lines": (line,)}
    return PlaceOrder(**about, **_facts(who, f"w-order-{number}", day))


def published(wiring: Wiring) -> None:
    """The report of May as everybody may cite it."""
    begin = int(START.timestamp() * 1000)
    attribution.publish(wiring, Asked(MODELS, begin, begin + 31 * DAY_MS))


def happened_since(wiring: Wiring) -> None:
    """A refund, and somebody whose two devices turn out to be one person's."""
    back = {"order_id": "w10", "return_id": "r10", "refund_cents": 1_500, "currency": "USD"}
    wiring.bus().dispatch(
        [
            ReturnLines(**back, **_facts(walker(10), "w-back", 33)),
            ordered(member(1), 9_001, 20, 25_000),
            RecordVisit(**WAYS[0][0], **_facts(walker(9_001), "w-phone", 18)),
            Identify(**_facts((member(1), walker(9_001)), "w-login", 34)),
        ]
    )


def _way(chance: random.Random) -> list[dict[str, Any]]:
    hows, often = zip(*WAYS, strict=True)
    return chance.choices(hows, often, k=chance.choice((1, 1, 2, 2, 3, 4, 6)))


def _came(number: int, place: int, day: float, how: dict[str, Any]) -> list[Any]:
    name = f"w{number}-{place}"
    if "shown" not in how:
        return [RecordVisit(**how, **_facts(walker(number), name, day))]
    shown = ShowRecommendations(placement="home", skus=("S", "T"), **_facts(walker(number), name, day))
    clicked = ClickRecommendation(placement="home", sku="S", **_facts(walker(number), f"{name}-click", day + 0.001))
    return [shown, clicked] if number % 2 else [shown]


def _facts(who: Identifier | tuple[Identifier, ...], name: str, day: float) -> dict[str, Any]:
    identifiers = who if isinstance(who, tuple) else (who,)
    return {"identifiers": identifiers, "channel": Channel.WEB, **facts(name, START + timedelta(days=day))}
