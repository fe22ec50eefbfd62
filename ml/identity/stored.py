"""An identity model as an artefact, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml.artefacts import Artefact, Draft, Position
from ml.identity.model import IdentityModel, decode, encode

KIND = "identity"
ARRAY = "model"


def draft(model: IdentityModel, position: Position, origin: Mapping[str, str]) -> Draft:
    """Its readable JSON as bytes; the manifest says what it has learnt from."""
    arrays: dict[str, Any] = {ARRAY: np.frombuffer(encode(model), np.uint8)}
    said = {"version": model.version, "comparisons": [each.comparison.name for each in model.learnt]}
    metrics = {"records": float(model.records), "prior": model.prior}
    return Draft(KIND, said, arrays, position=position, metrics=metrics, origin=dict(origin))


def model_of(artefact: Artefact) -> IdentityModel:
    """The model of an artefact. Raises ArtefactError, ModelError."""
    return decode(artefact.arrays[ARRAY].tobytes())
