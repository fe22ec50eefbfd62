"""Readings of persons' records are told to the audit log before the answer goes out: without it there is none."""

import asyncio
from typing import Annotated
from uuid import UUID

from litestar.params import Parameter

from adapters.http.keys import ApiKey
from queries.audit import PURPOSE, Access, Audit

PURPOSE_REASON = {"purpose": "X-Purpose must have 1 to 60 letters, digits, spaces and . _ : / -"}
Purpose = Annotated[
    str | None,
    Parameter(header="X-Purpose", required=False, pattern=PURPOSE, description="What it is for, kept in the audit log"),
]


class Audited:
    """Around the audit log, which may wait for its server."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def read(self, key: ApiKey, action: str, stream: UUID, purpose: str | None) -> None:
        """Returns when it is on disk. Raises UnavailableError."""
        await asyncio.to_thread(self._audit.record, Access(f"key:{key.id}", action, stream, purpose))
