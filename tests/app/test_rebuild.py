"""The read models are the log folded, whatever happened to whoever folds it: kill -9, a wiped Redis, a rebuild."""

import json
import subprocess
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from adapters.redis import keys_like, wipe
from app.children import Children
from app.demo import eshop
from app.intake import BACKFILL, take
from app.load import wait_until_projected
from app.projecting import folding, lifecycle, runners
from app.projecting import process as project
from app.wiring import Wiring
from readmodels.live import Live
from tests.app.looking import everything, wait_for
from tests.app.test_any_order import DELIVERIES, send

CLICKS = 8_000
IDENTIFY_EVERY = 5
KILLS = 4


def segment(wiring: Wiring, bodies: Iterator[bytes]) -> None:
    """Sends Segment batches."""
    bus, channel = wiring.bus(), wiring.channels()["segment"]
    for body in bodies:
        taken = take(bus, channel, {"content-type": "application/json"}, body)
        assert (taken.refused, taken.skipped) == (0, 0)


def clicks() -> list[dict[str, Any]]:
    """Real clicks; some visitors sign in after them, and two of them in the name of one customer."""
    messages = list(islice(eshop.segment_messages(eshop.csv_rows(eshop.DATA), shift_days=6_000), CLICKS))
    visitors = sorted({message["anonymousId"] for message in messages})
    at = messages[-1]["timestamp"]
    signed_in = [
        {
            "type": "identify",
            "anonymousId": visitor,
            "userId": f"u{number // 2}",
            "messageId": f"id-{number}",
            "timestamp": at,
            "traits": {"email": f"u{number // 2}@shop.example"},
        }
        for number, visitor in enumerate(visitors[::IDENTIFY_EVERY])
    ]
    step = len(messages) // len(signed_in)
    return [m for i, message in enumerate(messages) for m in (message, *(signed_in[i // step :][:1] * (not i % step)))]


def shop(wiring: Wiring) -> None:
    """The products and their stock."""
    bus, channel, secret = wiring.bus(), wiring.channels()["shopify"], wiring.settings.shopify_key()
    for sent in (*eshop.shopify_products(secret=secret), *eshop.shopify_inventory(secret=secret)):
        assert take(bus, channel, sent.headers, sent.body, trust=BACKFILL).refused == 0


def fields_of(wiring: Wiring) -> int:
    """How much is in Redis now."""
    return int(wiring.redis.dbsize())


def kill_at_work(wiring: Wiring, projector: "subprocess.Popen[bytes]") -> int:
    """Waits until it has written something, and kills it; how many events it had not confirmed."""
    before = fields_of(wiring)
    wait_for(lambda: fields_of(wiring) > before or runners.lag(wiring) == 0)
    projector.kill()
    projector.wait()
    return runners.lag(wiring)


@pytest.fixture
def projectors(wiring: Wiring) -> Iterator[Children]:
    """Starts ``bespoke project --follow`` on the namespace."""
    with Children(wiring.settings) as children:
        yield children


def assert_as_rebuilt(wiring: Wiring) -> None:
    """All that is live is what a rebuild makes of the log."""
    live = everything(wiring)
    old, new, _ = lifecycle.rebuild_all(wiring)
    assert new > old > 0
    again = everything(wiring)
    assert live.keys() == again.keys()
    assert [key for key in live if live[key] != again[key]] == []
    assert list(keys_like(wiring.redis, f"{wiring.settings.namespace}:g{old}:*")) == []


def test_a_rebuild_of_every_fixture_is_the_same_to_the_byte(wiring: Wiring) -> None:
    for _ in range(2):
        send(wiring, DELIVERIES)
    assert_as_rebuilt(wiring)


def test_killed_at_work_several_times_it_still_counts_everything_once(wiring: Wiring, projectors: Children) -> None:
    shop(wiring)
    bodies = list(eshop.batches(clicks()))
    folding.start_generation(wiring)
    behind = []
    for kill in range(KILLS):
        segment(wiring, iter(bodies[kill::KILLS]))  # so that visitors' clicks also come in no order
        behind.append(kill_at_work(wiring, projectors.start("project", "--follow")))
    assert sum(b > 0 for b in behind) >= KILLS - 1, behind
    projectors.start("project", "--follow")
    wait_until_projected(wiring)
    projectors.stop()
    live = everything(wiring)
    assert len(live["catalogue"]) >= 217
    assert json.dumps(sorted(live)).count("person:") > 400
    assert live["statistics"]
    assert_as_rebuilt(wiring)


def test_a_wiped_redis_is_filled_again_without_anybody_asking(wiring: Wiring, projectors: Children) -> None:
    shop(wiring)
    segment(wiring, islice(eshop.batches(clicks()), 4))
    projectors.start("project", "--follow")
    wait_for(wiring.generations.live)
    wait_until_projected(wiring)
    before, first = everything(wiring), wiring.generations.live()
    wipe(wiring.redis, f"{wiring.settings.namespace}:*")
    assert wiring.generations.live() == 0
    wait_for(lambda: wiring.generations.live() and runners.lag(wiring) == 0)
    projectors.stop()
    assert wiring.generations.live() > first
    assert everything(wiring) == before


def test_a_running_projector_goes_over_to_the_rebuilt_generation(wiring: Wiring, projectors: Children) -> None:
    bodies = list(eshop.batches(clicks()))
    segment(wiring, iter(bodies[:4]))
    projectors.start("project", "--follow")
    wait_for(lambda: wiring.generations.live() and project.is_running(wiring))
    _, new, _ = lifecycle.rebuild_all(wiring)
    segment(wiring, iter(bodies[4:6]))
    wait_until_projected(wiring)
    assert wiring.generations.all_live() == wiring.generations.projecting(1) == Live.one(new)
    projectors.stop()
    assert_as_rebuilt(wiring)
