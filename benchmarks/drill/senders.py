"""Shops that send without pause, on both paths, and remember what was acknowledged.

Whatever is not acknowledged is sent again, as a shop would, so every event counts in the end.
"""

import http.client
import json
import random
import threading
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.kafka.producer import Publisher
from app.demo import eshop
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.drill.books import Due
from commands.browse import RecordView
from commands.ports import UnavailableError
from domain.customer import Customer
from domain.identity import Identifier, IdentifierKind
from domain.values import Channel

VISITORS = 60
BATCH = 10
PAUSE_S = 0.02
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)


class Sender(threading.Thread, ABC):
    """One shop. ``acknowledged``: what the log owes it; ``failed``: attempts that were made again."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__(name=name)
        self.acknowledged: list[Due] = []
        self.failed = 0
        self._chance = random.Random(f"{name} {seed}")
        self._skus = [item.sku for item in eshop.catalogue()]
        self._stop_asked = threading.Event()
        self._sent = 0

    def finish(self) -> None:
        """Ends; a batch that was not acknowledged by then counts for nothing."""
        self._stop_asked.set()

    def run(self) -> None:
        """Sends batch after batch until it is told to finish."""
        while not self._stop_asked.is_set():
            numbers = range(self._sent, self._sent + BATCH)
            self._sent += BATCH
            facts = [self._fact(number) for number in numbers]
            while not self._delivered(facts):
                self.failed += 1
                if self._stop_asked.wait(PAUSE_S * 5):
                    return
            self.acknowledged += [self._due(fact) for fact in facts]
            self._stop_asked.wait(PAUSE_S)

    def _fact(self, number: int) -> dict[str, Any]:
        return {
            "id": f"{self.name}-{number}",
            "visitor": self._chance.randrange(VISITORS),
            "sku": self._chance.choice(self._skus),
            "at": BEGIN + timedelta(seconds=30 * number),
            "sign_in": number % 25 == 24,
            "tells": number % 50 == 49,
        }

    @abstractmethod
    def _due(self, fact: dict[str, Any]) -> Due:
        """What the log owes for it once it is acknowledged."""

    @abstractmethod
    def _delivered(self, facts: list[dict[str, Any]]) -> bool:
        """Whether all of them were acknowledged."""


class HttpSender(Sender):
    """Segment batches to the web process: acknowledged by 200."""

    def __init__(self, settings: Settings, seed: int) -> None:
        super().__init__("http", seed)
        self._where = settings.host, settings.port
        self._headers = {
            "Authorization": f"Bearer {settings.generated_keys()['server']}",
            "Content-Type": "application/json",
        }
        self._connection: http.client.HTTPConnection | None = None

    def _due(self, fact: dict[str, Any]) -> Due:
        """A sign-in that tells nothing only links, and what is linked already is not linked again."""
        signed_in = Customer.DetailsGiven if fact["tells"] else None
        event = signed_in if fact["sign_in"] else Customer.ProductViewed
        return Due(f"segment:{fact['id']}", event, _identifiers(fact))

    def _delivered(self, facts: list[dict[str, Any]]) -> bool:
        body = json.dumps({"batch": [_message(fact) for fact in facts]})
        try:
            self._connection = self._connection or http.client.HTTPConnection(*self._where, timeout=5)
            self._connection.request("POST", "/v1/batch", body, self._headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            self._connection = None
            return False
        if response.status in (200, 503):
            return response.status == 200
        raise RuntimeError(f"the web process answered {response.status}: {answer[:200]!r}")


class KafkaSender(Sender):
    """Commands to the topic: acknowledged by all of the broker's replicas."""

    def __init__(self, wiring: Wiring, seed: int) -> None:
        super().__init__("kafka", seed)
        self._publisher = Publisher(wiring.broker, wiring.envelope)

    def run(self) -> None:
        """As every sender; then lets go of the broker."""
        super().run()
        self._publisher.close()

    def _due(self, fact: dict[str, Any]) -> Due:
        return Due(fact["id"], Customer.ProductViewed, _identifiers(fact))

    def _delivered(self, facts: list[dict[str, Any]]) -> bool:
        try:
            self._publisher.publish([_command(fact) for fact in facts])
        except UnavailableError:
            return False
        return True


def _identifiers(fact: dict[str, Any]) -> tuple[Identifier, ...]:
    kinds = [(IdentifierKind.ANONYMOUS, f"v{fact['visitor']}")]
    if fact["sign_in"]:
        kinds.append((IdentifierKind.USER, f"u{fact['visitor'] // 3}"))
    return tuple(Identifier(kind=kind, value=value) for kind, value in kinds)


def _message(fact: dict[str, Any]) -> dict[str, Any]:
    common = {"messageId": fact["id"], "anonymousId": f"v{fact['visitor']}", "timestamp": fact["at"].isoformat()}
    if fact["sign_in"]:
        told = {"address": {"city": "Rome"}} if fact["tells"] else {}
        return {"type": "identify", "userId": f"u{fact['visitor'] // 3}", "traits": told, **common}
    return {"type": "track", "event": "Product Viewed", "properties": {"sku": fact["sku"]}, **common}


def _command(fact: dict[str, Any]) -> RecordView:
    return RecordView(
        identifiers=_identifiers(fact),
        source_id=fact["id"],
        occurred_at=fact["at"],
        channel=Channel.MOBILE,
        sku=fact["sku"],
    )
