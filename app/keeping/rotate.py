"""Rotation of the wrapping keys, and what it means for erasures: no copy of a key from before opens any more."""

from collections.abc import Callable
from datetime import UTC, datetime

from adapters.keys.rotation import Rotated, Rotation
from app.erasing.asking import decide
from app.identities import index
from app.wiring import Wiring
from domain.privacy import ErasureRequest
from readmodels.erasure import DONE, UNREADABLE


def rotate(wiring: Wiring, progress: Callable[[int], None] = lambda keys: None, *, new_epoch: bool = False) -> Rotated:
    """Wraps living keys anew, destroys older wrapping keys, and says so to erasures. Where any were destroyed, streams
    without a key go from linking's index. ``new_epoch``: also those of this month. Can be done again. Raises
    WrappingKeyError, UnavailableError."""
    rotation = Rotation(wiring.keyring)
    if new_epoch:
        rotation.open_epoch()
    rotated = rotation.run(progress)
    if rotated.destroyed:
        index.sweep(wiring)
    tell(wiring, datetime.now(UTC))
    return rotated


def tell(wiring: Wiring, now: datetime) -> int:
    """Erasures of whose streams no copy of a key opens any more, and that do not say so yet: they do now; how many.
    Raises UnavailableError."""
    gone = {each.epoch: each.gone_at for each in Rotation(wiring.keyring).epochs()}
    count = 0
    for status in wiring.erasures.in_state(UNREADABLE, DONE):
        if status.unrecoverable_ms:
            continue
        destroyed = wiring.keyring.destructions(status.streams)
        times = [gone.get(epoch) for epoch, _ in destroyed.values()]
        if times and all(at is not None and at <= now for at in times):
            decide(wiring, status.request, _lost(max(epoch for epoch, _ in destroyed.values())))
            count += 1
    return count


def _lost(epoch: int) -> Callable[[ErasureRequest, datetime], None]:
    return lambda request, now: request.lose(epoch, occurred_at=now)
