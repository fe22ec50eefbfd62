"""What is in use: for each kind of model, such as ``next-item``, a slot with one artefact, and those before it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ml.artefacts import files
from ml.artefacts.artefact import Artefact, open_, with_members
from ml.artefacts.errors import ArtefactError
from ml.artefacts.manifest import DIGEST, KIND

IN_USE = "in-use"
MOST_BYTES = 1 << 20
#: So many promotions of a slot can be gone back to, and so many entries of what was done are kept.
STEPS = 10
ENTRIES = 200


class Promotion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That an artefact came into use, by promotion or ``rollback``, or that it was ``held`` and did not. Time and name
    only if the caller gave them."""

    digest: str
    rollback: bool = False
    at_ms: int | None = None
    by: str | None = None
    held: bool = False


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``stack``: digests in the order of promotion, the last is in use. ``log``: what was done, latest last."""

    stack: tuple[str, ...] = ()
    log: tuple[Promotion, ...] = ()

    @property
    def held(self) -> str | None:
        """What was held last, if nothing came into use since."""
        return self.log[-1].digest if self.log and self.log[-1].held else None


class Registry:
    """The slots of a models folder. A switch is one rename of a small file; changes wait for one another."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def slots(self) -> list[str]:
        """Names of all slots that something was promoted to."""
        found = (path.name.removesuffix(".json") for path in (self._folder / IN_USE).glob("*.json"))
        return sorted(name for name in found if KIND.fullmatch(name))

    def slot(self, name: str) -> Slot:
        """Raises ArtefactError when the file is damaged."""
        where = f"slot {name}"
        try:
            content = files.read(path_of(self._folder, name), where, MOST_BYTES)
            slot = msgspec.json.decode(content, type=Slot)
        except FileNotFoundError:
            return Slot()
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise ArtefactError(f"{where}: the file is damaged") from None
        if not all(map(DIGEST.fullmatch, (*slot.stack, *(entry.digest for entry in slot.log)))):
            raise ArtefactError(f"{where}: not a digest")
        return slot

    def in_use(self, name: str) -> str | None:
        """The digest, or None. Raises ArtefactError."""
        stack = self.slot(name).stack
        return stack[-1] if stack else None

    def promote(self, digest: str, *, at_ms: int | None = None, by: str | None = None) -> Artefact:
        """Puts an artefact into use in the slot of its kind, after reading all of it and of its members; nothing
        happens where it is in use. Raises ArtefactError, and all stays as it was."""

        def push(slot: Slot) -> Slot:
            if slot.stack[-1:] == (digest,):
                return slot
            return Slot((*slot.stack, digest)[-STEPS:], (*slot.log, Promotion(digest, False, at_ms, by)))

        return self._change(open_(self._folder, digest).manifest.kind, push)

    def hold(self, digest: str, *, at_ms: int | None = None, by: str | None = None) -> None:
        """Notes that an artefact was made and not put into use, in a slot that has something in use. Raises
        ArtefactError."""

        def note(slot: Slot) -> Slot:
            if not slot.stack:
                raise ArtefactError("nothing is in use that could stay")
            return Slot(slot.stack, (*slot.log, Promotion(digest, False, at_ms, by, held=True)))

        self._change(open_(self._folder, digest).manifest.kind, note)

    def roll_back(self, name: str, *, at_ms: int | None = None, by: str | None = None) -> Artefact:
        """Puts the artefact before into use, and forgets the step. Raises ArtefactError."""

        def pop(slot: Slot) -> Slot:
            if len(slot.stack) < 2:
                raise ArtefactError(f"slot {name}: nothing was in use before")
            return Slot(slot.stack[:-1], (*slot.log, Promotion(slot.stack[-2], True, at_ms, by)))

        return self._change(name, pop)

    def _change(self, name: str, change: Callable[[Slot], Slot]) -> Artefact:
        try:
            with files.locked(self._folder):
                before = self.slot(name)
                after = change(before)
                artefact, *members = with_members(self._folder, after.stack[-1])
                for each in (artefact, *members):
                    each.verify()
                if after != before:
                    files.make_folder(self._folder / IN_USE)
                    kept = replace(after, log=after.log[-ENTRIES:])
                    files.replace(path_of(self._folder, name), msgspec.json.encode(kept))
                return artefact
        except OSError as error:
            raise ArtefactError(f"slot {name}: cannot be written: {error.strerror}") from error


def path_of(folder: Path, slot: str) -> Path:
    """The file that tells what is in use. Raises ArtefactError."""
    if not KIND.fullmatch(slot):
        raise ArtefactError("slot: lower-case letters, digits and hyphens, at most 40")
    return folder / IN_USE / f"{slot}.json"
