"""``evaluate``."""

from pathlib import Path

import click

from app import evaluate as evaluation
from app.cli.evaluating_ope import ope
from app.cli.output import bar, fail, json_option, show
from app.settings import Settings

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def evaluate() -> None:
    """Measure on files of your own."""


evaluate.add_command(ope)


@evaluate.command("next-item")
@click.option("--format", "file_format", type=click.Choice(evaluation.FORMATS), required=True)
@click.option("--train", "train_file", type=FILE, required=True, help="Sessions to learn from.")
@click.option("--test", "test_file", type=FILE, required=True, help="Later sessions to predict.")
@json_option
def next_item(file_format: str, train_file: Path, test_file: Path, as_json: bool) -> None:
    """Predict the next different item of each test session after each of its clicks, ranking all items.

    The training file goes through the event log and the projections of a throw-away namespace, as dated. Format
    eshop: the columns of the UCI e-shop clothing 2008 data (CSV, also .gz). Prints hr@20 and mrr@20, each 0 to 1.
    """
    try:
        ranking = evaluation.next_item(Settings(), train_file, test_file, bar)
    except ValueError as error:
        fail(str(error))
    result = {
        "hr@20": round(ranking.hr_at_20, 4),
        "mrr@20": round(ranking.mrr_at_20, 4),
        "predictions": ranking.predictions,
    }
    words = f"HR@20 {ranking.hr_at_20:.4f}, MRR@20 {ranking.mrr_at_20:.4f} over {ranking.predictions:,} predictions."
    show(result, words, as_json=as_json)
