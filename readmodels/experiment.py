"""The experiments that answers depend on, as serving needs them."""

from hashlib import blake2b
from uuid import UUID, uuid5

import msgspec

from domain.experiment import Design, State
from domain.product import NAMESPACE

#: The field under which all experiments stand.
CURRENT = uuid5(NAMESPACE, "experiments")
#: In these states an experiment counts for answers.
SERVED = (State.RUNNING.value, State.PAUSED.value, State.SHIPPED.value)


class ExperimentRecord(msgspec.Struct, frozen=True, array_like=True):
    """``version``: of its stream. ``coverage`` in 10,000ths. ``shipped``: the variant that is for everybody. ``design``
    as JSON, with the shares that hold now; nothing once it is stopped."""

    stream: UUID
    version: int = 0
    key: str = ""
    seed: str = ""
    state: str = ""
    coverage: int = 0
    shipped: str = ""
    design: bytes = b""


class PublishedExperiments(msgspec.Struct, frozen=True, array_like=True):
    """``version``: the sum of all streams' versions. ``digest`` names those that count for answers by their content, ""
    where there are none. ``experiments``: all that ever were, by stream."""

    version: int = 0
    digest: str = ""
    experiments: tuple[ExperimentRecord, ...] = ()


def encode(record: PublishedExperiments) -> bytes:
    """4 bytes of version, big endian, then the record."""
    return record.version.to_bytes(4, "big") + _ENCODER.encode(record)


def decode(stored: bytes) -> PublishedExperiments:
    """The record of ``encode``. Raises msgspec.DecodeError."""
    return _DECODER.decode(stored[4:])


def served(published: PublishedExperiments) -> tuple[ExperimentRecord, ...]:
    """Those that count for answers, by key; versions are of no matter to them."""
    found = (msgspec.structs.replace(e, version=0) for e in published.experiments if e.state in SERVED)
    return tuple(sorted(found, key=lambda each: each.key))


def digest_of(experiments: tuple[ExperimentRecord, ...]) -> str:
    """The hash of what ``served`` gives, 32 hexadecimal digits; "" for none."""
    return blake2b(_ENCODER.encode(experiments), digest_size=16).hexdigest() if experiments else ""


def design_of(record: ExperimentRecord) -> Design:
    """The design itself. Raises ValueError."""
    return Design.model_validate_json(record.design)


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_DECODER = msgspec.msgpack.Decoder(PublishedExperiments)
