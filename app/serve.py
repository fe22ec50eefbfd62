"""The web process: channels in, answers out."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from adapters.http import logs
from adapters.http.analyst import AnalystDesk, Analysts, analyst_routes, house
from adapters.http.app import create_app
from adapters.http.auth import Access
from adapters.http.compliance.pages import compliance_routes
from adapters.http.experiment_changes import ExperimentDesk
from adapters.http.front import Front
from adapters.http.graphql.limits import Bounds
from adapters.http.keys import ApiKeys
from adapters.http.metrics import Metrics
from adapters.http.read_path import ReadPath
from adapters.http.rights import RightsDesk
from adapters.http.serve import serve
from adapters.http.sessions import Doors
from adapters.http.shop import ShopDesk, Visitor, shop_routes
from adapters.http.writer import BusWriter
from adapters.receipts.metrics import ReceiptMetrics
from app import tuning
from app.demo import eshop
from app.erasing.desk import Desk
from app.identities.review import ReviewDesk
from app.models.in_use import ModelsInUse
from app.reporting.desk import ReportDesk
from app.rights.compliance import compliance_desk
from app.rights.exporting import exports_of
from app.wiring import Wiring
from commands.ports import UnavailableError
from queries.experiments import Told, experiments_of

#: How often it is looked which keys were made or revoked.
KEYS_S = 2.0
Loop: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as Loop
except ImportError:  # not on this platform
    Loop = None


def run(wiring: Wiring) -> None:
    """Serves until SIGTERM or Ctrl-C; requests that have begun are answered first."""
    logs.configure(stream=sys.stdout)
    tuning.for_answers()
    with wiring.shards.watched(), asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_serve(wiring))


async def _serve(wiring: Wiring) -> None:
    reader = wiring.reader()
    await reader.start()
    writer = wiring.writer()
    finding = wiring.finding(reader)
    keeper = wiring.keeper()
    keeper.start()
    queries, channels = wiring.queries(reader, finding, keeper), wiring.channels()
    metrics = Metrics()
    metrics.registry.register(ReadPath(reader, finding, queries))
    metrics.registry.register(ReceiptMetrics(keeper))
    visitors = [Visitor(label, eshop.visitor(session)) for session, label in eshop.PICKED.items()]
    shop = shop_routes(ShopDesk(writer, queries, reader, channels["segment"], visitors), eshop.PHOTOS)
    rules = BusWriter(wiring.bus()), wiring.merchandising(reader)
    live = wiring.live(queries)
    rights = RightsDesk(exports_of(wiring), rules[0], _utc_now)
    keys, limits = wiring.settings.keys(), wiring.limits(reader)
    access, reports = Access(keys, limits), ReportDesk(wiring.settings)
    metrics.registry.register(Front(limits, live))

    def experiments() -> list[Told]:
        return experiments_of(wiring.experiment_events())

    def published(key: str | None) -> list[dict[str, Any]]:
        return [version.plain() for version in wiring.published.told(key)]

    people = Analysts(access, wiring.sessions("analysts"))
    analysts = AnalystDesk(reports, experiments, published, people, Doors(people, house(), _utc_now))
    app = create_app(
        writer,
        queries,
        channels,
        access,
        audit=wiring.audit,
        rules=rules,
        rights=rights,
        receipts=wiring.receipts,
        experiments=experiments,
        designing=ExperimentDesk(rules[0], _has_model(wiring), lambda: datetime.now(UTC)),
        reports=reports,
        published=published,
        live=live,
        erasures=Desk(wiring),
        reviews=ReviewDesk(wiring),
        graphql=Bounds(introspection=wiring.settings.graphql_introspection),
        extra_routes=[
            *shop,
            *analyst_routes(analysts),
            *compliance_routes(compliance_desk(wiring, queries, rights)),
        ],
        metrics=metrics,
    )
    following = asyncio.create_task(_follow(wiring, keys))
    try:
        await serve(app, wiring.settings.host, wiring.settings.port, close=live.drain)
    finally:
        following.cancel()
        await reports.close()
        await asyncio.to_thread(writer.close)
        await asyncio.to_thread(rules[0].close)
        await reader.close()
        await asyncio.to_thread(keeper.close)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _has_model(wiring: Wiring) -> Callable[[str], bool]:
    models = ModelsInUse(wiring.settings.models_folder())
    return lambda digest: models.opened(digest) is not None


async def _follow(wiring: Wiring, keys: ApiKeys) -> None:
    """Keeps up with keys that are made and revoked; while nobody knows, those known last count."""
    while True:
        with suppress(UnavailableError):
            keys.add(await asyncio.to_thread(wiring.made_keys.good))
        await asyncio.sleep(KEYS_S)
