"""How receipts come along, as Prometheus reads it."""

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from adapters.receipts.keeper import Keeper


class ReceiptMetrics(Collector):
    """Of one process."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def collect(self) -> Iterator[Metric]:
        """Counts and the number that wait."""
        keeper = self._keeper
        yield CounterMetricFamily("bespoke_receipts_stored", "Receipts stored in PostgreSQL", keeper.stored)
        yield CounterMetricFamily("bespoke_receipts_failed", "Receipts lost to a full disk", keeper.failed)
        yield GaugeMetricFamily("bespoke_receipts_waiting", "Receipts that wait for PostgreSQL", keeper.waiting)
