"""From the log into Redis: live, rebuilt, and by the library's own runner."""

import os
import time
from typing import Any
from uuid import UUID

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner

from adapters.eventlog.log import _environment, _LogApplication
from adapters.postgres import connection_parts
from adapters.redis.stores import RedisCustomerStore
from app.children import Children
from app.projecting import lifecycle
from app.wiring import Wiring
from projections.customer import apply
from readmodels.customer import CustomerRecord, encode
from readmodels.keys import Keys
from readmodels.stores import Write

LIBRARY_S = 6.0
POLL_S = 0.02


def live_eps(wiring: Wiring) -> float:
    """Events a second that ``bespoke project --follow`` takes from a log that is full already, confirmed."""
    log, positions = wiring.customers[0], wiring.positions(wiring.customers[0])
    generation = wiring.generations.begin(at_least=wiring.generations.live())
    wiring.generations.switch(generation)
    name, head = f"g{generation}:1", log.head()
    seen: list[tuple[float, int]] = []
    with Children(wiring.settings) as children:
        children.start("project", "--follow")
        while (position := positions.load(name)) < head:
            if position and (not seen or position > seen[-1][1]):
                seen.append((time.perf_counter(), position))
            time.sleep(POLL_S)
        seen.append((time.perf_counter(), position))
    (began, first), (ended, last) = seen[0], seen[-1]
    return (last - first) / (ended - began)


def rebuild_eps(wiring: Wiring) -> float:
    """Events a second of ``bespoke rebuild``, start of the workers and publishing included."""
    began = time.perf_counter()
    _, _, events = lifecycle.rebuild_all(wiring)
    return events / (time.perf_counter() - began)


def library_runner_eps(wiring: Wiring) -> float:
    """Events a second of eventsourcing's ProjectionRunner with the same fold, store and mapper."""
    log = wiring.customers[0]
    store = RedisCustomerStore(wiring.redis, Keys(wiring.settings.namespace, 999_999))
    done = 0

    class Application(_LogApplication):
        """The shard's log, as the runner makes it: from the environment alone."""

        name = "log"

        def __init__(self, env: Any = None) -> None:
            super().__init__(env, log.mapper, {})

    class View(PostgresTrackingRecorder):
        """Positions, an event at a time."""

        records: dict[UUID, CustomerRecord]

    class Customers(Projection[View]):
        """The customers' fold."""

        name = "log"

        def process_event(self, domain_event: Any, tracking: Tracking) -> None:
            nonlocal done
            stream = domain_event.originator_id
            before = known.get(stream, CustomerRecord())
            after = known[stream] = apply(before, domain_event)
            store.write([Write(stream, stream, before.version, encode(after))])
            self.view.insert_tracking(tracking)
            done += 1

    known: dict[UUID, CustomerRecord] = {}
    env = _environment(connection_parts(wiring._url("log")), log.recorder.datastore.schema, True)
    with ProjectionRunner(
        application_class=Application, projection_class=Customers, view_class=View, env=os.environ | env
    ) as runner:
        began = time.perf_counter()
        runner.run_forever(LIBRARY_S)
        return done / (time.perf_counter() - began)
