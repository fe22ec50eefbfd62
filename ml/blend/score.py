"""A blend in use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.blend.calibration import Calibration
from ml.blend.contexts import contexts_of
from ml.blend.forms import on_one_scale
from ml.blend.gather import Member
from ml.blend.learn import Weights
from ml.ranker import Ranker
from ml.sequences import Floats, Sequences


@dataclass(frozen=True, slots=True)
class Blend:
    """``weights`` (contexts, M) of the ``members``, each of which has a model."""

    models: Mapping[str, Ranker]
    members: Sequence[Member]
    weights: Weights
    calibration: Calibration | None = None

    def scores(self, history: Sequences) -> Floats:
        """(B, N)"""
        weights = self.weights[contexts_of(history.lengths)].astype(np.float32)
        total: Floats | None = None
        for column, member in enumerate(self.members):
            if not weights[:, column].any():
                continue
            said = on_one_scale(self.models[member.name].scores(history), member.form, member.floor)
            said *= weights[:, column, None]
            total = said if total is None else total + said
        if total is None:
            raise ValueError("no member of the blend has any weight")
        return total
