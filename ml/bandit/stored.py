"""A posterior as bytes and back: what was saved, loaded and saved again is equal to the byte."""

import msgspec
import numpy as np

from ml.bandit.model import Config, Posterior

FORMAT = 1
MOST_ARMS = 100_000


class Saved(msgspec.Struct, frozen=True):
    """Arrays are little endian: float64, and int64 for the counts."""

    format: int
    config: Config
    arms: int
    means: bytes
    precisions: bytes
    shown: bytes
    clicked: bytes


def dump(posterior: Posterior) -> bytes:
    """MessagePack of ``Saved``."""
    floats = (np.ascontiguousarray(part, "<f8").tobytes() for part in (posterior.means, posterior.precisions))
    counts = (np.ascontiguousarray(part, "<i8").tobytes() for part in (posterior.shown, posterior.clicked))
    return msgspec.msgpack.encode(Saved(FORMAT, posterior.config, posterior.arms, *floats, *counts))


def load(stored: bytes) -> Posterior:
    """The posterior of ``dump``. Raises ValueError for anything else."""
    try:
        saved = msgspec.msgpack.decode(stored, type=Saved)
    except msgspec.DecodeError:
        raise ValueError("not a stored posterior") from None
    if saved.format != FORMAT:
        raise ValueError("a stored posterior of another format")
    arms, size = saved.arms, saved.config.dimensions
    if not 0 <= arms <= MOST_ARMS:
        raise ValueError("a stored posterior of too many arms")
    posterior = Posterior(
        saved.config,
        _array(saved.means, "<f8", (arms, size)),
        _array(saved.precisions, "<f8", (arms, size, size)),
        _array(saved.shown, "<i8", (arms,)),
        _array(saved.clicked, "<i8", (arms,)),
    )
    if not (np.isfinite(posterior.means).all() and np.isfinite(posterior.precisions).all()):
        raise ValueError("a stored posterior with numbers that are none")
    return posterior


def _array(stored: bytes, kind: str, shape: tuple[int, ...]) -> np.ndarray:
    """Raises ValueError where the bytes are not as many as the shape needs."""
    if len(stored) != 8 * int(np.prod(shape)):
        raise ValueError("a stored posterior with arrays of another length")
    return np.frombuffer(stored, kind).reshape(shape)
