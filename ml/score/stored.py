"""Trained models as the arrays and the configuration of an artefact, and back again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ml.artefacts import Artefact, ArtefactError
from ml.baselines.ease import Ease
from ml.baselines.ials import Config as IalsConfig
from ml.baselines.ials import Ials
from ml.baselines.itemknn import ItemKNN
from ml.baselines.popularity import Popularity
from ml.baselines.transitions import Transitions
from ml.baselines.vstan import Config as VstanConfig
from ml.baselines.vstan import Vstan
from ml.content.score import Content, TowerWeights
from ml.ncf.classic import NcfClassic
from ml.ncf.score import Ncf
from ml.ranker import Ranker
from ml.sequences import Sequences
from ml.session.score import Session

Arrays = Mapping[str, NDArray[Any]]
Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Packed:
    """``config`` is plain JSON."""

    kind: str
    config: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Kind:
    """How models of a type are packed and unpacked."""

    type: type
    pack: Callable[[Any], tuple[dict[str, Any], dict[str, NDArray[Any]]]]
    unpack: Callable[[Config, Arrays], Ranker]


def pack(model: Ranker) -> Packed:
    """Raises TypeError for what no artefact can hold."""
    for name, kind in KINDS.items():
        if isinstance(model, kind.type):
            return Packed(name, *kind.pack(model))
    raise TypeError(f"no artefact can hold a {type(model).__name__}")


def unpack(artefact: Artefact) -> Ranker:
    """The model of an artefact; its arrays stay mapped. Raises ArtefactError."""
    said = artefact.manifest
    if said.kind not in KINDS:
        raise ArtefactError("kind: none that is known here")
    try:
        return KINDS[said.kind].unpack(said.config, artefact.arrays)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ArtefactError(f"{said.kind}: not such a model's arrays or configuration") from error


def _plain(model: Any) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Fields that are arrays, and those that are not."""
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in values.items() if name not in arrays}, arrays


def _plainly(kind: type) -> Kind:
    def unpack(config: Config, arrays: Arrays) -> Ranker:
        model: Ranker = kind(**config, **arrays)
        return model

    return Kind(kind, _plain, unpack)


def _sparse(matrix: sparse.csr_array) -> dict[str, NDArray[Any]]:
    return {
        "indptr": matrix.indptr.astype(np.int64),
        "indices": matrix.indices.astype(np.int32),
        "data": matrix.data.astype(np.float32),
    }


def _matrix(arrays: Arrays) -> sparse.csr_array:
    size = len(arrays["indptr"]) - 1
    return sparse.csr_array((arrays["data"], arrays["indices"], arrays["indptr"]), (size, size))


def _vstan(model: Vstan) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    arrays: dict[str, NDArray[Any]] = {
        "indptr": model.indptr,
        "sessions": model.sessions,
        "places": model.places,
        "idf": model.idf,
    }
    arrays |= {"remembered": model.sequences.items, "remembered_indptr": model.sequences.indptr}
    config: dict[str, Any] = msgspec.to_builtins(model.config)
    return config, arrays


def _vstan_again(config: Config, arrays: Arrays) -> Ranker:
    remembered = Sequences(arrays["remembered_indptr"], arrays["remembered"])
    parts = (arrays[name] for name in ("indptr", "sessions", "places", "idf"))
    return Vstan(msgspec.convert(config, VstanConfig), remembered, *parts)


TOWERS = ("item_tower", "user_tower")
TABLE = "table."


def _content(model: Content) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    config, arrays = _plain(replace(model, tables={}))
    for tower in TOWERS:
        arrays |= {f"{tower}.{name}": array for name, array in _plain(config.pop(tower))[1].items()}
    arrays |= {f"{TABLE}{field}": table for field, table in model.tables.items()}
    return {name: config[name] for name in ("window", "scale")}, arrays


def _content_again(config: Config, arrays: Arrays) -> Ranker:
    towers: dict[str, Any] = {
        tower: TowerWeights(**{field.name: arrays[f"{tower}.{field.name}"] for field in fields(TowerWeights)})
        for tower in TOWERS
    }
    tables = {name.removeprefix(TABLE): arrays[name] for name in arrays if name.startswith(TABLE)}
    plain: dict[str, Any] = {name: arrays[name] for name in ("attention", "ago", "items")}
    return Content(**config, **towers, **plain, tables=tables, corrections=arrays.get("corrections"))


PEOPLE = "people"


def _classic(model: NcfClassic) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    config, arrays = _plain(model.ncf)
    return config, arrays | {PEOPLE: model.people}


def _classic_again(config: Config, arrays: Arrays) -> Ranker:
    plain: dict[str, Any] = {name: arrays[name] for name in arrays if name != PEOPLE}
    return NcfClassic(Ncf(**config, **plain), arrays[PEOPLE])


KINDS: dict[str, Kind] = {
    "content": Kind(Content, _content, _content_again),
    "popularity": _plainly(Popularity),
    "ease": _plainly(Ease),
    "session": _plainly(Session),
    "ncf": _plainly(Ncf),
    "ncf-classic": Kind(NcfClassic, _classic, _classic_again),
    "itemknn": Kind(
        ItemKNN, lambda m: ({"decay": m.decay}, _sparse(m.similar)), lambda c, a: ItemKNN(_matrix(a), c["decay"])
    ),
    "transitions": Kind(
        Transitions,
        lambda m: ({"recency": m.recency}, _sparse(m.table)),
        lambda c, a: Transitions(_matrix(a), c["recency"]),
    ),
    "ials": Kind(
        Ials,
        lambda m: (msgspec.to_builtins(m.config), {"items": m.items}),
        lambda c, a: Ials(a["items"], msgspec.convert(c, IalsConfig)),
    ),
    "vstan": Kind(Vstan, _vstan, _vstan_again),
}
