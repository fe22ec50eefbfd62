"""What the read path counts, as it is scraped."""

import asyncio
from uuid import uuid4

from adapters.directory.finding import Finding
from adapters.http.metrics import Metrics
from adapters.http.read_path import ReadPath
from app.wiring import Wiring
from domain.identity import Identifier, IdentifierKind
from queries.recommend.ask import Wanted


def value(text: str, name: str) -> float:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(line.rpartition(" ")[2])


def test_hits_misses_breakers_and_degraded_answers_are_scraped(wiring: Wiring) -> None:
    async def look() -> str:
        reader = wiring.reader()
        finding: Finding = wiring.finding(reader)
        queries = wiring.queries(reader, finding)
        metrics = Metrics()
        metrics.registry.register(ReadPath(reader, finding, queries))
        stream = uuid4()
        for _ in range(3):
            await queries.profile(stream)
        for _ in range(2):
            await queries.recommend(Wanted("home", 3), stream, min_version=1)
        await queries.find(Identifier(kind=IdentifierKind.USER, value="nobody"))
        reader.persons.postgres.trip()
        await reader.close()
        return metrics.render().decode()

    text = asyncio.run(look())
    assert value(text, 'bespoke_degraded_answers_total{missing="stale"}') == 2
    assert (value(text, "bespoke_l1_misses_total"), value(text, "bespoke_l2_reads_total")) == (1, 1)
    assert value(text, "bespoke_l1_hits_total") >= 4
    assert value(text, 'bespoke_breaker_state{dependency="postgres"}') == 2
    assert value(text, 'bespoke_breaker_opened_total{dependency="postgres"}') == 1
    assert value(text, 'bespoke_breaker_state{dependency="directory"}') == 0
    assert (value(text, "bespoke_directory_misses_total"), value(text, "bespoke_tracked_up")) == (1, 0)
