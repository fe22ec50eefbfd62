"""A person with several streams, and their neighbours, in a real namespace."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.erasing.asking import Asked, ask
from app.erasing.erase import erase
from app.projecting import folding, runners
from app.wiring import Wiring
from commands.browse import RecordSearch, RecordView
from commands.bus import Outcome
from commands.command import Command
from commands.identify import Identify
from commands.order import PlaceOrder, ReturnLines
from domain.identity import Identifier, IdentifierKind
from domain.privacy import Method, Source
from domain.values import Channel, Line
from readmodels.erasure import ErasureStatus

AT = datetime(2026, 5, 5, 12, tzinfo=UTC)
ANN = Identifier(kind=IdentifierKind.EMAIL, value="ann@erasure.example")
ANN_USER = Identifier(kind=IdentifierKind.USER, value="ann-42")
BOB = Identifier(kind=IdentifierKind.EMAIL, value="bob@erasure.example")
TABLET = Identifier(kind=IdentifierKind.DEVICE, value="tablet-in-the-shop")
IMMEDIATE = {"erasure_window_h": 0.0, "erasure_four_eyes": False}


def said(number: int | str) -> dict[str, Any]:
    return {"source_id": f"test:{number}", "occurred_at": AT, "channel": Channel.WEB}


def view(who: Identifier, sku: str, number: int | str) -> RecordView:
    return RecordView(identifiers=(who,), sku=sku, **said(number))


def order(who: Identifier, name: str, cents: int, number: int | str) -> PlaceOrder:
    lines = (Line(sku="S-1", price_cents=cents),)
    return PlaceOrder(identifiers=(who,), order_id=name, total_cents=cents, currency="EUR", lines=lines, **said(number))


def refund(who: Identifier, name: str, back: str, cents: int, number: int | str) -> ReturnLines:
    return ReturnLines(
        identifiers=(who,), order_id=name, return_id=back, refund_cents=cents, currency="EUR", **said(number)
    )


def linked(one: Identifier, other: Identifier, number: int | str) -> Identify:
    return Identify(identifiers=(one, other), **said(number))


def lives() -> list[Command]:
    """Ann with two streams and Bob with one, who both used a tablet."""
    return [
        linked(ANN_USER, ANN, 1),
        view(ANN, "S-1", 2),
        view(ANN_USER, "S-2", 3),
        RecordSearch(identifiers=(ANN,), query="quiet canary", **said(4)),
        order(ANN, "A-1", 4990, 5),
        view(BOB, "S-3", 6),
        order(BOB, "B-1", 1990, 7),
        linked(ANN, TABLET, 8),
        linked(BOB, TABLET, 9),
        view(TABLET, "S-4", 10),
    ]


def lives_of(number: int) -> tuple[Identifier, list[Command]]:
    """Somebody of their own with two streams, by a number."""
    email = Identifier(kind=IdentifierKind.EMAIL, value=f"p{number}@erasure.example")
    user = Identifier(kind=IdentifierKind.USER, value=f"p-{number}")
    commands: list[Command] = [
        linked(user, email, f"{number}.1"),
        view(user, "S-1", f"{number}.2"),
        order(email, f"O-{number}", 990, f"{number}.3"),
    ]
    return email, commands


def told(wiring: Wiring, commands: Sequence[Command]) -> list[Outcome]:
    return wiring.bus().dispatch(commands)


def projected(wiring: Wiring) -> None:
    runners.catch_up(wiring, folding.start_generation(wiring))


def stream_of(wiring: Wiring, who: Identifier) -> UUID:
    found = wiring.directory.find(who)
    assert found is not None
    return found


def erased(wiring: Wiring, who: UUID | Identifier) -> ErasureStatus:
    """Asked for, approved and done."""
    asked = ask(wiring, Asked(who, "key:test", Source.API, Method.LOGIN, approve=True))
    assert erase(wiring, [asked.request]) == 1
    found = wiring.erasures.find(asked.request)
    assert found is not None
    return found
