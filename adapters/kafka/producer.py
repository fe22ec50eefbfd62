"""Publishes commands; what is acknowledged is on the brokers' disks, once and in the order of its key."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from adapters.kafka.connection import Broker
from adapters.kafka.envelope import MOST_BYTES, Envelope
from commands.bus import Outcome
from commands.command import Command
from commands.ports import UnavailableError

WAITING = 20_000
TIMEOUT_S = 10.0


class Publisher:
    """Idempotent, acks=all. One for all threads."""

    def __init__(self, broker: Broker, envelope: Envelope, *, linger_ms: int = 5) -> None:
        self._broker = broker
        self._envelope = envelope
        self._linger_ms = linger_ms
        self._lock = threading.Lock()
        self._producer: Any = None

    def publish(self, commands: Sequence[Command]) -> None:
        """Returns when all are acknowledged. Raises UnavailableError: then some may be, and sending them again is
        safe."""
        try:
            producer, now = self._connected(), datetime.now(UTC)
            sent = []
            for command in commands:
                message = self._envelope.seal(command, now)
                headers = list(message.headers)
                sent.append(producer.send(self._broker.topic, key=message.key, value=message.value, headers=headers))
            for future in sent:
                future.get(timeout=TIMEOUT_S)
        except (KafkaError, OSError, AssertionError) as error:
            raise UnavailableError("Kafka does not take events") from error

    def close(self) -> None:
        """Sends what waits."""
        with self._lock:
            if self._producer is not None:
                self._producer.close(timeout=TIMEOUT_S)
                self._producer = None

    def _connected(self) -> Any:
        with self._lock:
            if self._producer is None:
                self._producer = KafkaProducer(
                    **self._broker.options,
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=self._linger_ms,
                    batch_size=256 << 10,
                    max_request_size=MOST_BYTES,
                    max_block_ms=int(TIMEOUT_S * 500),
                    delivery_timeout_ms=int(TIMEOUT_S * 1_000),
                    request_timeout_ms=int(TIMEOUT_S * 500),
                )
            return self._producer


class KafkaWriter:
    """The writer of the HTTP adapters where Kafka stands between: accepted is not yet recorded."""

    def __init__(self, publisher: Publisher, *, waiting: int = WAITING) -> None:
        self._publisher = publisher
        self._waiting = waiting
        self._held = 0

    async def submit(self, commands: Sequence[Command]) -> list[Outcome]:
        """Returns when the broker has them. Raises UnavailableError, also when too much waits already."""
        if not commands:
            return []
        if self._held + len(commands) > self._waiting:
            raise UnavailableError("too many events are waiting to be published")
        self._held += len(commands)
        try:
            await asyncio.to_thread(self._publisher.publish, commands)
        finally:
            self._held -= len(commands)
        return [Outcome(accepted=True)] * len(commands)

    def close(self) -> None:
        """Publishes what is waiting."""
        self._publisher.close()
