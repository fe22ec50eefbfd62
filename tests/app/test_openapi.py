"""A few hundred made-up requests to every described route of the real web process; ``make bench-openapi`` makes ten
thousand."""

from pathlib import Path

import pytest

from app.children import Children
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.freshness import free_port
from benchmarks.openapi import RATE, attacked
from tests.docs.test_generated import routes as described
from tests.namespaces import namespace


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_no_answer_is_another_than_described(servers: Wiring, settings: Settings, tmp_path: Path) -> None:
    with namespace(settings, port=free_port(), **RATE) as wiring:
        folding.start_generation(wiring)
        with Children(wiring.settings) as children:
            children.start("project", "--follow")
            children.start("serve")
            found = attacked(wiring, 300, 1, tmp_path)
    assert found["cases"] >= 300
    assert found["routes"] == len(described())
    assert (found["first"], found["server_errors"]) == ([], 0)
    assert len(found["unfinished"]) <= 2, found["unfinished"]
