"""A blend as it is served: candidates of one person, what each member says of them, and the probability of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.artefacts import Artefact, ArtefactError, Draft, Position, open_, write
from ml.blend.calibration import Calibration
from ml.blend.contexts import contexts_of
from ml.blend.forms import Form
from ml.blend.gather import Member
from ml.blend.score import Blend
from ml.content.score import Content
from ml.ncf.score import Ncf
from ml.ranker import Ranker
from ml.score.ann import ROLE, index_of
from ml.score.stored import pack, unpack
from ml.sequences import Floats, Rows, Sequences
from ml.session.score import Session

KIND = "blend"


@dataclass(frozen=True, slots=True)
class Scored:
    """Of K candidates: ``total`` (K,) what to rank by, ``parts`` (M, K) what each member adds to it, ``probability``
    (K,) that it is what comes next."""

    total: Floats
    parts: Floats
    probability: Floats


def score(blend: Blend, history: Rows, candidates: Rows) -> Scored:
    """``history``: item rows, oldest first, may be empty; ``candidates`` (K,) item rows. Equal to ``Blend.scores`` but
    for a constant that is the same for all candidates."""
    weights = blend.weights[contexts_of(np.array([len(history)]))[0]].astype(np.float32)
    parts = np.zeros((len(blend.members), len(candidates)), np.float32)
    for row, member in enumerate(blend.members):
        if weights[row]:
            parts[row] = weights[row] * said(blend.models[member.name], member, history, candidates)
    total = parts.sum(axis=0)
    shares = total - np.logaddexp.reduce(total.astype(np.float64))
    true = blend.calibration.probability(shares) if blend.calibration else np.exp(shares)
    return Scored(total, parts, np.asarray(true, np.float32))


def said(model: Ranker, member: Member, history: Rows, candidates: Rows) -> Floats:
    """(K,) a member's logarithms for the candidates."""
    if member.form is Form.LOGIT:
        return logits(model, history, candidates)
    scores = np.maximum(model.scores(one(history))[0], 0)
    shares = scores[candidates] / max(float(scores.sum()), 1e-12)
    return np.asarray(np.log(shares + np.float32(member.floor)), np.float32)


def logits(model: Ranker, history: Rows, candidates: Rows) -> Floats:
    """(K,) those of a model that can score some items alone, without scoring all."""
    if isinstance(model, Session):
        return model.score(model.vectors(one(history))[0], candidates)
    if isinstance(model, Content):
        return np.asarray(model.scale * (model.items[candidates] @ model.users(one(history))[0]), np.float32)
    if isinstance(model, Ncf):
        return model.score(model.users(one(history))[0], candidates)
    return np.asarray(model.scores(one(history))[0][candidates], np.float32)


def one(history: Rows) -> Sequences:
    """A single history."""
    return Sequences(np.array([0, len(history)], np.int64), np.asarray(history, np.int32))


def store(
    folder: Path,
    blend: Blend,
    names: tuple[str, ...],
    position: Position,
    metrics: dict[str, float],
    notes: object,
    beside: Mapping[str, str] | None = None,
    origin: Mapping[str, str] | None = None,
) -> Artefact:
    """Writes each member as an artefact, with an index of its vectors where there are many, and then the blend, which
    names them. ``beside``: further artefacts that belong to it, by role. Raises ArtefactError."""
    used = [member for column, member in enumerate(blend.members) if blend.weights[:, column].any()]
    digests = dict(beside or {})
    for member in used:
        packed = pack(blend.models[member.name])
        draft = Draft(packed.kind, packed.config, packed.arrays, names, position)
        digests[member.name] = write(folder, draft).digest
        if index := index_of(blend.models[member.name], names, position):
            digests[ROLE + member.name] = write(folder, index).digest
    columns = [blend.members.index(member) for member in used]
    arrays: dict[str, NDArray[np.float64]] = {"weights": np.ascontiguousarray(blend.weights[:, columns])}
    if blend.calibration:
        arrays |= {"raw": blend.calibration.raw, "true": blend.calibration.true}
    config = {
        "members": [{"name": each.name, "form": each.form.value, "floor": each.floor} for each in used],
        "notes": notes,
    }
    return write(folder, Draft(KIND, config, arrays, names, position, metrics, digests, dict(origin or {})))


def load(folder: Path, artefact: Artefact) -> Blend:
    """The blend of an artefact, its members opened. Raises ArtefactError."""
    said_ = artefact.manifest
    if said_.kind != KIND:
        raise ArtefactError("kind: no blend")
    try:
        members = [Member(each["name"], Form(each["form"]), each["floor"]) for each in said_.config["members"]]
        models = {member.name: unpack(open_(folder, said_.members[member.name])) for member in members}
        arrays = artefact.arrays
        calibration = Calibration(arrays["raw"], arrays["true"]) if "raw" in arrays else None
        return Blend(models, members, arrays["weights"], calibration)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError("blend: not such a model's arrays or configuration") from error
