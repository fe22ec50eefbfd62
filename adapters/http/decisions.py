"""The route that tells of a decision: what was answered to whom, and of what it was made."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from litestar import get
from litestar.handlers import HTTPRouteHandler

from adapters.channels.channel import RejectedError
from adapters.http import docs
from adapters.http.audited import PURPOSE_REASON, Audited, Purpose
from adapters.http.auth import Access
from adapters.http.keys import Scope
from adapters.http.problems import AnyRequest
from adapters.http.reads import only
from queries.decisions import Gone, Receipts, Told, told


def decision_routes(receipts: Receipts, access: Access, audited: Audited) -> Sequence[HTTPRouteHandler]:
    """The one."""

    @get(
        "/v1/decisions/{decision_id:str}",
        operation_id="decision",
        tags=["recommendations"],
        guards=[access.needs(Scope.DECISION_READ)],
        security=docs.KEY_SECURITY,
        responses=docs.problems(404, 410, *docs.READ_ERRORS),
        opt={"reasons": {"decision_id": "must be a UUID", **PURPOSE_REASON}},
    )
    async def decision(request: AnyRequest, decision_id: UUID, purpose: Purpose = None) -> Told:
        """An answer of before, from its receipt, some moments after it was given. 410 where its person was erased."""
        only(request, ())
        found = await asyncio.to_thread(receipts.find, decision_id)
        if found is None:
            raise RejectedError("decision_id", "there is no such decision", 404)
        if isinstance(found, Gone):
            raise RejectedError("decision_id", "its person was erased, or its time is over", 410)
        if found.person_id is not None:
            await audited.read(request.auth, "decision", found.person_id, purpose)
        return told(found)

    return [decision]
