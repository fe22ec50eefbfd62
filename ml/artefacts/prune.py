"""Deleting artefacts that nobody can come back to."""

import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from ml.artefacts import files
from ml.artefacts.artefact import with_members
from ml.artefacts.errors import ArtefactError
from ml.artefacts.registry import STEPS, Registry
from ml.artefacts.store import digests

#: What was written less long ago is kept: somebody may be about to promote it.
SPARED_S = 3600.0


def prune(folder: Path, *, kept: int = STEPS, spared_s: float = SPARED_S) -> list[str]:
    """Deletes all artefacts but the latest ``kept`` of each slot and the one that is held, their members, and what is
    new; their digests. What killed writers have left goes too. Raises ArtefactError, and deletes nothing, where a slot
    cannot be read."""
    try:
        with files.locked(folder):
            registry = Registry(folder)
            slots = [registry.slot(name) for name in registry.slots()]
            wanted = {digest for slot in slots for digest in (*slot.stack[-kept:], slot.held) if digest}
            wanted |= {digest for digest in digests(folder) if _age_s(folder / digest) < spared_s}
            needed = _needed(folder, wanted)
            doomed = [digest for digest in digests(folder) if digest not in needed]
            for digest in doomed:
                (folder / digest).rename(beside := folder / f"{files.BESIDE}{uuid4().hex}")
                shutil.rmtree(beside)
            files.clear_abandoned(folder)
            return doomed
    except OSError as error:
        raise ArtefactError(f"artefacts cannot be deleted: {error.strerror}") from error


def _needed(folder: Path, wanted: Iterable[str]) -> set[str]:
    """These and their members; a damaged one has none that are known."""
    found: set[str] = set(wanted)
    for digest in wanted:
        with suppress(ArtefactError):
            found |= {each.digest for each in with_members(folder, digest)}
    return found


def _age_s(path: Path) -> float:
    return time.time() - path.stat().st_mtime
