"""``train``."""

import click

from app import train as trainer
from app.cli.output import bar, json_option, show
from app.settings import Settings
from app.wiring import Wiring


@click.command()
@json_option
def train(as_json: bool) -> None:
    """Choose the model's configuration on the latest week, and put it into use."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        trained = run(wiring)
    ranking = trained.ranking
    result = {
        "model": trained.digest,
        "hr@20": round(ranking.hr_at_20, 4),
        "mrr@20": round(ranking.mrr_at_20, 4),
        "predictions": ranking.predictions,
    }
    words = f"Model {trained.digest[:12]}: HR@20 {ranking.hr_at_20:.3f}, MRR@20 {ranking.mrr_at_20:.3f} on "
    show(result, f"{words}{ranking.predictions:,} predictions in the latest week.", as_json=as_json)


def run(wiring: Wiring) -> trainer.Trained:
    """Trains with a progress bar."""
    events = sum(log.head() for log in wiring.customers)
    step = max(1, events // trainer.CONFIGURATIONS // 2)
    with bar("training", events + step * trainer.CONFIGURATIONS) as advance, trainer.alone(wiring):
        return trainer.run(wiring, read=advance, tried=lambda: advance(step))
