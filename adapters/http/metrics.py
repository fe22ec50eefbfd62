"""What is counted. Labels are few and never hold what a caller sent."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_CLASSES = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method",
    408: "timeout",
    409: "refused",
    413: "too_large",
    415: "media_type",
    422: "invalid",
    429: "limited",
}


def known_method(method: str) -> str:
    """The method, or OTHER for one that a caller made up."""
    return method if method in _METHODS else "OTHER"


class Metrics:
    """One registry of its own, so that two apps in a process do not mix."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._rejected = Counter(
            "bespoke_rejected",
            "Refused deliveries and items",
            ["channel", "reason", "status"],
            registry=registry,
        )
        self._recorded = Counter("bespoke_events_recorded", "Events recorded", ["channel"], registry=registry)
        self._duplicates = Counter(
            "bespoke_duplicates", "Items that were recorded before", ["channel"], registry=registry
        )
        self._skipped = Counter("bespoke_skipped", "Items of no interest here", ["channel"], registry=registry)
        self._seconds = Histogram(
            "bespoke_http_request_seconds",
            "Time to answer",
            ["route", "method", "status"],
            buckets=_BUCKETS,
            registry=registry,
        )

    def rejected(self, channel: str, status: int, times: int = 1) -> None:
        """Counts refusals by what kind of HTTP status they got."""
        self._rejected.labels(channel, _CLASSES.get(status, "other"), str(status)).inc(times)

    def taken(self, channel: str, *, events: int, duplicates: int, skipped: int) -> None:
        """Counts what became of a delivery's good items."""
        self._recorded.labels(channel).inc(events)
        self._duplicates.labels(channel).inc(duplicates)
        self._skipped.labels(channel).inc(skipped)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """``route`` is the template of the path."""
        self._seconds.labels(route, known_method(method), str(status)).observe(seconds)

    def render(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self.registry)
