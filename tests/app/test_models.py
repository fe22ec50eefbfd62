"""The command line of models: what there is, what is in use, and putting another into use while the shop runs."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from adapters.redis.reader import RedisReader
from app.cli import bespoke
from app.settings import Settings
from app.wiring import Wiring
from ml.artefacts import Artefact, Code, Draft, Position, Registry, write
from ml.nextitem.model import KIND, Config
from queries.ports import Shop
from tests.app import test_cli
from tests.app.looking import until
from tests.app.test_cli import answered, refused

DIGITS = 12


@pytest.fixture
def own(tmp_path: Path) -> Settings:
    """Settings of which only the models folder is used: no server is started."""
    return Settings(var=tmp_path, postgres_url=None, redis_url=None)


@pytest.fixture
def two(own: Settings) -> tuple[Artefact, Artefact]:
    """The second one is in use, the first one was before."""
    folder = own.models_folder()
    first = write(folder, draft(0.01))
    member = write(folder, Draft("ncf", arrays={"items": np.zeros((1000, 128), np.float32)}))
    second = write(folder, draft(0.02, members={"ncf": member.digest}))
    for artefact in (first, second):
        Registry(folder).promote(artefact.digest)
    return first, second


def draft(popularity: float, **more: Any) -> Draft:
    return Draft(
        KIND,
        Config(popularity=popularity),
        position=Position((120, 80), 1),
        metrics={"hr@20": 0.5, "mrr@20": popularity},
        code=Code("0.1.0", "a" * 40),
        **more,
    )


def run(own: Settings, *words: str) -> Result:
    return CliRunner().invoke(bespoke, ["models", *words], env=own.environment())


def said(own: Settings, *words: str) -> str:
    result = run(own, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_marks_what_is_in_use(own: Settings, two: tuple[Artefact, Artefact]) -> None:
    first, second = two
    lines = {line[2 : 2 + DIGITS]: line for line in said(own, "list").splitlines()}
    assert len(lines) == 3
    assert [name for name, line in lines.items() if line.startswith("*")] == [second.digest[:DIGITS]]
    assert "hr@20 0.5, mrr@20 0.01" in lines[first.digest[:DIGITS]]
    (member,) = (line for line in lines.values() if " ncf " in line)
    assert "512 kB" in member
    (first.folder / "manifest.json").write_text("{}")
    assert f"  {first.digest[:DIGITS]}" in said(own, "list") and "damaged" in said(own, "list")


def test_it_shows_all_that_is_known(own: Settings, two: tuple[Artefact, Artefact]) -> None:
    first, second = two
    words = " ".join(said(own, "show").split())
    for part in (
        f"digest {second.digest} (in use)",
        "kind next-item",
        f"code 0.1.0, commit {'a' * 40}",
        "data positions 120, 80 of the shards (epoch 1)",
        "config.popularity 0.02",
        "mrr@20 0.02",
        f"member ncf {second.manifest.members['ncf']}",
    ):
        assert part in words
    assert "(in use)" not in said(own, "show", first.digest[:8])
    assert "array items f4 [1000, 128], 512 kB" in " ".join(said(own, "show", second.manifest.members["ncf"]).split())


def test_promoted_and_rolled_back(own: Settings, two: tuple[Artefact, Artefact]) -> None:
    first, second = two
    registry = Registry(own.models_folder())
    assert f"next-item {first.digest[:DIGITS]} is in use now." in said(own, "rollback")
    assert registry.in_use(KIND) == first.digest
    assert f"{second.digest[:DIGITS]} is in use now." in said(own, "promote", second.digest[:6])
    (latest,) = registry.slot(KIND).log[-1:]
    assert (latest.digest, latest.by, latest.at_ms is not None) == (second.digest, "bespoke models promote", True)
    said(own, "promote", second.manifest.members["ncf"])
    assert str(run(own, "rollback").exception) == "say which: ncf, next-item"
    said(own, "rollback", KIND)
    assert said(own, "prune") == "there is nothing to delete\n"


def test_json(own: Settings, two: tuple[Artefact, Artefact]) -> None:
    first, second = two
    found = answered(test_cli.bespoke("models", "list", "--json", settings=own))["models"]
    assert {model["digest"]: model["in_use"] for model in found} == {
        first.digest: False,
        second.digest: True,
        second.manifest.members["ncf"]: False,
    }
    shown = json.loads(said(own, "show", "--json"))
    assert (shown["digest"], shown["in_use"]) == (second.digest, True)
    assert shown["config"]["popularity"] == 0.02
    assert json.loads(said(own, "rollback", "--json")) == {"kind": KIND, "in_use": first.digest}
    assert json.loads(said(own, "promote", second.digest, "--json"))["in_use"] == second.digest
    assert json.loads(said(own, "prune", "--json")) == {"deleted": []}


def test_what_is_unknown_or_damaged_is_refused_in_one_line(own: Settings, two: tuple[Artefact, Artefact]) -> None:
    _, second = two
    assert "no artefact" in refused(test_cli.bespoke("models", "promote", "0123456789", settings=own))
    assert "4 digits" in str(run(own, "promote", "0").exception)
    member = own.models_folder() / second.manifest.members["ncf"]
    (member / "items.bin").write_bytes(b"\1" * (member / "items.bin").stat().st_size)
    assert "not what the manifest says" in refused(test_cli.bespoke("models", "promote", member.name, settings=own))
    assert "not what the manifest says" in str(run(own, "promote", second.digest).exception)
    assert Registry(own.models_folder()).in_use(KIND) == second.digest
    said(own, "rollback")
    assert "nothing was in use before" in str(run(own, "rollback").exception)


def test_before_the_first_model(own: Settings) -> None:
    assert "bespoke train" in said(own, "list")
    assert "bespoke train" in str(run(own, "show").exception)
    assert "nothing to delete" in said(own, "prune")


@pytest.fixture
def promoted(wiring: Wiring) -> Iterator[Artefact]:
    yield wiring.models.promote(write(wiring.settings.models_folder(), draft(0.03)).digest)


async def another(reader: RedisReader, before: Shop) -> Shop:
    """The shop as soon as it is another one."""

    async def changed() -> bool:
        return await reader.shop() is not before

    await until(changed)
    return await reader.shop()


def test_a_web_worker_serves_what_is_promoted_within_moments(wiring: Wiring, promoted: Artefact) -> None:
    async def look() -> list[Shop]:
        reader = wiring.reader()
        try:
            shops = [await reader.shop()]
            wiring.models.promote(write(wiring.settings.models_folder(), draft(0.04)).digest)
            shops.append(await another(reader, shops[-1]))
            wiring.models.roll_back(KIND)
            return [*shops, await another(reader, shops[-1])]
        finally:
            await reader.close()

    assert [shop.serving.trends.model.config.popularity for shop in asyncio.run(look())] == [0.03, 0.04, 0.03]


def test_training_puts_an_artefact_into_use_with_its_position(wiring: Wiring) -> None:
    trained = answered(test_cli.bespoke("train", "--json", settings=wiring.settings))
    shown = answered(test_cli.bespoke("models", "show", "--json", settings=wiring.settings))
    assert shown["digest"] == trained["model"]
    assert (shown["kind"], shown["in_use"]) == (KIND, True)
    assert shown["position"]["shards"] == [log.head() for log in wiring.customers]
    assert set(shown["metrics"]) == {"hr@20", "mrr@20", "predictions"}
    again = answered(test_cli.bespoke("train", "--json", settings=wiring.settings))
    assert again["model"] == trained["model"], "the same data and code give the same artefact"
