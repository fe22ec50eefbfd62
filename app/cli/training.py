"""``train``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from app.cli.output import bar, fail, json_option, show, steps
from app.settings import Settings
from app.training import bandit as train_bandit
from app.training import next_item as trainer
from app.training.bandit import TrainedBandit
from app.training.promoting import in_words
from app.wiring import Wiring
from ml.gate import Worse

if TYPE_CHECKING:
    from app.training.blend import TrainedBlend

NEXT_ITEM, BLEND, BANDIT = "next-item", "blend", "bandit"


@click.command()
@click.option("--model", type=click.Choice((NEXT_ITEM, BLEND, BANDIT)), default=NEXT_ITEM, show_default=True)
@click.option("--quick", is_flag=True, help="Of blend: small models and few epochs, to try it out.")
@click.option("--increment", is_flag=True, help="Go on from the model in use with what was recorded since.")
@click.option("--force", is_flag=True, help="Put it into use even if it is worse than what is.")
@json_option
def train(model: str, quick: bool, increment: bool, force: bool, as_json: bool) -> None:
    """Train on what is recorded, and put the model into use.

    A model that is worse on later data than the one in use, by more than BESPOKE_TRAIN_TOLERANCE, is held: it is
    stored, and "models promote" puts it into use all the same.

    next-item chooses a configuration on the latest week, and counts what it serves from the live statistics. blend
    trains all models on the sessions of persons who may be learned from, and learns how much each counts; it needs
    the extra "train" for the neural ones, and goes on where it was killed. bandit folds what was shown and clicked
    into what it explores by.
    """
    if quick and (increment or model != BLEND):
        raise click.UsageError("--quick is for --model blend in full")
    with Wiring(Settings()) as wiring:
        wiring.provision()
        if model == BLEND:
            _show_blend(_blend(wiring, quick, increment, force), as_json)
        elif model == BANDIT:
            _show_bandit(bandit(wiring), as_json)
        else:
            _show_next_item(run(wiring, increment=increment, force=force), as_json)


def run(wiring: Wiring, *, increment: bool = False, force: bool = False) -> trainer.Trained:
    """Trains the next-item model with a progress bar."""
    events = sum(log.head() for log in wiring.customers)
    step = max(1, events // trainer.CONFIGURATIONS // 2)
    with bar("training", events + step * trainer.CONFIGURATIONS) as advance, trainer.alone(wiring):
        return trainer.run(wiring, advance, lambda: advance(step), increment=increment, force=force)


def bandit(wiring: Wiring) -> TrainedBandit:
    """Folds the bandit's posterior with a progress bar."""
    with bar("bandit", sum(log.head() for log in wiring.customers)) as advance, trainer.alone(wiring):
        return train_bandit.run(wiring, advance)


def _show_bandit(trained: TrainedBandit, as_json: bool) -> None:
    result = {"model": trained.digest, "arms": trained.arms, "shown": trained.shown, "clicked": trained.clicked}
    words = (
        f"Bandit {trained.digest[:12]}: {trained.arms:,} arms, {trained.shown:,} showings, {trained.clicked:,} clicks."
    )
    show(result, words, as_json=as_json)


def _blend(wiring: Wiring, quick: bool, increment: bool, force: bool) -> "TrainedBlend":
    from app.training import blend as train_blend
    from app.training import blend_increment as continue_blend
    from ml.lessons import TooLittleError
    from ml.recipes import NotForThisError

    try:
        with trainer.alone(wiring), steps() as step, _reading(wiring, step) as read:
            if increment:
                return continue_blend.run(wiring, step, read, force=force)
            return train_blend.run(wiring, step, read, quick=quick, force=force)
    except (TooLittleError, NotForThisError) as error:
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
        "held": _reasons(trained.held),
    }
    words = f"Model {trained.digest[:12]}: HR@20 {ranking.hr_at_20:.3f}, MRR@20 {ranking.mrr_at_20:.3f} on "
    words = f"{words}{ranking.predictions:,} predictions in the latest week.{_held(trained.held, trained.digest)}"
    show(result, words, as_json=as_json)


def _show_blend(trained: "TrainedBlend", as_json: bool) -> None:
    metrics = {name: round(value, 4) for name, value in trained.metrics.items()}
    told = {"held": _reasons(trained.held), "seconds": round(trained.seconds, 1)}
    words = f"Blend {trained.digest[:12]}: HR@20 {metrics['hr@20']:.3f}, MRR@20 {metrics['mrr@20']:.3f} on the latest "
    words += f"tenth of the new sessions, in {trained.seconds:.0f} s.{_held(trained.held, trained.digest)}"
    show({"model": trained.digest, **metrics, **trained.notes, **told}, words, as_json=as_json)


def _reasons(held: list[Worse]) -> dict[str, dict[str, float]]:
    return {each.metric: {"new": round(each.new, 4), "in_use": round(each.in_use, 4)} for each in held}


def _held(held: list[Worse], digest: str) -> str:
    if not held:
        return ""
    return f"\nheld: {in_words(held)}; what was in use stays so. All the same: bespoke models promote {digest[:12]}"
