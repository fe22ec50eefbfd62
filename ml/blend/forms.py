"""Scores of different kinds on one scale: logarithms of something like a probability."""

from enum import StrEnum

import numpy as np

from ml.sequences import Floats


class Form(StrEnum):
    """``LOGIT``: scores that went through a softmax in training. ``SHARE``: parts of a whole, mostly zeros."""

    LOGIT = "logit"
    SHARE = "share"


def on_one_scale(scores: Floats, form: Form, floor: float) -> Floats:
    """(B, N) scores as logarithms. A share below ``floor`` counts as ``floor``, smoothly."""
    if form is Form.LOGIT:
        return np.asarray(scores - scores.max(axis=1, keepdims=True), np.float32)
    shares = np.maximum(scores, 0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.log(shares + np.float32(floor)), np.float32)
