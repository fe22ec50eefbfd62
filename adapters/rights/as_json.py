"""An export as JSON, in pieces: never all of it is in memory."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from queries.export import Dossier

FORMAT, VERSION = "bespoke.export", 1
_ENCODER = msgspec.json.Encoder()


def as_json(dossier: Dossier) -> Iterator[bytes]:
    """One object. What is short comes first; ``decisions`` and ``events`` are last."""
    head: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": dossier.made_at,
        "person_id": dossier.person_id,
        "status": dossier.profile.status,
        "streams": dossier.streams,
        "details": dossier.details,
        "profile": dossier.profile,
        **dossier.about,
    }
    yield _ENCODER.encode(head)[:-1]
    yield from _array("decisions", dossier.decisions())
    yield b',"decisions_expired":%d' % dossier.expired[0]
    yield from _array("events", dossier.events())
    yield b"}\n"


def _array(name: str, items: Iterable[Any]) -> Iterator[bytes]:
    yield b',"%b":[' % name.encode()
    between = b"\n"
    for item in items:
        yield between + _ENCODER.encode(item)
        between = b",\n"
    yield b"\n]"
