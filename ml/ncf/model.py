"""NCF (He et al., WWW 2017) with what it lacks to beat simple models added: an item bias and a dot product beside the
MLP (Rendle et al., RecSys 2020), and a user vector made of the history's items, so that the model holds nobody.
"""

from typing import Literal

import msgspec
import torch
from torch import Tensor, nn

FAR = 50


class Config(msgspec.Struct, frozen=True):
    """``width``: numbers a vector. ``window``: items looked at. ``scale``: of the cosines, before the softmax.
    ``until``: after how many epochs to stop, 0 for all. ``negatives``: sampled items a batch, 0 for all; ``power``: of
    an item's frequency in the sampling. ``compared``: items that the MLP learns to tell from the target. ``users``:
    where a person's vector comes from: the ``history``, or for known persons a row of their own, an ``embedding``.
    ``loss``: ``bpr`` for pairs with ``negatives``, or without them ``compared``."""

    width: int = 128
    window: int = 50
    scale: float = 10.0
    dropout: float = 0.3
    epochs: int = 10
    until: int = 0
    clicks: int = 1024
    rate: float = 2e-3
    decay: float = 0.1
    negatives: int = 0
    power: float = 0.5
    compared: int = 32
    users: Literal["history", "embedding"] = "history"
    loss: Literal["softmax", "bpr"] = "softmax"


class NcfModel(nn.Module):
    """``items`` (N + 1, D): the last row stands for padding. ``people`` (P, D): those with a row of their own."""

    def __init__(self, items: int, config: Config, people: int = 0) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.items = nn.Embedding(items + 1, width, padding_idx=items)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        self.ago = nn.Parameter(-0.3 * torch.arange(FAR, dtype=torch.float32))
        self.fit = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.fit.weight)
        self.recent = nn.Linear(width, width, bias=False)
        self.centroid = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.recent.weight)
        nn.init.zeros_(self.centroid.weight)
        self.bias = nn.Parameter(torch.zeros(items))
        self.user_half = nn.Linear(width, 128)
        self.item_half = nn.Linear(width, 128, bias=False)
        self.inner = nn.Linear(128, 64)
        self.last = nn.Linear(64, 1, bias=False)
        nn.init.zeros_(self.last.weight)
        self.dropout = nn.Dropout(config.dropout)
        if people:
            self.people = nn.Embedding(people, width)
            nn.init.normal_(self.people.weight, std=width**-0.5)

    def forward(self, clicks: Tensor) -> Tensor:
        """``clicks`` (B, T) item rows, -1 pads on the right → (B, T, D) the person after each click, of length 1."""
        padding = clicks < 0
        looked = nn.functional.normalize(self.items(clicks.masked_fill(padding, len(self.bias))), dim=-1)
        length = clicks.shape[1]
        places = torch.arange(length)
        ago = (places[:, None] - places[None]).clamp(0, FAR - 1)
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        energy = self.ago[ago] + self.fit(looked) @ looked.transpose(1, 2)
        weights = torch.softmax(energy.masked_fill(later, -1e9), dim=-1)
        evenly = (~later).float() / (places + 1)[:, None]
        seen = self.dropout(looked)
        return nn.functional.normalize(self.recent(weights @ seen) + self.centroid(evenly @ seen), dim=-1)

    def person(self, rows: Tensor) -> Tensor:
        """``rows`` (P,) of persons → (P, D), of length 1."""
        return nn.functional.normalize(self.dropout(self.people(rows)), dim=-1)

    def unit(self, among: Tensor | None) -> Tensor:
        """(K, D) vectors of the items ``among``, or of all, of length 1."""
        rows = self.items.weight[:-1] if among is None else self.items(among)
        return nn.functional.normalize(rows, dim=-1)

    def logits(self, users: Tensor, among: Tensor | None) -> Tensor:
        """``users`` (P, D) → (P, K) bias + dot, without the MLP."""
        return self.config.scale * users @ self.unit(among).T + (self.bias if among is None else self.bias[among])

    def mlp(self, users: Tensor, items: Tensor) -> Tensor:
        """``users`` (P, D), ``items`` (P, K, D) or (K, D) → (P, K). The first layer is split in a half for each."""
        first = torch.relu(self.user_half(users)[:, None] + self.item_half(items))
        added: Tensor = self.last(torch.relu(self.inner(first))).squeeze(-1)
        return added
