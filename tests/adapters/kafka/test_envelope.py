"""A command through its envelope: whole, private, and by nobody but us."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.kafka.envelope import MOST_BYTES, TYPES, Message, PoisonError
from app.wiring import Wiring
from commands.browse import RecordView
from commands.command import Command, CustomerCommand, StreamCommand
from commands.tie import TieCommand
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel
from tests.commands.test_each_command import CASES
from tests.namespaces import namespace

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MAIL = "ann.example@shop.example"


def view(source: str = "delivery-1", **changes: Any) -> RecordView:
    """Somebody with an address looks at something."""
    told = {
        "identifiers": (Identifier(kind=IdentifierKind.EMAIL, value=MAIL),),
        "source_id": source,
        "occurred_at": NOW,
        "channel": Channel.EMAIL,
        "sku": "SECRET-SKU",
    }
    return RecordView(**(told | changes))


def opened(wiring: Wiring, message: Message) -> Command:
    return wiring.envelope.open(message.key, message.value, message.headers)


def with_header(message: Message, name: str, value: bytes | None) -> Message:
    kept = [(n, v) for n, v in message.headers if n != name]
    return replace(message, headers=[*kept, *([] if value is None else [(name, value)])])


def test_every_command_has_a_type() -> None:
    wanted = {case[0] for case in CASES}
    assert wanted <= set(TYPES.values())
    subclasses = [c for c in _all(Command) if c.__module__.startswith("commands.")]
    abstract = {"CustomerCommand", "ProductCommand", "ExperimentCommand", "ChangeExperiment", "RulesCommand"}
    by_stream = {StreamCommand, TieCommand, *_all(StreamCommand), *_all(TieCommand)}  # no identifier to be sent under
    abstract |= {c.__name__ for c in by_stream}
    assert {c.__name__ for c in subclasses} - abstract == {c.__name__ for c in TYPES.values()}


def _all(cls: type[Command]) -> set[type[Command]]:
    return {each for sub in cls.__subclasses__() for each in {sub, *_all(sub)}}


@pytest.mark.parametrize(("cls", "event", "must", "may"), CASES, ids=[case[0].__name__ for case in CASES])
def test_every_command_comes_back_whole(
    wiring: Wiring, cls: type[Command], event: object, must: dict[str, Any], may: dict[str, Any]
) -> None:
    who = {"identifiers": (Identifier(kind=IdentifierKind.USER, value="u1"),), "channel": Channel.WEB}
    base = {"source_id": "s", "occurred_at": NOW + timedelta(microseconds=7)}
    command = cls(**base, **(who if issubclass(cls, CustomerCommand) else {"sku": "S"}), **must, **may)
    assert opened(wiring, wiring.envelope.seal(command, NOW)) == command


def test_nothing_that_can_be_read_is_personal(wiring: Wiring) -> None:
    message = wiring.envelope.seal(view(source=f"mail to {MAIL}"), NOW)
    whole = b"|".join([message.key, message.value, *(n.encode() + v for n, v in message.headers)])
    for secret in (MAIL, "SECRET-SKU", "mail to"):
        assert secret.encode() not in whole
    told = dict(message.headers)
    assert told["ce_specversion"] == b"1.0"
    assert told["ce_type"] == b"bespoke.RecordView.v1"
    assert told["ce_source"] and told["ce_id"] and told["content-type"] == b"application/octet-stream"


def test_one_person_has_one_key_and_one_delivery_one_id(wiring: Wiring) -> None:
    one, again, other = (wiring.envelope.seal(view(source), NOW) for source in ("a", "a", "b"))
    assert one.key == again.key == other.key
    assert dict(one.headers)["ce_id"] == dict(again.headers)["ce_id"] != dict(other.headers)["ce_id"]
    assert one.value != again.value


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda m: with_header(m, "ce_specversion", b"0.3"), "ce_specversion"),
        (lambda m: with_header(m, "ce_specversion", None), "ce_specversion"),
        (lambda m: with_header(m, "ce_type", b"bespoke.Nothing.v1"), "ce_type"),
        (lambda m: with_header(m, "ce_type", None), "ce_type"),
        (lambda m: with_header(m, "ce_type", b"bespoke.BrowseCategory.v1"), "value"),
        (lambda m: with_header(m, "ce_id", b"another"), "value"),
        (lambda m: with_header(m, "ce_keyday", b"1"), "ce_keyday"),
        (lambda m: with_header(m, "ce_keyday", b"\xff"), "ce_keyday"),
        (lambda m: with_header(m, "ce_keyday", "³".encode()), "ce_keyday"),
        (lambda m: replace(m, value=b""), "value"),
        (lambda m: replace(m, value=m.value[:-1] + bytes([m.value[-1] ^ 1])), "value"),
        (lambda m: replace(m, value=bytes(MOST_BYTES + 1)), "value"),
        (lambda m: replace(m, key=b"another key"), "value"),
    ],
)
def test_a_poisoned_record_names_the_field(wiring: Wiring, spoil: Any, field: str) -> None:
    message = spoil(wiring.envelope.seal(view(), NOW))
    with pytest.raises(PoisonError, match=f"^{field}: ") as refusal:
        opened(wiring, message)
    assert MAIL not in str(refusal.value)


def test_a_command_that_is_none_names_its_field_and_never_its_value(wiring: Wiring) -> None:
    broken = view().model_copy(update={"sku": "", "source_id": "a secret" * 100})
    with pytest.raises(PoisonError, match=r"^sku, source_id: not as RecordView wants it$") as refusal:
        opened(wiring, wiring.envelope.seal(broken, NOW))
    assert refusal.value.data is not None


def test_another_installation_cannot_be_read(wiring: Wiring, servers: Wiring) -> None:
    with namespace(wiring.settings) as elsewhere, pytest.raises(PoisonError):
        opened(wiring, elsewhere.envelope.seal(view(), NOW))


def test_what_is_past_its_days_is_gone_for_ever(wiring: Wiring) -> None:
    message = wiring.envelope.seal(view(), NOW)
    keys = wiring.envelope._keys
    assert keys.expire(NOW + timedelta(days=3)) == 0
    assert opened(wiring, message) == view()
    assert keys.expire(NOW + timedelta(days=6)) == 1
    with pytest.raises(PoisonError, match=r"^ce_keyday: no key"):
        opened(wiring, message)
