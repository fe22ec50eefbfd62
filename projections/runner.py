"""The one runner: takes the log batch by batch to the projections, and confirms how far they have come.

Confirming waits for the store's disk, up to a second, so it happens beside the folding, not between two batches.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from projections.ports import Feed, Positions, Projection

CONFIRM_EVERY_S = 1.0


class StoreRestartedError(Exception):
    """The store's server came back as another run; go back to the last confirmed position."""


class Runner:
    """Use as a context manager; leaving it confirms what was projected. ``projections``: each with the name of the
    position that is moved for it; where several share one, the least counts.

    ``confirm`` returns whether all that is written is now as safe as the store makes it; only then does the position
    move. ``identity`` names the run of the store's server: when it changes, what was written since the last
    confirmation may be gone, so the runner stops and is started again from the confirmed position.
    """

    def __init__(
        self,
        feed: Feed,
        projections: Sequence[tuple[str, Projection]],
        positions: Positions,
        *,
        start: int,
        confirm: Callable[[], bool] = lambda: True,
        identity: Callable[[], str] = lambda: "",
    ) -> None:
        self._feed = feed
        self._projections = projections
        self._positions = positions
        self._confirm = confirm
        self._identity = identity
        self._run = identity()
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="confirm")
        self._asked: tuple[dict[str, int], Future[bool]] | None = None
        self._asked_at = time.monotonic()
        self.position = start
        self._saved = {name: start for name, _ in projections}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.settle()
        self._beside.shutdown(wait=kind is None)

    @property
    def confirmed(self) -> int:
        """The position up to which all projections are confirmed."""
        return min(self._saved.values(), default=self.position)

    def step(self, timeout_s: float = 0.2) -> int:
        """Projects the next batch; how many events it had. Raises StoreRestartedError."""
        batch = self._feed.next_batch(timeout_s)
        if batch:
            for _, projection in self._projections:
                projection.apply(batch)
            self.position = batch[-1].position
        if self._asked and self._asked[1].done():
            self._confirmed(*self._asked)
        if not self._asked and time.monotonic() - self._asked_at >= CONFIRM_EVERY_S:
            self._ask(idle=not batch)
        return len(batch)

    def settle(self) -> None:
        """Stores all that was held back, waits until it is safe, and moves the position. Raises StoreRestartedError."""
        self._answered()
        self._ask(idle=True)
        self._answered()

    def _answered(self) -> None:
        if self._asked:
            self._confirmed(*self._asked)

    def _ask(self, *, idle: bool) -> None:
        for _, projection in self._projections:
            projection.flush(idle=idle)
        self._asked_at = time.monotonic()
        stored = self._stored()
        if stored != self._saved:
            self._asked = stored, self._beside.submit(self._confirm)

    def _stored(self) -> dict[str, int]:
        found = dict.fromkeys(self._saved, self.position)
        for name, projection in self._projections:
            found[name] = max(self._saved[name], min(found[name], projection.stored(self.position)))
        return found

    def _confirmed(self, stored: dict[str, int], answer: "Future[bool]") -> None:
        self._asked = None
        safe = answer.result()
        if self._identity() != self._run:
            raise StoreRestartedError
        if safe:
            for name, position in stored.items():
                if position > self._saved[name]:
                    self._positions.save(name, position)
            self._saved = stored
