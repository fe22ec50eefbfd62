"""GRU with attention over a session's views.

GRU (Cho et al. 2014) as in GRU4Rec (Hidasi et al. 2016); attention from the latest state to all earlier ones as in NARM
(Li et al. 2017); vectors of items and sessions have length 1, so that popular items win by direction and not by
length, as in NISER (Gupta et al. 2019).
"""

import msgspec
import torch
from torch import Tensor, nn


class Config(msgspec.Struct, frozen=True):
    """``width``: numbers a vector. ``window``: views looked at. ``scale``: of the cosines, before the softmax.
    ``until``: after how many epochs to stop, 0 for all. ``negatives``: sampled items a batch, 0 for all; ``power``: of
    an item's frequency in the sampling."""

    width: int = 100
    window: int = 20
    scale: float = 10.0
    dropout: float = 0.3
    epochs: int = 14
    until: int = 0
    clicks: int = 1024
    rate: float = 2e-3
    decay: float = 0.1
    negatives: int = 0
    power: float = 0.5


class SessionModel(nn.Module):
    """``items`` (N + 1, D): the last row stands for padding."""

    def __init__(self, items: int, config: Config) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.items = nn.Embedding(items + 1, width, padding_idx=items)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.energy = nn.Linear(width, 1, bias=False)
        self.out = nn.Linear(2 * width, width, bias=False)
        self.bias = nn.Parameter(torch.zeros(items))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, clicks: Tensor) -> Tensor:
        """``clicks`` (B, T) item rows, -1 pads on the right → (B, T, D) the session after each click, of length 1."""
        padding = clicks < 0
        looked = nn.functional.normalize(self.items(clicks.masked_fill(padding, len(self.bias))), dim=-1)
        states, _ = self.gru(self.dropout(looked))
        attended = self._attended(states, padding)
        return nn.functional.normalize(self.out(self.dropout(torch.cat([states, attended], dim=-1))), dim=-1)

    def _attended(self, states: Tensor, padding: Tensor) -> Tensor:
        """(B, T, D) for each click, the states up to it, weighted by how well they fit to it."""
        length = states.shape[1]
        energy = self.energy(torch.sigmoid(self.query(states)[:, :, None] + self.key(states)[:, None])).squeeze(-1)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        weights = torch.softmax(energy.masked_fill(later | padding[:, None, :], -1e9), dim=-1)
        return weights @ states

    def logits(self, sessions: Tensor, among: Tensor | None) -> Tensor:
        """``sessions`` (P, D) → (P, K) for the items ``among`` (K,), or for all."""
        rows = self.items.weight[:-1] if among is None else self.items(among)
        bias = self.bias if among is None else self.bias[among]
        return self.config.scale * sessions @ nn.functional.normalize(rows, dim=-1).T + bias
