"""Several shards projected at once: people whose streams lie in different ones are settled by one shard at a time."""

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from app.children import Children
from app.demo import eshop
from app.load import wait_until_projected
from app.settings import Settings
from app.wiring import Wiring
from tests.app.test_rebuild import assert_as_rebuilt, segment
from tests.namespaces import namespace

SHARDS = 4
CLICKS = 1_500
CUSTOMERS = 300


@pytest.fixture
def sharded(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """A provisioned namespace of several shards, dropped afterwards."""
    with namespace(settings, shards=SHARDS) as built:
        yield built


def messages() -> Iterator[dict[str, Any]]:
    """Real clicks; after every third the visitor signs in as one of a few customers, two of whom share an address."""
    chance = random.Random(5)
    for number, message in enumerate(
        islice(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=6_000), CLICKS)
    ):
        yield message
        if number % 3 == 0:
            customer = chance.randrange(CUSTOMERS)
            yield {
                "type": "identify",
                "anonymousId": message["anonymousId"],
                "userId": f"u{customer}",
                "messageId": f"sign-in-{number}",
                "timestamp": message["timestamp"],
                "traits": {"email": f"u{customer // 2}@shop.example"},
            }


def test_people_across_shards_are_as_rebuilt(sharded: Wiring) -> None:
    with Children(sharded.settings) as projectors:
        projectors.start("project", "--follow")
        for body in eshop.batches(messages(), 25):
            segment(sharded, iter([body]))
        wait_until_projected(sharded)
    assert all(log.head() for log in sharded.customers)
    assert_as_rebuilt(sharded)
