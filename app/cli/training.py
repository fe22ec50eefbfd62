"""``train``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app import train as trainer
from app.cli.output import bar, fail, json_option, show, steps
from app.settings import Settings
from app.wiring import Wiring

if TYPE_CHECKING:
    from app.train_blend import TrainedBlend

NEXT_ITEM, BLEND = "next-item", "blend"


@click.command()
@click.option("--model", type=click.Choice((NEXT_ITEM, BLEND)), default=NEXT_ITEM, show_default=True)
@click.option("--quick", is_flag=True, help="Of blend: small models and few epochs, to try it out.")
@json_option
def train(model: str, quick: bool, as_json: bool) -> None:
    """Train on what is recorded, and put the model into use.

    next-item chooses a configuration on the latest week, and counts what it serves from the live statistics. blend
    trains all models on the sessions of persons who may be learned from, and learns how much each counts; it needs
    the extra "train" for the neural ones, and goes on where it was killed.
    """
    with Wiring(Settings()) as wiring:
        wiring.provision()
        if model == BLEND:
            _show_blend(_blend(wiring, quick), as_json)
        else:
            _show_next_item(run(wiring), as_json)


def run(wiring: Wiring) -> trainer.Trained:
    """Trains the next-item model with a progress bar."""
    events = sum(log.head() for log in wiring.customers)
    step = max(1, events // trainer.CONFIGURATIONS // 2)
    with bar("training", events + step * trainer.CONFIGURATIONS) as advance, trainer.alone(wiring):
        return trainer.run(wiring, read=advance, tried=lambda: advance(step))


def _blend(wiring: Wiring, quick: bool) -> "TrainedBlend":
    from app import train_blend
    from ml.lessons import TooLittleError

    try:
        with trainer.alone(wiring), steps() as step, _reading(wiring, step) as read:
            return train_blend.run(wiring, step, read, quick=quick)
    except TooLittleError as error:
        fail(str(error))


@contextmanager
def _reading(wiring: Wiring, step: Callable[[str], Callable[[float], None]]) -> Iterator[Callable[[int], None]]:
    whole, tell, done = sum(log.head() for log in wiring.customers), step("log → training set"), 0

    def read(events: int) -> None:
        nonlocal done
        done += events
        tell(done / max(whole, 1))

    yield read


def _show_next_item(trained: trainer.Trained, as_json: bool) -> None:
    ranking = trained.ranking
    result = {
        "model": trained.digest,
        "hr@20": round(ranking.hr_at_20, 4),
        "mrr@20": round(ranking.mrr_at_20, 4),
        "predictions": ranking.predictions,
    }
    words = f"Model {trained.digest[:12]}: HR@20 {ranking.hr_at_20:.3f}, MRR@20 {ranking.mrr_at_20:.3f} on "
    show(result, f"{words}{ranking.predictions:,} predictions in the latest week.", as_json=as_json)


def _show_blend(trained: "TrainedBlend", as_json: bool) -> None:
    metrics = {name: round(value, 4) for name, value in trained.metrics.items()}
    words = f"Blend {trained.digest[:12]}: HR@20 {metrics['hr@20']:.3f}, MRR@20 {metrics['mrr@20']:.3f} on the latest "
    show({"model": trained.digest, **metrics, **trained.notes}, f"{words}tenth of the sessions.", as_json=as_json)
