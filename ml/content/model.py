"""Two towers (Covington et al., RecSys 2016; Yi et al., RecSys 2019), with one kind of vector in both.

The item's tower: embeddings of all its codes, added up field by field, through an MLP beside which they also go past,
to a vector of length 1. The person's tower: the vectors of the items looked at, weighted by what they are and by how
long ago, through an MLP of the same shape. An item that people have looked at adds a correction of its own where it
stands in a history, never where it is to be found; so what is new is found just as what is old.
"""

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.content.features import bounded
from ml.neural.arrays import array
from ml.sequences import Attributes, Field, ragged

FAR = 50


class Config(msgspec.Struct, frozen=True):
    """``width``: numbers a vector. ``inner``: of the MLPs. ``window``: items looked at. ``scale``: of the cosines
    at the start; it is learnt. ``forgotten``: the part of the codes, and of the fields where there are several, left
    out in training. ``corrected``: whether items in a history have corrections, which as often are left out.
    ``negatives``: items a batch is compared with beside its own, drawn evenly; 0 for all items, without drawing.
    ``until``: after how many epochs to stop, 0 for all."""

    width: int = 128
    inner: int = 256
    window: int = 20
    scale: float = 14.0
    dropout: float = 0.1
    forgotten: float = 0.1
    corrected: bool = True
    epochs: int = 6
    until: int = 0
    clicks: int = 1024
    rate: float = 3e-3
    decay: float = 1e-5
    negatives: int = 256


class Tower(nn.Module):
    """x (…, D) → x + MLP(x), of length 1."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.first = nn.Linear(config.width, config.inner)
        self.last = nn.Linear(config.inner, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        added = self.last(self.dropout(torch.relu(self.first(x))))
        return nn.functional.normalize(x + added, dim=-1, eps=1e-6)


class ContentModel(nn.Module):
    """The fields are in the order of their names. ``codes``: of each field those that any item has, ascending; a table
    has rows for them alone. ``corrections`` (N + 1, D): the last row stands for padding."""

    def __init__(self, attributes: Attributes, config: Config) -> None:
        super().__init__()
        self.config = config
        self.names = tuple(sorted(attributes.fields))
        self.whole = [bounded(attributes.fields[name]) for name in self.names]
        self.codes = [np.unique(field.codes) for field in self.whole]
        self.fields = [_renumbered(field, codes) for field, codes in zip(self.whole, self.codes, strict=True)]
        self.tables = nn.ParameterList([torch.randn(field.size, config.width) * 0.1 for field in self.fields])
        self.item_tower = Tower(config)
        self.user_tower = Tower(config)
        self.attention = nn.Parameter(torch.zeros(config.width))
        self.ago = nn.Parameter(-torch.log(torch.arange(FAR) + 1.0))
        self.log_scale = nn.Parameter(torch.tensor(float(np.log(config.scale))))
        if config.corrected:
            self.corrections = nn.Parameter(torch.zeros(attributes.items + 1, config.width))

    def items(self, rows: Tensor) -> Tensor:
        """``rows`` (K,) items → (K, D) their vectors, from attributes alone."""
        chosen = rows.numpy()
        summed = torch.zeros(len(chosen), self.config.width)
        for table, field in zip(self.tables, self.fields, strict=True):
            lengths = np.diff(field.indptr)[chosen]
            codes = torch.from_numpy(field.codes[ragged(field.indptr[chosen], lengths)].astype(np.int64))
            offsets = torch.from_numpy(np.concatenate(([0], np.cumsum(lengths)[:-1])).astype(np.int64))
            weights = torch.from_numpy(np.repeat(1 / np.sqrt(np.maximum(lengths, 1.0)), lengths).astype(np.float32))
            if self.training:
                weights = weights * self._kept(lengths)
            summed = summed + nn.functional.embedding_bag(codes, table, offsets, mode="sum", per_sample_weights=weights)
        vectors: Tensor = self.item_tower(summed)
        return vectors

    def _kept(self, lengths: NDArray[np.int64]) -> Tensor:
        """(M,) 1 for codes that count this time, 0 for those that are forgotten."""
        kept = torch.rand(int(lengths.sum())) >= self.config.forgotten
        if len(self.fields) > 1:
            whole = torch.rand(len(lengths)) >= self.config.forgotten
            kept = kept & whole.repeat_interleave(torch.from_numpy(lengths))
        return kept.float()

    def looked_at(self, vectors: Tensor, rows: Tensor) -> Tensor:
        """``vectors`` (K, D) of items, ``rows`` (K,) → (K, D) what they are in a history."""
        if not self.config.corrected:
            return vectors
        added = self.corrections[rows]
        if self.training:
            added = added * (torch.rand(len(rows), 1) < 0.5) * 2
        return vectors + added

    def users(self, seen: Tensor) -> Tensor:
        """``seen`` (B, T, D) items in histories, oldest first → (B, T, D) the person after each of them."""
        places = torch.arange(seen.shape[1])
        ago = self.ago[(places[:, None] - places[None]).clamp(0, FAR - 1)]
        energy = ago + (seen @ self.attention)[:, None, :]
        later = places[:, None] < places[None]
        pooled = torch.softmax(energy.masked_fill(later, -torch.inf), dim=-1) @ seen
        vectors: Tensor = self.user_tower(pooled)
        return vectors

    def scale(self) -> Tensor:
        """What cosines are multiplied by; from 1 to 100."""
        return self.log_scale.clamp(0, float(np.log(100))).exp()

    def full_tables(self) -> dict[str, NDArray[np.float32]]:
        """Field → (size, D) a row for each code there can be; zeros for those that no item has."""
        found = {}
        for name, field, codes, table in zip(self.names, self.whole, self.codes, self.tables, strict=True):
            found[name] = np.zeros((field.size, self.config.width), np.float32)
            found[name][codes] = array(table)
        return found


def _renumbered(field: Field, codes: NDArray[np.int32]) -> Field:
    return Field(field.indptr, np.searchsorted(codes, field.codes).astype(np.int32), len(codes))
