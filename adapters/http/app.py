"""The web application: its routes, put together."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from adapters.channels.channel import Channel
from adapters.http import docs
from adapters.http.at_once import AtOnce
from adapters.http.audited import Audited
from adapters.http.auth import Access
from adapters.http.decisions import decision_routes
from adapters.http.erasures import ErasureDesk, Erasures, erasure_routes
from adapters.http.experiment_changes import ExperimentDesk, experiment_change_routes
from adapters.http.experiments import Experiments, experiment_routes
from adapters.http.graphql import graphql_route
from adapters.http.graphql.limits import Bounds
from adapters.http.identity import IdentityDesk, Reviews, identity_routes
from adapters.http.intake import Intake
from adapters.http.lean import Lean
from adapters.http.live import Live, live_route
from adapters.http.metrics import Metrics
from adapters.http.observe import Observed
from adapters.http.operations import operation_routes
from adapters.http.ports import Reader, Rules, Writer
from adapters.http.problems import Problems
from adapters.http.reads import read_routes
from adapters.http.recommendations import recommendation_routes
from adapters.http.reports import Published, attribution_routes, report_routes
from adapters.http.rights import RightsDesk, rights_routes
from adapters.http.rules import RuleDesk, rule_routes
from adapters.http.signal import Signals
from adapters.http.writes import BROWSERS, write_routes
from queries.audit import Audit
from queries.decisions import Receipts
from queries.reports import Reports

OTHER_BODIES = 32 * 1024


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    writer: Writer,
    reader: Reader,
    channels: Mapping[str, Channel],
    access: Access,
    *,
    audit: Audit,
    rules: tuple[Writer, Rules] | None = None,
    rights: RightsDesk | None = None,
    receipts: Receipts | None = None,
    experiments: Experiments | None = None,
    designing: ExperimentDesk | None = None,
    reports: Reports | None = None,
    published: Published | None = None,
    graphql: Bounds | None = None,
    erasures: Erasures | None = None,
    reviews: Reviews | None = None,
    live: Live | None = None,
    extra_routes: Sequence[ControllerRouterHandler] = (),
    metrics: Metrics | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> Litestar:
    """An ASGI app. ``channels`` has ``segment``, ``shopify`` and ``poslog``; ``now`` gives aware times. ``audit`` is
    told of each reading of a person's record. ``rules``: what takes their commands and returns once these are stored,
    and what reads them. ``rights``: exports and corrections, and where objections by Sec-GPC and withdrawals with
    Kafka between are recorded. Without these, ``receipts``, ``experiments``, ``designing`` (what changes them),
    ``reports``, ``published`` (attribution), ``erasures``, ``reviews`` and ``live`` there are no such routes.
    ``graphql``: how much a GraphQL query may ask for.

    Routes of ``extra_routes`` get the same errors, metrics and access lines, and bodies up to 32 KiB unless
    they say otherwise.
    """
    metrics, audited = metrics or Metrics(), Audited(audit)
    signals = Signals(rights.writer, now) if rights else None
    at_once = AtOnce(rights.writer) if rights else None
    intake = Intake(writer, metrics, now, reader, erasures.redact if erasures else None, at_once)
    app = Litestar(
        [
            *write_routes(intake, channels, access),
            *recommendation_routes(reader, access, signals),
            *read_routes(reader, access, audited),
            *(rights_routes(rights, access, audited) if rights else ()),
            *(rule_routes(RuleDesk(*rules, reader, audited, now), access) if rules else ()),
            *(decision_routes(receipts, access, audited) if receipts else ()),
            *(experiment_routes(experiments, access) if experiments else ()),
            *(experiment_change_routes(designing, experiments, access) if designing and experiments else ()),
            *(report_routes(reports, experiments, access) if reports and experiments else ()),
            *(
                attribution_routes(reports, experiments, published, access)
                if reports and experiments and published
                else ()
            ),
            *(erasure_routes(ErasureDesk(erasures, audited), access) if erasures else ()),
            *(identity_routes(IdentityDesk(reviews, audited), access) if reviews else ()),
            graphql_route(reader, receipts, access, audited, graphql or Bounds(), signals),
            *([live_route(live)] if live is not None else ()),
            *operation_routes(reader, metrics),
            *extra_routes,
        ],
        exception_handlers=Problems(metrics).handlers(),
        openapi_config=docs.config(),
        request_max_body_size=OTHER_BODIES,
        logging_config=None,
    )
    app.asgi_handler = Observed(Lean(app.asgi_handler, reader, access), metrics, BROWSERS)
    return app
