"""Which generation of each projection's read models is live, which was before, and which is ready to be."""

from collections.abc import Iterable
from typing import Any

from adapters.redis import Client, parts, translated, wipe
from adapters.redis.pipelines import run
from readmodels import keys
from readmodels.keys import Keys
from readmodels.live import CATALOGUE, CUSTOMERS, PROJECTIONS, STATISTICS, Live

PREVIOUS, READY, PROJECTING = ":previous", ":ready", ":projecting"
#: What comes after the generation in a projection's keys.
OWNED = {
    CUSTOMERS: ("person", "settling", "filling"),
    STATISTICS: ("statistics",),
    CATALOGUE: ("catalogue", "rules", "experiments"),
}


class Generations:
    """Numbers are never used again. One hash holds them all, so each change of several is one write."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._key = keys.generations(namespace)

    def live(self, projection: str = CUSTOMERS) -> int:
        """The generation that readers see, 0 where there is none: the server is new or was wiped. Raises
        UnavailableError."""
        return self.all_live().of(projection)

    def all_live(self) -> Live:
        """The generations that readers see. Raises UnavailableError."""
        return self._read("")

    def previous(self) -> Live:
        """Those that were live before, and can be again. Raises UnavailableError."""
        return self._read(PREVIOUS)

    def ready(self) -> Live:
        """Those that are rebuilt and not live yet. Raises UnavailableError."""
        return self._read(READY)

    def all(self) -> list[int]:
        """Every generation that may hold something: live, kept, ready, or being made. Raises UnavailableError."""
        with translated():
            newest: Any = self._client.get(keys.newest_generation(self._namespace))
        named = {number for each in (self.all_live(), self.previous(), self.ready()) for number in each if number}
        numbers = [number for number in range(1, int(newest or 0) + 1) if number not in named]
        calls = [("EXISTS", Keys(self._namespace, number).part(tag)) for number in numbers for tag in parts()]
        found, each = run(self._client, calls), len(list(parts()))
        return sorted(named | {n for i, n in enumerate(numbers) if any(found[i * each : (i + 1) * each])})

    def projecting(self, log: int) -> Live:
        """Those that the projector of a log writes, or wrote last. Raises UnavailableError."""
        return self._read(f"{PROJECTING}:{log}")

    def abandoned(self, logs: Iterable[int]) -> list[int]:
        """Those that were begun and are neither live nor kept, nor written by the projectors of these logs: whoever
        made them does so still, or was killed. Raises UnavailableError."""
        with translated():
            newest: Any = self._client.get(keys.newest_generation(self._namespace))
        used = {number for each in (self.all_live(), self.previous(), self.ready()) for number in each}
        used |= {number for log in logs for number in self.projecting(log)}
        numbers = [number for number in range(1, int(newest or 0) + 1) if number not in used]
        calls = [("EXISTS", Keys(self._namespace, number).part(tag)) for number in numbers for tag in parts()]
        found, each = run(self._client, calls), len(list(parts()))
        return [number for n, number in enumerate(numbers) if any(found[n * each : (n + 1) * each])]

    def is_whole(self, generation: int) -> bool:
        """Whether no node of a cluster has lost its part of the generation. Raises UnavailableError."""
        where = Keys(self._namespace, generation)
        return all(run(self._client, [("EXISTS", where.part(tag)) for tag in parts()]))

    def begin(self, at_least: int) -> int:
        """The number of a new generation, above ``at_least`` and above all there were. Raises UnavailableError."""
        newest = keys.newest_generation(self._namespace)
        with translated():
            number: Any = self._client.incr(newest)
            if number <= at_least:
                number = self._client.incrby(newest, at_least + 1 - number)
        where = Keys(self._namespace, int(number))
        run(self._client, [("SET", where.part(tag), 1) for tag in parts()])
        return int(number)

    def switch(self, generation: int, projections: Iterable[str] = PROJECTIONS) -> None:
        """Readers see it from their next request on; what they saw becomes the previous one, and if it was ready, it
        is no more. Raises UnavailableError."""
        live, ready = self.all_live(), self.ready()
        changes: dict[str, int] = {}
        for name in projections:
            changes |= {name: generation, f"{name}{PREVIOUS}": live.of(name)}
            if ready.of(name) == generation:
                changes[f"{name}{READY}"] = 0
        self._write(changes)

    def make_ready(self, projection: str, generation: int) -> None:
        """It waits for its switch. Raises UnavailableError."""
        self._write({f"{projection}{READY}": generation})

    def take_up(self, live: Live, logs: Iterable[int]) -> None:
        """The projector of these logs writes these from now on. Raises UnavailableError."""
        self._write({f"{name}{PROJECTING}:{log}": live.of(name) for name in PROJECTIONS for log in logs})

    def drop(self, projection: str, generation: int) -> int:
        """Deletes a projection's keys of a generation that is not live; how many. Raises UnavailableError."""
        self._write(
            {
                f"{projection}{state}": 0
                for state, those in ((PREVIOUS, self.previous()), (READY, self.ready()))
                if those.of(projection) == generation
            }
        )
        dropped = self._wipe(projection, generation)
        if generation not in (*self.all_live(), *self.previous(), *self.ready()):
            self._forget(generation)
        return dropped

    def clear(self, generation: int) -> None:
        """Deletes all keys of a generation, last of all those by which ``abandoned`` finds it. Raises
        UnavailableError."""
        for projection in PROJECTIONS:
            self._wipe(projection, generation)
        self._forget(generation)

    def _wipe(self, projection: str, generation: int) -> int:
        prefix = f"{self._namespace}:g{generation}"
        return sum(wipe(self._client, f"{prefix}:{each}:*") for each in OWNED[projection])

    def _forget(self, generation: int) -> None:
        where = Keys(self._namespace, generation)
        run(self._client, [("DEL", where.epoch), *(("DEL", where.part(tag)) for tag in parts())])

    def _read(self, state: str) -> Live:
        with translated():
            found: Any = self._client.hmget(self._key, [f"{name}{state}" for name in PROJECTIONS])
        return Live(*(int(each or 0) for each in found))

    def _write(self, changes: dict[str, int]) -> None:
        if changes:
            with translated():
                self._client.hset(self._key, mapping=dict(changes.items()))
