"""Which rung of the ladder a request is answered on: as much as its deadline leaves time for."""

from queries.recommend.decide import Rung

#: How much of a new measurement counts; and how many times the usual time must be left.
SMOOTH = 0.05
MARGIN = 3.0


class Ladder:
    """Learns how long each rung takes in this process, in ms; to be used from one thread."""

    def __init__(self, full_ms: float = 2.0, plain_ms: float = 1.2) -> None:
        self._usual = {Rung.FULL: full_ms, Rung.PLAIN: plain_ms}

    def rung(self, left_ms: float, *, cached: bool) -> Rung:
        """The best that fits into what is left of the deadline; ``cached``: an earlier answer is there."""
        for rung, usual in self._usual.items():
            if left_ms >= MARGIN * usual:
                return rung
        return Rung.CACHED if cached else Rung.POPULAR

    def took(self, rung: Rung, milliseconds: float) -> None:
        """Remembers."""
        if rung in self._usual:
            self._usual[rung] += SMOOTH * (milliseconds - self._usual[rung])
