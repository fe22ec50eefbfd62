"""What answers. Models and frameworks are imported where they are needed: most processes never answer."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters.directory.finding import Finding, Waits
from adapters.eventlog.feed import ReplayFeed
from adapters.http.limits import Limits
from adapters.redis.buckets import Buckets
from adapters.redis.rescue import Rescue

if TYPE_CHECKING:
    from adapters.http.live import Live
    from adapters.redis.reader import RedisReader
    from queries.merchandising import Merchandising
    from queries.reader import Queries
    from queries.recommend.past import Past
    from queries.recommender import Receipts as KeepsDecisions
from app.wiring.channels import Channels


class Answering(Channels):
    """The read side."""

    def reader(self) -> "RedisReader":
        """Read models for queries, on the running event loop."""
        from adapters.redis.reader import RedisReader
        from app.models.in_use import ModelsInUse

        in_use = ModelsInUse(self.settings.models_folder())
        rescue = Rescue(self.kept, self.settler)
        settings = self.settings
        return RedisReader(
            self.redis_url,
            settings.namespace,
            rescue,
            in_use.get,
            settings.limits(),
            settings.objectives(),
            in_use.opened,
        )

    def finding(self, reader: "RedisReader") -> Finding:
        """Identifier → stream for queries, on the reader's connection."""
        settings = self.settings
        waits = Waits(settings.redis_wait_ms / 1000, settings.directory_wait_ms / 1000, settings.stale_s)
        return Finding(self.directory, reader.tracked, settings.namespace, waits)

    def queries(
        self, reader: "RedisReader", finding: Finding | None = None, keeper: "KeepsDecisions | None" = None
    ) -> "Queries":
        """The read side. ``keeper`` has the receipts of answers; without, nobody has."""
        from queries.reader import Queries
        from queries.recommender import Recommender, Unkept

        kept = keeper or Unkept()
        recommender = Recommender(kept)
        return Queries(reader, finding or self.finding(reader), self.customers, self.catalogue, recommender)

    def live(self, queries: "Queries") -> "Live":
        """Sockets that recommendations are sent to."""
        from adapters.http.live import Live, Terms

        terms = Terms(sockets=self.settings.live_sockets)
        return Live(queries, self.settings.identity_key(), lambda: datetime.now(UTC), terms)

    def merchandising(self, reader: "RedisReader") -> "Merchandising":
        """The rule book, and previews of its rules."""
        from queries.merchandising import Merchandising

        return Merchandising(self.catalogue, reader)

    def past(self) -> "Past":
        """The assortment at any position of the catalogue's log."""
        from queries.recommend.past import Past

        return Past(lambda after: ReplayFeed(self.catalogue, after, self.catalogue.head()))

    def limits(self, reader: "RedisReader") -> Limits:
        """How many requests API keys may make, on the reader's connection."""
        settings = self.settings
        return Limits(Buckets(reader.tracked, settings.namespace), settings.rate())
