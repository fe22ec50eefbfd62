"""An attribution report of persons whose ways are drawn, with versions of it, for tests of what reports look like."""

import random
from dataclasses import asdict, replace
from functools import cache
from typing import Any
from uuid import UUID

from projections.attribution.models import MODELS
from projections.attribution.rules import DAY_MS
from projections.attribution.stages import Cause
from projections.attribution.trail import Order, Refund, Touch, Trail
from queries.attribution_personalization import CREDITED, MEASURED, Lift
from queries.attribution_plain import plain, restatement_plain
from queries.attribution_report import Asked, report
from queries.attribution_restatement import Caused, Change, Restatement

START = 20_570 * DAY_MS
ASKED = Asked(MODELS, START, START + 30 * DAY_MS)
CHANNELS = ("ads: google", "e-mail", "direct", "organic search", "social", "recommendation clicked", "display")


def trails(many: int = 400, seed: int = 3) -> dict[UUID, Trail]:
    """Most come again by themselves; half of them order, one in twelve sends it back, one in forty is erased."""
    chance, found = random.Random(seed), {}
    for number in range(many):
        ends = START + chance.randrange(29 * DAY_MS)
        touches = [
            Touch(ends - chance.randrange(12 * DAY_MS), number, chance.choices(CHANNELS, (5, 4, 3, 3, 2, 3, 2))[0])
            for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 4, 7)))
        ]
        trail = Trail(1, sorted(touches))
        if chance.random() < 0.5:
            cents, erased = chance.randrange(1_500, 20_000), chance.random() < 0.025
            trail.orders.append(Order(ends, f"o{number}", "EUR", cents, erased))
            if chance.random() < 0.08:
                trail.refunds.append(Refund(ends + DAY_MS, f"r{number}", f"o{number}", "EUR", cents, erased))
            if erased:
                trail.touches.clear()
        found[UUID(int=number + 1)] = trail
    return found


@cache
def travelled() -> dict[str, Any]:
    """As JSON has it, beside what an experiment measured."""
    made = report(trails(), (4_811,), ASKED)
    (euros,) = made.currencies
    lifts = (
        Lift("no-recommendations", "with", "conversion", 0.021, 0.004, 0.038, 81_204, True),
        Lift("no-recommendations", "with", "net_revenue", 0.012, -0.02, 0.044, 81_204, False),
    )
    beside = replace(euros.personalization, measured=lifts, words=(CREDITED, MEASURED))
    return plain(replace(made, currencies=(replace(euros, personalization=beside),)))


def versions() -> list[dict[str, Any]]:
    """Published, and restated once."""
    told = Restatement(
        (4_000,),
        (4_811,),
        (
            Caused(Cause.REFUND, 3, (Change("EUR", "", "net revenue", -12_000), _moved("last", "e-mail", -12_000))),
            Caused(Cause.MERGE, 1, (_moved("linear", "direct", -350), _moved("linear", "social", 350))),
            Caused(Cause.ERASURE, 1, (Change("EUR", "", "erased revenue", 4_990),)),
        ),
    )
    one = {"key": "ab12", "asked": asdict(ASKED), "report": travelled(), "positions": [4_000], "version": 1}
    two = one | {"version": 2, "positions": [4_811], "restatement": restatement_plain(told)}
    return [
        one | {"made": "2026-06-01T06:00:00+00:00", "restatement": None},
        two | {"made": "2026-06-09T06:00:00+00:00"},
    ]


def _moved(model: str, channel: str, cents: int) -> Change:
    return Change("EUR", model, f"credit: {channel}", cents)
