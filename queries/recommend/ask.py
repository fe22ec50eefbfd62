"""What was asked for: everything that an answer depends on but the person and the generations."""

from uuid import UUID

import msgspec

LIMIT = 20
DEADLINE_MS = 40


class Wanted(msgspec.Struct, frozen=True):
    """``item``: the SKU whose page is shown. ``skus``: the hits of a search to be ordered, or what lies in a cart.
    ``category``: whose items are to be ordered. ``store``: the location that an answer in a shop is for. ``limit``
    None: as many as is usual for the placement. ``deadline_ms``: by then the answer has to be there.
    ``opted_out``: the request itself objects to profiles (Sec-GPC)."""

    placement: str = "home"
    limit: int | None = None
    item: str | None = None
    skus: tuple[str, ...] = ()
    category: str | None = None
    store: str | None = None
    device: str | None = None
    channel: str | None = None
    deadline_ms: int = DEADLINE_MS
    opted_out: bool = False


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A request with its moment: ``at_ms``, milliseconds since 1970; nothing later reads a clock. For the rest see
    ``Wanted``."""

    decision_id: UUID
    placement: str
    at_ms: int
    limit: int = LIMIT
    item: str | None = None
    skus: tuple[str, ...] = ()
    category: str | None = None
    store: str | None = None
    device: str | None = None
    channel: str | None = None
    opted_out: bool = False
