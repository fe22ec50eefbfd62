"""Ways in: channels, and Kafka between them and the bus."""

from functools import cached_property

from adapters.channels.channel import Channel
from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from adapters.http.writer import BusWriter
from adapters.kafka.connection import Broker
from adapters.kafka.dead_letters import DeadLetters
from adapters.kafka.envelope import Envelope
from adapters.kafka.producer import KafkaWriter, Publisher
from adapters.keys.daily import DailyKeys, Purpose
from adapters.keys.wrapping import derive
from adapters.postgres import Database
from app.settings import SettingsError
from app.wiring.stores import Stores


class Channels(Stores):
    """What takes commands, and to where."""

    def writer(self) -> BusWriter | KafkaWriter:
        """Where the HTTP adapters put commands: to Kafka where there is one, else straight to the bus."""
        if self.settings.kafka_bootstrap is None:
            return BusWriter(self.bus())
        return KafkaWriter(Publisher(self.broker, self.envelope))

    def channels(self) -> dict[str, Channel]:
        """The channel adapters by name."""
        return {
            "segment": Segment(identity_secret=self.settings.identity_key(), currency=self.settings.currency),
            "shopify": Shopify(self.settings.shopify_key().encode(), currency=self.settings.currency),
            "poslog": Poslog(store_timezone=self.settings.store_timezone, currency=self.settings.currency),
        }

    @cached_property
    def broker(self) -> Broker:
        """Where Kafka is. Raises SettingsError."""
        settings = self.settings
        if settings.kafka_bootstrap is None:
            raise SettingsError("BESPOKE_KAFKA_BOOTSTRAP is not set: there is no Kafka to read from")
        return Broker(
            tuple(settings.kafka_bootstrap.split(",")),
            settings.kafka_topic,
            settings.kafka_dead_letters,
            settings.kafka_group,
            settings.kafka_session_ms,
            settings.kafka_options(),
        )

    @cached_property
    def envelope(self) -> Envelope:
        """Commands as Kafka records."""
        keys = DailyKeys(self.keyring, Purpose.TOPIC)
        return Envelope(keys, self.directory, derive(self.master, "bespoke topic ids"))

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """What could not be taken from Kafka."""
        database = Database(self._url("ingest"))
        self._stack.callback(database.close)
        return DeadLetters(database, DailyKeys(self.keyring, Purpose.DEAD_LETTER))
