"""The documentation says what the code does: pages are generated from it, or checked against it."""

import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import click
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import StoredEvent

from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment, events
from adapters.channels.shopify import Shopify, shopify
from adapters.directory import PostgresDirectory
from adapters.directory.finding import Finding
from adapters.eventlog.mapper import SealingMapper
from adapters.http import Access, ApiKeys, Metrics, Scope, create_app
from adapters.http.front import Front
from adapters.http.limits import Limits
from adapters.http.live import Live
from adapters.http.read_path import ReadPath
from adapters.keys.wrapping import derive
from adapters.postgres import Database
from adapters.receipts.keeper import Keeper
from adapters.receipts.metrics import ReceiptMetrics
from adapters.receipts.mover import Mover
from adapters.receipts.spool import Spool
from adapters.redis.reader import RedisReader
from app.cli import bespoke
from app.settings import Settings
from domain.customer import Customer
from projections import statistics as fold
from queries.reader import Queries
from readmodels.customer import CART_ENTRIES, ORDERS_KEPT, RECENT
from tests.queries.serving import recommender

REPO = Path(__file__).parents[2]
DOCS = REPO / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```python tested\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (DOCS / name).read_text()


def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Nobodys:
    """A desk that nobody comes to."""

    writer = None


def routes() -> list[str]:
    nobody = cast(Any, None)
    erasures = cast(Any, SimpleNamespace(redact=nobody))
    channels = {"segment": Segment(b"0123456789abcdef"), "shopify": Shopify(b"secret"), "poslog": Poslog()}
    schema = create_app(
        nobody,
        nobody,
        channels,
        Access(ApiKeys([])),
        audit=nobody,
        rules=(nobody, nobody),
        receipts=object(),  # type: ignore[arg-type]
        experiments=lambda: [],
        designing=object(),  # type: ignore[arg-type]
        erasures=erasures,
        reviews=object(),  # type: ignore[arg-type]
        reports=object(),  # type: ignore[arg-type]
        published=lambda key: [],
        rights=Nobodys(),  # type: ignore[arg-type]
    ).openapi_schema.to_schema()
    return [f"{method.upper()} {path}" for path, item in schema["paths"].items() for method in item]


def commands(group: click.Group = bespoke, above: str = "bespoke") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above} {name}")
        else:
            yield f"{above} {name}", command


def heading(line: str) -> str:
    """The anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")


def anchors(text: str) -> set[str]:
    return {heading(line) for line in FENCED.sub("", text).splitlines() if line.startswith("#")}


def test_generated_pages_are_up_to_date() -> None:
    module = generate()
    for path, text in module.pages().items():
        assert path.read_text() == text, f"{path.name} differs from the code. Run: python docs/generate.py"


def test_every_event_class_is_on_its_page() -> None:
    text = page("events.md")
    for topic in ("customer.order_placed", "customer.identifier_linked", "product.listed", "experiment.designed"):
        assert f"### `{topic}`" in text
    order = text.partition("### `customer.order_placed`")[2].partition("###")[0]
    assert "| `total_cents` | `Cents` | Ledger |" in order
    assert "| `lines` | `tuple[Line, ...]` | Sealed |" in order


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_listed_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    said = "none" if default is None else f"`{default}`"
    assert f"| `BESPOKE_{name.upper()}` | {said} |" in page("operations.md")


def test_no_setting_is_listed_that_is_none() -> None:
    listed = re.findall(r"^\| `BESPOKE_(\w+)` \|", page("operations.md"), re.MULTILINE)
    assert {name.lower() for name in listed} == set(Settings.model_fields)


@pytest.mark.parametrize("route", routes())
def test_every_route_is_listed(route: str) -> None:
    assert f"`{route}`" in page("http.md") + page("channels.md")


def test_no_route_is_listed_that_is_none() -> None:
    listed = re.findall(r"`((?:GET|POST|PUT) /[^`]*)`", page("http.md") + page("channels.md"))
    assert set(listed) == set(routes())


@pytest.mark.parametrize(("name", "command"), commands())
def test_every_command_and_option_is_listed(name: str, command: click.Command) -> None:
    row = re.search(rf"^\| `{re.escape(name)}` \|.*$", page("operations.md"), re.MULTILINE)
    assert row is not None
    options = [option for one in command.params for option in one.opts if option.startswith("--")]
    assert all(f"`{option}`" in row[0] for option in options if option != "--json")
    assert "--json" in options


def test_every_metric_is_listed() -> None:
    reader = RedisReader("redis://127.0.0.1:1/0", "t_docs")
    directory = PostgresDirectory(Database("dbname=none"), b"s" * 32)
    finding = Finding(directory, reader.tracked, "t_docs")
    read_path = ReadPath(reader, finding, Queries(reader, finding, [], directory, recommender()))  # type: ignore[arg-type]
    spool = Spool(Path("none"), b"k" * 32)
    keeper = Keeper(spool, Mover(spool, None))  # type: ignore[arg-type]
    front = Front(Limits(), Live(cast(Any, None), b"", cast(Any, None)))
    own = (*read_path.collect(), *ReceiptMetrics(keeper).collect(), *front.collect())
    families = [*Metrics().registry.collect(), *own]
    names = {f.name + "_total" * (f.type == "counter") for f in families}
    assert names == set(re.findall(r"^\| `(bespoke_\w+)` \|", page("http.md"), re.MULTILINE))


@pytest.mark.parametrize("scope", Scope)
def test_every_scope_is_listed(scope: Scope) -> None:
    assert f"| `{scope}` |" in page("http.md")


def test_every_segment_event_is_listed() -> None:
    text = " ".join(page("channels.md").split()).casefold()
    assert [name for name in events._BY_NAME if name not in text] == []


def test_every_shopify_topic_is_listed() -> None:
    assert set(re.findall(r"\b(\w+/\w+)(?=,| \|)", page("channels.md"))) >= set(shopify._TOPICS)
    assert all(f"`{topic}`" in page("channels.md") for topic in shopify._PRIVACY)


def test_the_numbers_are_those_of_the_code() -> None:
    lists = f"{RECENT} views, {RECENT} purchases, {CART_ENTRIES} changes of the cart, {ORDERS_KEPT} orders"
    words = " ".join(page("projections.md").split())
    assert lists in words
    assert f"weight is {fold.WHOLE}, halved every {fold.HALF_LIFE_MS // 1000} s" in words
    assert f"within {fold.WINDOW_MS // 60_000} minutes" in words
    assert f"a view counts {fold.VIEW}, an addition to the cart {fold.CART}, a line of an order {fold.ORDER}" in words


@pytest.mark.parametrize("path", [*PAGES, REPO / "README.md"], ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text()):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        found = (path.parent / name).resolve() if name else path
        assert found.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in anchors(found.read_text()), f"{path.name}: {target}"


@pytest.mark.parametrize("name", [p.name for p in PAGES if p.parent == DOCS and p.name != "README.md"])
def test_the_index_names_every_page(name: str) -> None:
    assert f"({name})" in page("README.md")


@pytest.mark.parametrize("name", [p.relative_to(DOCS).as_posix() for p in PAGES if p.parent != DOCS])
def test_the_index_names_every_decision_and_result(name: str) -> None:
    assert f"({name})" in page("README.md")


@pytest.mark.parametrize("name", ["channels.md", "encryption.md", "http.md", "live.md", "models.md"])
def test_code_in_the_pages_runs(name: str) -> None:
    blocks = BLOCK.findall(page(name))
    assert any("assert " in block for block in blocks)
    shared: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, name, "exec"), shared)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_json_in_the_pages_is_json(path: Path) -> None:
    for block in re.findall(r"^```json\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
        json.loads(block)


def test_the_worked_example_is_what_the_log_writes() -> None:
    """The page's bytes open by the code that reads the log."""

    class Keys:
        def cipher(self, stream: object, period: int) -> AESGCM:
            return AESGCM(derive(told["data_key"], "bespoke event", salt=told["period_key"]))

    told: dict[str, Any] = {}
    for block in BLOCK.findall(page("encryption.md")):
        exec(compile(block, "encryption.md", "exec"), told)
    stored = StoredEvent(told["stream"], told["version"], told["topic"], told["state"])
    event = SealingMapper(cast(Any, Keys()), b"").to_domain_event(stored)
    assert isinstance(event, Customer.OrderPlaced)
    assert (event.order_id, event.total_cents, event.lines[0].sku) == ("1001", 4990, "M001")
