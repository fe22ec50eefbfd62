"""The bandit's posterior from the log, in use at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from app.models.in_use import BANDIT
from app.training import bandit as train_bandit
from app.wiring import Wiring
from commands.browse import ClickRecommendation, ShowRecommendations
from commands.stock import ListProduct
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel
from ml.artefacts import open_


def told(kind: type, minute: int, visitor: str = "visitor", **fields: Any) -> Any:
    who = Identifier(kind=IdentifierKind.ANONYMOUS, value=visitor)
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return kind(identifiers=(who,), source_id=str(uuid4()), occurred_at=at, channel=Channel.WEB, **fields)


def test_what_was_shown_and_clicked_is_folded(wiring: Wiring) -> None:
    bus = wiring.bus()
    at = datetime(2026, 1, 1, tzinfo=UTC)
    bus.dispatch([ListProduct(sku=sku, title=sku, source_id=sku, occurred_at=at) for sku in "AB"])
    facts = [told(ShowRecommendations, n, placement="home", skus=("A", "B")) for n in range(0, 50, 5)]
    facts += [told(ClickRecommendation, n + 1, placement="home", sku="B") for n in range(0, 50, 5)]
    bus.dispatch(facts)
    made = train_bandit.run(wiring)
    assert (made.arms, made.shown, made.clicked) == (2, 20, 10)
    artefact = open_(wiring.settings.models_folder(), made.digest)
    assert artefact.item_names() == ("A", "B") and wiring.models.in_use(BANDIT) == made.digest
    a, b = artefact.arrays["means"][:, -1]
    assert b > a
    again = train_bandit.run(wiring)
    assert again.shown == made.shown

    async def look() -> str:
        reader = wiring.reader()
        try:
            await reader.start()
            return (await reader.shop()).serving.generations.bandit
        finally:
            await reader.close()

    assert asyncio.run(look()) == again.digest


def test_what_is_not_in_the_catalogue_is_an_arm_where_several_people_were_shown_it(wiring: Wiring) -> None:
    least = wiring.settings.least_people
    met = [told(ShowRecommendations, n, f"v{n}", placement="home", skus=("met",)) for n in range(least)]
    few = [told(ShowRecommendations, n, f"v{n}", placement="home", skus=("few",)) for n in range(1, least)]
    again = [told(ShowRecommendations, n, "v1", placement="home", skus=("few",)) for n in range(50, 60)]
    wiring.bus().dispatch([*met, *few, *again])
    made = train_bandit.run(wiring)
    assert open_(wiring.settings.models_folder(), made.digest).item_names() == ("met",)
