"""``POST /v1/graphql``. Errors name the field or the argument; they quote nothing and show no inside."""

from typing import Any

import msgspec
from graphql import ArgumentNode, DocumentNode, FieldNode, GraphQLError, VariableDefinitionNode, Visitor, visit
from litestar import post
from litestar.handlers import HTTPRouteHandler

from adapters.channels.channel import RejectedError
from adapters.http import bodies, docs, logs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access
from adapters.http.graphql.limits import Bounds, RefusedError, check, read
from adapters.http.graphql.schema import Context, schema
from adapters.http.ports import Reader
from adapters.http.problems import AnyRequest
from adapters.http.recommendations import Caller
from adapters.http.routing import request_id_of
from adapters.http.signal import Signals
from commands.ports import UnavailableError
from queries.decisions import Receipts

LARGEST = 32 * 1024
LONGEST_NAME = 60
_CODES = {403: "FORBIDDEN", 404: "NOT_FOUND", 410: "GONE"}


class Asked(msgspec.Struct, frozen=True, rename="camel"):
    """A request as GraphQL over HTTP has it. ``extensions`` are of no interest."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


class Wrong(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error. ``extensions`` has ``code`` and ``field``, and ``error_id`` where it is one of ours."""

    message: str
    extensions: dict[str, str]
    path: tuple[str | int, ...] | None = None


class Answered(msgspec.Struct, frozen=True, omit_defaults=True):
    """``data`` is missing where nothing was executed."""

    data: dict[str, Any] | None = None
    errors: tuple[Wrong, ...] = ()


_ASKED = msgspec.json.Decoder(Asked)


def graphql_route(
    reader: Reader,
    receipts: Receipts | None,
    access: Access,
    audited: Audited,
    bounds: Bounds,
    signals: Signals | None = None,
) -> HTTPRouteHandler:
    """The one. Any key may ask; each field says which scope it needs."""
    built = schema()

    @post(
        "/v1/graphql",
        operation_id="graphql",
        tags=["graphql"],
        status_code=200,
        guards=[access.needs()],
        security=docs.KEY_SECURITY,
        responses=docs.problems(*docs.READ_ERRORS, 408, 413, 415, 422),
        operation_class=docs.body_of("A GraphQL query and its variables", frozenset({"application/json"})),
        request_max_body_size=LARGEST,
        opt={"reasons": PURPOSE_REASON},
    )
    async def graphql(request: AnyRequest, purpose: Purpose = None) -> Answered:
        """A GraphQL query. Mutations there are none."""
        asked = _decoded(await bodies.read(request, bodies.JSON))
        variables = asked.variables or {}
        try:
            document = read(asked.query, bounds)
            check(document, variables, asked.operation_name, bounds)
        except RefusedError as error:
            return Answered(errors=(Wrong(str(error), {"code": error.code, "field": error.field}),))
        caller = Caller.of(request.headers, signals)
        result = await built.execute(
            asked.query,
            variable_values=variables,
            context_value=Context(request.auth, reader, receipts, audited, purpose, caller),
            operation_name=asked.operation_name,
        )
        told = tuple(_told(error, document, request) for error in getattr(result, "errors", None) or ())
        return Answered(getattr(result, "data", None), told)

    return graphql


def _decoded(body: bytes) -> Asked:
    """Raises RejectedError."""
    try:
        return _ASKED.decode(body)
    except msgspec.ValidationError as error:
        field = next((name for name in ("variables", "operationName", "query") if name in str(error)), "body")
        raise RejectedError(field, "must be a JSON object with query, variables and operationName") from None
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise RejectedError("body", "must be JSON", 400) from None


def _told(error: GraphQLError, document: DocumentNode, request: AnyRequest) -> Wrong:
    path = tuple(error.path) if error.path else None
    match error.original_error:
        case RejectedError() as rejected:
            code = _CODES.get(rejected.status, "BAD_INPUT")
            return Wrong(str(rejected), {"code": code, "field": rejected.field}, path)
        case UnavailableError():
            return Wrong(
                "a server that is needed is down", {"code": "UNAVAILABLE", "field": _name(error, document)}, path
            )
        case None | GraphQLError():
            name = _name(error, document)
            return Wrong(f"{name}: does not fit the schema", {"code": "BAD_QUERY", "field": name}, path)
        case ours:
            id_ = request_id_of(request.scope)
            logs.logger().error("failed", error_id=id_, error=type(ours).__name__, where=logs.where(ours))
            about = {"code": "INTERNAL", "field": _name(error, document), "error_id": id_}
            return Wrong("an error of ours; the log has it under error_id", about, path)


def _name(error: GraphQLError, document: DocumentNode) -> str:
    """The innermost field, argument or variable at the place that an error points to."""
    named = _Named(next(iter(error.positions or ()), -1))
    visit(document, named)
    return named.name[:LONGEST_NAME]


class _Named(Visitor):
    def __init__(self, position: int) -> None:
        super().__init__()
        self._position, self.name = position, "query"

    def enter(self, node: Any, *_: Any) -> None:
        """Outer nodes come first."""
        if node.loc is None or not node.loc.start <= self._position < node.loc.end:
            return
        if isinstance(node, FieldNode | ArgumentNode):
            self.name = node.name.value
        elif isinstance(node, VariableDefinitionNode):
            self.name = f"${node.variable.name.value}"
