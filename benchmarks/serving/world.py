"""A shop of any size to be served: products with the demo's real attributes drawn again and again, customers with
clicks among neighbours, all of it through commands, the log and the projections, and a blend of that many items.

It is kept in its folder and used again.
"""

import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid5

from app.demo import eshop
from app.projecting import folding
from app.settings import Settings
from app.training import bandit as train_bandit
from app.wiring import Wiring
from benchmarks.serving.artefact import GROUP, blend_of
from commands.browse import RecordView
from commands.cart import AddToCart
from commands.command import Command
from commands.stock import ChangePrice, CountStock, ListProduct, TellCost
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel, Line
from ml.artefacts import Registry
from ml.score.blend import KIND

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
VIEWS = 10
BATCH = 500
WORLD = UUID("5b0b6b6e-2a4e-5f0e-9a6c-3c8f3c1d7a10")


def settings_of(folder: Path, items: int) -> Settings:
    """Of the world of so many items."""
    var = folder / f"world-{items}"
    return Settings(var=var, namespace=f"serve{items}", postgres_url=None, redis_url=None)


def person(number: int) -> str:
    """The anonymous id of a customer."""
    return str(uuid5(WORLD, f"person {number}"))


def made(wiring: Wiring, folder: Path, items: int, people: int) -> Sequence[str]:
    """The SKUs. Loads and projects what is not there yet."""
    models, artefact = blend_of(folder / "models", items)
    skus = artefact.item_names()
    done = wiring.settings.var / f"made-{people}"
    if not done.exists():
        wiring.provision()
        if not wiring.customers[0].head():
            _load(wiring, "products", _products(skus))
            _load(wiring, "clicks", _clicks(skus, people))
        began = time.perf_counter()
        folding.fold_anew(wiring)
        print(f"projected in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
        shutil.copytree(models, wiring.settings.models_folder(), dirs_exist_ok=True)
        registry = Registry(wiring.settings.models_folder())
        if registry.in_use(KIND) != artefact.digest:
            registry.promote(artefact.digest)
        train_bandit.run(wiring)
        done.touch()
    return skus


def _load(wiring: Wiring, what: str, commands: Iterator[Command]) -> None:
    bus, began, count = wiring.bus(), time.perf_counter(), 0
    batch: list[Command] = []
    for command in commands:
        batch.append(command)
        if len(batch) == BATCH:
            bus.dispatch(batch)
            count, batch = count + len(batch), []
    bus.dispatch(batch)
    seconds = time.perf_counter() - began
    print(f"{what}: {count + len(batch)} commands in {seconds:.0f} s", file=sys.stderr, flush=True)


def _products(skus: Sequence[str]) -> Iterator[Command]:
    """Attributes and prices of the demo's products; groups of neighbours share a category and a style."""
    chance, models = random.Random(1), eshop.catalogue()
    for number, sku in enumerate(skus):
        model, group = models[chance.randrange(len(models))], number // GROUP
        told = {"occurred_at": BEGIN + timedelta(seconds=number % 86_400), "sku": sku}
        yield ListProduct(
            source_id=f"list {sku}",
            title=f"{model.title} {number}",
            category=f"{models[group % len(models)].category} {group % 20}",
            brand=f"Brand {group % 300}",
            colour=model.colour,
            style=("casual", "formal", "sport")[group % 3],
            season=("spring", "summer", "autumn", "winter")[number % 4],
            **told,
        )
        yield ChangePrice(source_id=f"price {sku}", price_cents=model.cents, currency="USD", **told)
        yield TellCost(
            source_id=f"cost {sku}", cost_cents=model.cents * chance.randrange(30, 80) // 100, currency="USD", **told
        )
        yield CountStock(source_id=f"stock {sku}", available=chance.choice((0, 2, 9, 40, 200)), **told)


def _clicks(skus: Sequence[str], people: int) -> Iterator[Command]:
    """Each customer looks at items of a few groups; of groups and items the first are popular."""
    chance = random.Random(2)
    groups = max(1, len(skus) // GROUP)
    for number in range(people):
        who = (Identifier(kind=IdentifierKind.ANONYMOUS, value=person(number)),)
        liked = [int(groups * chance.random() ** 2) for _ in range(2)]
        for place in range(VIEWS):
            row = min(len(skus) - 1, liked[place % 2] * GROUP + int(GROUP * chance.random() ** 3))
            told = {
                "identifiers": who,
                "source_id": f"{number} {place}",
                "occurred_at": BEGIN + timedelta(seconds=number, minutes=place),
                "channel": Channel.WEB,
            }
            if place == VIEWS - 1 and number % 4 == 0:
                yield AddToCart(line=Line(sku=skus[row]), **told)
            else:
                yield RecordView(sku=skus[row], device="desktop", **told)
