"""What the read path counts by itself, as Prometheus reads it: nothing is added to a request for it."""

from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.breaker import Breaker, State
from adapters.directory.finding import Finding
from adapters.redis.reader import RedisReader
from queries.reader import Queries


class ReadPath(Collector):
    """Persons, identifiers, breakers and degraded answers of one process."""

    def __init__(self, reader: RedisReader, finding: Finding, queries: Queries) -> None:
        self._reader, self._finding, self._queries = reader, finding, queries

    def collect(self) -> Iterable[Metric]:
        """As they are now."""
        persons, finding = self._reader.persons, self._finding
        counts, l1, tracked = persons.counts, persons.l1, self._reader.tracked
        yield counter("bespoke_l1_hits", "Persons found in L1", counts.hits)
        yield counter("bespoke_l1_misses", "Persons not found in L1", counts.misses)
        yield counter("bespoke_l1_invalidations", "Persons dropped because they changed", l1.invalidated)
        yield counter("bespoke_l1_voided", "Readings that a change overtook", l1.voided)
        yield counter("bespoke_l1_evictions", "Persons dropped for want of room", l1.evicted)
        yield counter("bespoke_l1_emptied", "Times that all was dropped", l1.emptied)
        yield gauge("bespoke_l1_persons", "Persons in L1", len(l1))
        yield gauge("bespoke_l1_bytes", "Estimated size of L1", l1.bytes)
        yield counter("bespoke_l2_reads", "Hashes read from Redis for persons", counts.read)
        yield counter("bespoke_l3_rescues", "Persons that came from PostgreSQL", counts.rescued)
        yield counter("bespoke_stale_persons", "Persons answered from L1 while Redis was away", counts.stale)
        yield counter("bespoke_directory_hits", "Identifiers known in process", finding.hits)
        yield counter("bespoke_directory_misses", "Identifiers not known in process", finding.misses)
        yield gauge("bespoke_tracked_up", "Whether every tracked connection stands", int(tracked.up))
        yield counter("bespoke_tracked_lost", "Tracked connections lost", tracked.lost)
        yield from breakers(
            {
                "redis": persons.redis,
                "postgres": persons.postgres,
                "directory_redis": finding.redis,
                "directory": finding.postgres,
            }
        )
        yield named("bespoke_degraded_answers", "Answers that lacked something", "missing", self._queries.degraded)


def breakers(those: Mapping[str, Breaker]) -> Iterable[Metric]:
    """State (0 closed, 1 half-open, 2 open) of each, and how often it opened."""
    states = GaugeMetricFamily("bespoke_breaker_state", "0 closed, 1 half-open, 2 open", labels=["dependency"])
    for name, breaker in those.items():
        states.add_metric([name], list(State).index(breaker.state))
    yield states
    opened = {name: breaker.opened for name, breaker in those.items()}
    yield named("bespoke_breaker_opened", "Times that it opened", "dependency", opened)


def counter(name: str, words: str, value: int) -> Metric:
    """A count."""
    return CounterMetricFamily(name, words, value=value)


def gauge(name: str, words: str, value: int) -> Metric:
    """What is so now."""
    return GaugeMetricFamily(name, words, value=value)


def named(name: str, words: str, label: str, values: Mapping[str, int]) -> Metric:
    """A count for each of few names."""
    family = CounterMetricFamily(name, words, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family
