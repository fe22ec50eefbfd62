"""What limits and sockets count by themselves, as Prometheus reads it."""

from collections.abc import Iterable

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from adapters.http.limits import Limits
from adapters.http.live import Live
from adapters.http.read_path import counter, gauge, named


class Front(Collector):
    """Of one process."""

    def __init__(self, limits: Limits, live: Live) -> None:
        self._limits, self._live = limits, live

    def collect(self) -> Iterable[Metric]:
        """As they are now."""
        yield counter("bespoke_rate_refused", "Requests beyond their key's limit", self._limits.refused)
        yield counter("bespoke_rate_alone", "Times that tokens came from this process alone", self._limits.alone)
        yield gauge("bespoke_live_sockets", "Sockets that are open", len(self._live))
        yield counter("bespoke_live_pushed", "Answers sent to sockets", self._live.pushed)
        closed = {str(code): count for code, count in self._live.closed.items()}
        yield named("bespoke_live_closed", "Sockets that ended", "code", closed)
