"""DuckDB over exported files and the fold over the same log say the same, to the last digit."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from adapters.bulk_attribution.export import export
from adapters.bulk_attribution.report import ExportError, opened
from adapters.bulk_attribution.report import report as in_bulk
from projections.attribution.models import MODELS
from projections.attribution.rules import DAY_MS, Rules
from projections.attribution.stages import trails
from projections.moment import millis
from queries.attribution_report import Asked, report
from tests.projections.attribution.random_logs import START, Writer

WHOLE = Asked(MODELS, millis(START), millis(START) + 60 * DAY_MS)


@pytest.mark.parametrize("seed", range(12))
def test_in_bulk_and_folded_are_equal(seed: int, tmp_path: Path) -> None:
    chance = Random(seed)
    log = Writer(seed).write(chance.choice((30, 150, 600)))
    found = trails(log.streams(len(log.events)))
    rules = Rules(
        lookback_ms=chance.choice((2, 30)) * DAY_MS,
        session_ms=chance.choice((0, 30, 600)) * 60_000,
        once=seed % 3 != 0,
        shown=seed % 4 != 0,
    )
    begin = WHOLE.from_ms + chance.randrange(0, 10) * DAY_MS
    asked = replace(WHOLE, rules=rules, from_ms=begin, to_ms=begin + chance.randrange(10, 40) * DAY_MS)
    export(found, (7,), tmp_path / "out")
    with opened(threads=1) as connection:
        bulk = in_bulk(tmp_path / "out", asked, connection)
    folded = report(found, (7,), asked)
    for one, other in zip(bulk.currencies, folded.currencies, strict=True):
        assert one.money == other.money
        assert one.models == other.models
        assert (one.ways, one.delays, one.converting, one.to_nothing) == (
            *(other.ways, other.delays),
            *(other.converting, other.to_nothing),
        )
    assert bulk == folded


def test_a_folder_without_an_export_is_refused(tmp_path: Path) -> None:
    with opened(threads=1) as connection, pytest.raises(ExportError, match="no export"):
        in_bulk(tmp_path, WHOLE, connection)


def test_a_used_folder_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("here")
    with pytest.raises(ExportError, match="not empty"):
        export({}, (0,), tmp_path)
