"""How the broker is reached, and what it is."""

from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from commands.ports import UnavailableError

RETENTION_MS = 72 * 3_600_000
NO_TOPIC_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Broker:
    """``servers`` to begin with; ``security`` holds kafka-python's TLS and SASL options."""

    servers: tuple[str, ...]
    topic: str = "bespoke.events.v1"
    dead_letters: str = "bespoke.dead-letters.v1"
    group: str = "bespoke-ingest"
    session_ms: int = 10_000
    security: dict[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """For every client of kafka-python."""
        return {"bootstrap_servers": list(self.servers), "client_id": "bespoke", **self.security}


class Admin:
    """What is asked of the broker beside reading and writing. A connection of its own, made anew after an error.

    Use as a context manager, or close it: the client has a thread.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._client: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def source(self) -> str:
        """Names this topic of this broker for ever: a recreated one has another name. Raises UnavailableError."""
        return str(self._asked(self._source))

    def create_topics(self, partitions: int, replicas: int = 1) -> list[str]:
        """Makes the topics that are missing; which. Raises UnavailableError."""
        return list(self._asked(lambda client: self._create(client, partitions, replicas)))

    def close(self) -> None:
        """Gives the connection back."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _source(self, client: Any) -> str:
        cluster = client.describe_cluster()["cluster_id"]
        (topic,) = client.describe_topics([self._broker.topic])
        if topic["error_code"]:
            raise UnavailableError(
                f"the topic {self._broker.topic} is not there; make it: bespoke ingest --create-topics"
            )
        id_ = str(topic.get("topic_id") or NO_TOPIC_ID)
        return f"{cluster}/{topic['name'] if id_ == NO_TOPIC_ID else id_}"

    def _create(self, client: Any, partitions: int, replicas: int) -> list[str]:
        made = []
        for name, parts in ((self._broker.topic, partitions), (self._broker.dead_letters, 1)):
            settings = {"retention.ms": str(RETENTION_MS), "max.message.bytes": str(1 << 20)}
            try:
                client.create_topics([NewTopic(name, parts, replicas, topic_configs=settings)])
                made.append(name)
            except TopicAlreadyExistsError:
                continue
        return made

    def _asked(self, question: Any) -> Any:
        try:
            if self._client is None:
                self._client = KafkaAdminClient(**self._broker.options, request_timeout_ms=5_000)
            return question(self._client)
        except (KafkaError, OSError, ValueError) as error:
            self._forget()
            raise UnavailableError("Kafka does not answer") from error

    def _forget(self) -> None:
        try:
            self.close()
        except (KafkaError, OSError):
            self._client = None
