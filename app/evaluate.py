"""``bespoke evaluate next-item``: a file of sessions through the real log, then predictions for another file."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from uuid import uuid4

from pydantic import SecretStr

from app import folding, load, runners, train
from app.demo import eshop
from app.intake import take
from app.settings import Settings
from app.wiring import Wiring
from ml.nextitem.evaluate import Ranking, evaluate
from ml.nextitem.model import Config, NextItem, build
from readmodels import statistics
from readmodels.keys import Keys

FORMATS = ("eshop",)
#: Shows a step by its name and size; inside, the function given back advances it.
Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def next_item(settings: Settings, train_file: Path, test_file: Path, bar: Bar) -> Ranking:
    """Replays the training sessions through the log of a throw-away namespace, as they are dated, projects, trains,
    and ranks all items after each click of the test sessions. Raises ValueError naming line and column."""
    sessions = _sessions(eshop.csv_rows(test_file))
    changes = {"namespace": f"eval_{uuid4().hex[:12]}", "mlflow_uri": SecretStr("off")}
    throw_away = settings.model_copy(update=changes)
    with Wiring(throw_away) as wiring:
        try:
            wiring.provision()
            model = _learn(wiring, train_file, bar)
        finally:
            wiring.drop()
    with bar("predicting", len(sessions)) as advance:
        return evaluate(model, sessions, lambda: advance(1))


def _learn(wiring: Wiring, file: Path, bar: Bar) -> NextItem:
    bus, segment = wiring.bus(), wiring.channels()["segment"]
    with bar("training sessions → log", sum(1 for _ in eshop.csv_rows(file))) as advance:
        for _, headers, body in load.clicks(file, shift_days=0):
            advance(take(bus, segment, headers, body).recorded)
    with bar("log → Redis", sum(log.head() for log in wiring.customers)) as advance:
        live = folding.start_generation(wiring)
        runners.catch_up(wiring, live, advance)
    with bar("training", sum(log.head() for log in wiring.customers) + train.CONFIGURATIONS) as advance:
        trained = train.run(wiring, read=advance, tried=lambda: advance(1))
    return _published(wiring, Keys(wiring.settings.namespace, live.statistics), trained.config, trained.categories)


def _published(wiring: Wiring, keys: Keys, config: Config, categories: dict[str, str | None]) -> NextItem:
    """The model as serving would build it: from the published statistics, where rare cells are left out."""
    current = wiring.redis.get(keys.statistics_current)
    counts = wiring.redis.get(keys.statistics(current.decode())) if isinstance(current, bytes) else None
    whole = statistics.decode(counts) if isinstance(counts, bytes) else statistics.Statistics()
    return build(whole, categories, config)


def _sessions(rows: Iterable[eshop.Row]) -> list[list[str]]:
    """Each session's SKUs in the order of its clicks; the rows of a session may stand apart."""
    ordered = sorted(rows, key=lambda row: (row.session_id, row.order))
    return [[eshop.sku(row) for row in group] for _, group in groupby(ordered, lambda row: row.session_id)]
