"""Model artefacts as an operator sees them: what there is, what is in use, and putting another into use."""

import time
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins

from app.settings import Settings
from ml.artefacts import Artefact, ArtefactError, Manifest, Registry, Slot, digests, find, open_


@dataclass(frozen=True, slots=True)
class Model:
    """One artefact. ``manifest`` is None where it is damaged, and ``problem`` says how; ``slots``: where it is in use;
    ``held``: it was made last and not put into use; ``written_s``: when it was, in seconds since 1970."""

    digest: str
    manifest: Manifest | None
    problem: str
    size: int
    slots: tuple[str, ...]
    written_s: float
    held: bool = False

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        said = self.manifest
        return {
            "digest": self.digest,
            "kind": said.kind if said else None,
            "in_use": bool(self.slots),
            "held": self.held,
            "bytes": self.size,
            "written_s": round(self.written_s, 3),
            "metrics": said.metrics if said else {},
            "position": to_builtins(said.position) if said else None,
            "problem": self.problem or None,
        }


def every(settings: Settings) -> list[Model]:
    """All artefacts, the newest first. Raises ArtefactError when it cannot be read what is in use."""
    folder, registry = settings.models_folder(), Registry(settings.models_folder())
    slots = {name: registry.slot(name) for name in registry.slots()}
    found = [_model(settings, digest, slots) for digest in digests(folder)]
    return sorted(found, key=lambda model: (-model.written_s, model.digest))


def one(settings: Settings, prefix: str | None) -> Artefact:
    """The artefact whose digest begins so, or the one in use where only one slot is. Raises ArtefactError."""
    folder = settings.models_folder()
    if prefix is not None:
        return open_(folder, find(folder, prefix))
    registry = Registry(folder)
    digest = registry.in_use(only_slot(settings))
    assert digest is not None  # a slot begins with its first promotion
    return open_(folder, digest)


def only_slot(settings: Settings) -> str:
    """The slot that is meant when none is named. Raises ArtefactError unless there is one."""
    slots = Registry(settings.models_folder()).slots()
    if not slots:
        raise ArtefactError("no model is in use yet. Make one: bespoke train")
    if len(slots) > 1:
        raise ArtefactError(f"say which: {', '.join(slots)}")
    return slots[0]


def promote(settings: Settings, prefix: str) -> Artefact:
    """Puts into use what begins so, after reading all of it. Raises ArtefactError."""
    folder = settings.models_folder()
    return Registry(folder).promote(find(folder, prefix), at_ms=_now_ms(), by="bespoke models promote")


def roll_back(settings: Settings, slot: str | None) -> Artefact:
    """Puts into use what was before. Raises ArtefactError."""
    registry = Registry(settings.models_folder())
    return registry.roll_back(slot or only_slot(settings), at_ms=_now_ms(), by="bespoke models rollback")


def _model(settings: Settings, digest: str, slots: dict[str, Slot]) -> Model:
    folder = settings.models_folder()
    used = tuple(name for name, slot in slots.items() if slot.stack[-1:] == (digest,))
    held = any(slot.held == digest for slot in slots.values())
    written_s = (folder / digest).stat().st_mtime
    try:
        artefact = open_(folder, digest)
    except ArtefactError as error:
        return Model(digest, None, str(error), 0, used, written_s, held)
    return Model(digest, artefact.manifest, "", artefact.size, used, written_s, held)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
