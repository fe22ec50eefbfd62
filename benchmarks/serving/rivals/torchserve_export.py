"""The NCF of an artefact as a TorchScript module: weights from an .npz, the same formula as ``ml/ncf/score.py``.

Runs in TorchServe's environment: the .npz, the module to be written.
"""

import sys

import numpy as np
import torch
from torch import nn


class Ncf(nn.Module):
    """``history`` (T,) and ``candidates`` (K,) item rows → (K,) bias + dot + MLP."""

    def __init__(self, arrays, scale: float):
        super().__init__()
        self.scale = scale
        for name in arrays.files:
            if name != "scale":
                self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(arrays[name], np.float32)))

    def forward(self, history, candidates):
        looked = self.items[history]
        turns = torch.arange(looked.shape[0] - 1, -1, -1).clamp(max=self.ago.shape[0] - 1)
        weights = torch.softmax(self.ago[turns] + (looked[-1] @ self.fit) @ looked.T, 0)
        user = weights @ looked @ self.recent + looked.mean(0) @ self.centroid
        user = user / user.norm().clamp(min=1e-12)
        first = torch.relu(self.halves[candidates] + user @ self.user_half + self.user_bias)
        added = torch.relu(first @ self.inner + self.inner_bias) @ self.last
        return self.scale * (self.items[candidates] @ user) + self.bias[candidates] + added


def main() -> None:
    """Writes the module."""
    arrays = np.load(sys.argv[1])
    torch.jit.script(Ncf(arrays, float(arrays["scale"]))).save(sys.argv[2])


main()
