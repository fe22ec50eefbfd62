"""A reader's assortment is the catalogue's log folded up to its position, whoever writes meanwhile."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from adapters.redis import connect_async, shelf, wipe
from adapters.redis.shelf import Shelf
from app.projecting import folding, runners
from app.projecting import process as project
from app.wiring import Wiring
from commands.command import ProductCommand
from commands.stock import ChangePrice, CountStock, ListProduct, TellCost
from queries.recommend.assortment import Assortment
from queries.recommend.past import PositionError
from readmodels.keys import Keys
from readmodels.live import CATALOGUE
from tests.app.looking import wait_for
from tests.queries.shelves import content

START = datetime(2026, 3, 1, tzinfo=UTC)
SKUS = [f"S{n}" for n in range(40)]
BATCHES = 100


def news(chance: Random, source: str) -> ProductCommand:
    """Something about some product, that happened in any order."""
    number = chance.randrange(len(SKUS))
    facts: dict[str, Any] = {"source_id": source, "occurred_at": START + timedelta(minutes=chance.randrange(999))}
    who = chance.choice([SKUS[number], f"inventory:{number}"])
    match chance.randrange(4):
        case 0:
            listing: dict[str, Any] = {"category": chance.choice(["Skirts", "Coats", None]), "title": f"T{number}"}
            listing |= {"active": chance.random() < 0.9, "season": chance.choice(["SS25", None])}
            stock_ref = str(number) if number % 2 else None
            return ListProduct(sku=SKUS[number], stock_ref=stock_ref, **listing, **facts)
        case 1:
            return ChangePrice(sku=SKUS[number], price_cents=chance.randrange(100, 900), currency="EUR", **facts)
        case 2:
            return TellCost(sku=who, cost_cents=chance.randrange(100), currency="EUR", **facts)
        case _:
            return CountStock(sku=who, available=chance.randrange(9), location=chance.choice(["Rome", "Bari"]), **facts)


def fill(wiring: Wiring, seed: int, batches: int = BATCHES) -> None:
    """Products, some news of each, and something in between that is about no product."""
    chance, bus = Random(seed), wiring.bus()
    for batch in range(batches):
        told = [news(chance, f"{seed}/{batch}/{n}") for n in range(12)]
        assert all(outcome.refused is None for outcome in bus.dispatch(told))


def where(wiring: Wiring) -> Keys:
    return Keys(wiring.settings.namespace, wiring.generations.live(CATALOGUE))


def seen(wiring: Wiring, writing: Callable[[], bool] = lambda: False) -> list[Assortment]:
    """What a reader has, one after the other, until nobody writes and it is at the log's end."""

    async def run() -> list[Assortment]:
        client = connect_async(wiring.redis_url)
        one, found = Shelf(client), list[Assortment]()
        while not found or writing() or found[-1].position < wiring.catalogue.head():
            found.append(await one.refresh(where(wiring)))
            await asyncio.sleep(0.002)
        await client.aclose()
        return found

    return asyncio.run(asyncio.wait_for(run(), 60))


@pytest.fixture(params=[3, 1_000])
def paged(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Pages so small that much changes between two of them, or one page."""
    monkeypatch.setattr(shelf, "PAGE", request.param)
    monkeypatch.setattr(shelf, "AT_ONCE", 2 * request.param)
    return int(request.param)


@pytest.fixture
def projector(wiring: Wiring) -> Iterator[Wiring]:
    """A projector at work on the namespace."""
    stop = threading.Event()
    work = threading.Thread(target=project.follow, args=(wiring, stop))
    work.start()
    wait_for(lambda: wiring.generations.live(CATALOGUE))
    yield wiring
    stop.set()
    work.join()


def test_while_a_projector_writes_a_reader_has_the_fold_up_to_its_position(projector: Wiring, paged: int) -> None:
    fill(projector, 0, 4)
    writer = threading.Thread(target=fill, args=(projector, 1))
    writer.start()
    found = seen(projector, writer.is_alive)
    writer.join()
    assert len({each.position for each in found}) > 3
    past = projector.past()
    for each in sorted(found, key=lambda each: each.position):
        assert content(each) == content(past.at(each.position))
        assert past.at(each.position).position == each.position


def test_the_past_is_the_same_step_by_step_at_once_and_going_back(wiring: Wiring) -> None:
    fill(wiring, 2, 10)
    head, steps = wiring.catalogue.head(), wiring.past()
    one_by_one = {position: content(steps.at(position)) for position in range(1, head + 1, 7)}
    for position in (1, 50, 8, 99):
        assert content(wiring.past().at(position)) == content(steps.at(position)) == one_by_one[position]
    assert len(steps.at(0)) == 0
    with pytest.raises(PositionError):
        steps.at(head + 1)
    assert content(steps.at(8)) == one_by_one[8]
    fill(wiring, 3, 1)
    assert steps.at(head + 1).position == head + 1


def test_a_catalogue_in_another_shape_is_folded_anew_beside_what_readers_see(wiring: Wiring) -> None:
    fill(wiring, 4, 3)
    live = folding.start_generation(wiring)
    runners.catch_up(wiring, live)
    (before,) = seen(wiring)
    assert folding.start_generation(wiring) == live
    wiring.redis.delete(where(wiring).catalogue_shape, where(wiring).catalogue_position)
    later = folding.start_generation(wiring)
    assert later == live._replace(catalogue=later.catalogue) != live
    assert content(seen(wiring)[0]) == content(before)
    assert not wiring.redis.exists(Keys(wiring.settings.namespace, live.catalogue).catalogue)


def test_a_reader_follows_to_another_generation_and_keeps_what_it_has_of_a_wiped_server(wiring: Wiring) -> None:
    fill(wiring, 5, 3)
    runners.catch_up(wiring, folding.start_generation(wiring))

    async def follow() -> None:
        client = connect_async(wiring.redis_url)
        one, old = Shelf(client), where(wiring)
        first = await one.refresh(old)
        assert await one.refresh(old) is first
        assert await one.refresh(old, first.position) is first
        wipe(wiring.redis, f"{wiring.settings.namespace}:*")
        assert await one.refresh(old) is first
        runners.catch_up(wiring, folding.start_generation(wiring))
        again = await one.refresh(where(wiring))
        assert again is not first
        assert content(again) == content(first)
        assert again.position == first.position == wiring.catalogue.head()
        await client.aclose()

    asyncio.run(follow())
