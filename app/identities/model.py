"""The identity model: trained on a file of records or on what the log's persons told, and put into use."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from app.identities.entries import all_entries
from app.training.next_item import alone
from app.wiring import Wiring
from ml.artefacts import Position, open_, write
from ml.identity.fields import Prepared
from ml.identity.model import IdentityModel
from ml.identity.stored import KIND, draft, model_of
from ml.identity.whole import records_of

Step = Callable[[str], Callable[[float], None]]
LEAST_RECORDS = 100


class NoModelError(Exception):
    """There is no identity model in use; or nothing to train one on."""


@dataclass(frozen=True, slots=True)
class TrainedIdentity:
    """The artefact's hash and the model's version, by which links name it."""

    digest: str
    version: str
    records: int
    seconds: float


def from_file(wiring: Wiring, path: Path, mapped: Sequence[str], drop: Sequence[str], step: Step) -> TrainedIdentity:
    """Raises ValueError that names what is wrong with the file, NoModelError, MissingPackageError."""
    from adapters.datasets.people import unlabelled

    step("reading")
    records = unlabelled(path, drop, mapped)
    position = Position(dataset=sha256(path.read_bytes()).hexdigest())
    return _trained(wiring, records, position, {"training": "file"}, step)


def from_log(wiring: Wiring, step: Step) -> TrainedIdentity:
    """On the details of all persons that can be read. Raises NoModelError, UnavailableError, MissingPackageError."""
    step("reading the log")
    shards = wiring.shards.now
    position = Position(tuple(log.head() for log in shards.logs), shards.layout.epoch)
    records = list(records_of(all_entries(wiring)).values())
    return _trained(wiring, records, position, {"training": "log"}, step)


def in_use(wiring: Wiring) -> IdentityModel:
    """Raises NoModelError, ArtefactError, ModelError."""
    digest = wiring.models.in_use(KIND)
    if digest is None:
        raise NoModelError("there is no identity model in use. Train one: bespoke identity train")
    return model_of(open_(wiring.settings.models_folder(), digest))


def _trained(
    wiring: Wiring, records: Sequence[Prepared], position: Position, origin: dict[str, str], step: Step
) -> TrainedIdentity:
    from adapters.splink import engine

    if len(records) < LEAST_RECORDS:
        raise NoModelError(f"{len(records)} records tell something: at least {LEAST_RECORDS} are needed to learn from")
    began = time.monotonic()
    with alone(wiring):
        step("training")
        model = engine.train(records)
        digest = write(wiring.settings.models_folder(), draft(model, position, origin)).digest
        wiring.models.promote(digest, at_ms=time.time_ns() // 1_000_000, by="train")
    return TrainedIdentity(digest, model.version, len(records), time.monotonic() - began)
