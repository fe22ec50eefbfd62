"""``evaluate``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.evaluating_attribution import attribution
from app.cli.evaluating_experiment import experiment
from app.cli.evaluating_identity import identity
from app.cli.evaluating_ltv import ltv
from app.cli.evaluating_ope import ope
from app.cli.evaluating_uplift import uplift
from app.cli.output import fail, json_option, show, steps
from app.evaluation import names

if TYPE_CHECKING:
    from app.evaluation.measured import Measured

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
METRICS = ("hr@10", "hr@20", "ndcg@10", "mrr@20", "recall@20")


@click.group()
def evaluate() -> None:
    """Measure on files of your own."""


evaluate.add_command(attribution)
evaluate.add_command(ope)
evaluate.add_command(experiment)
evaluate.add_command(ltv)
evaluate.add_command(identity)
evaluate.add_command(uplift)


@evaluate.command("next-item")
@click.option("--format", "kind", type=click.Choice(names.FORMATS), required=True, help="What the files hold, below.")
@click.option("--train", "train_file", type=FILE, required=True, help="What to learn from; plain or .gz.")
@click.option("--test", "test_file", type=FILE, help="What to predict; needed for eshop and sessions.")
@click.option("--attributes", "attribute_file", type=FILE, help='JSON: {"item": ["attribute", …], …}.')
@click.option("--split", type=click.Choice(names.SPLITS), default="random", show_default=True, help="Of ratings.")
@click.option(
    "--model", "models", type=click.Choice(names.MODELS), multiple=True, default=(names.BLEND,), help="May be repeated."
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True, help="Of training.")
@click.option("--seeds", type=click.IntRange(1, 10), default=1, show_default=True, help="How many, from --seed on.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), help="A folder for a report with plots.")
@click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for what is done already: the same command goes on from there after it was stopped.",
)
@click.option("--quick", is_flag=True, help="Small models, few epochs, 2,000 predictions: to try a file out.")
@json_option
def next_item(
    kind: str,
    train_file: Path,
    test_file: Path | None,
    attribute_file: Path | None,
    split: str,
    models: tuple[str, ...],
    seed: int,
    seeds: int,
    results: Path | None,
    work: Path | None,
    quick: bool,
    as_json: bool,
) -> None:
    """Predict the next item of each test sequence, ranking all items that training knows.

    \b
    eshop      the columns of the UCI data e-shop clothing 2008 (CSV). After each click
               the next different item is asked for. Its own columns are the attributes.
    sessions   a line is a session, items with blanks between, oldest line first.
               --test: the items before, a tab, the item that came then.
    sequences  a line is a person, then the items, oldest first. The last item of each
               line is asked for (of --test, if given, else of --train).
    ratings    RecBole's .inter: tab-separated, with the columns user_id, item_id, rating
               and timestamp in the first line. Ratings from 3 on count. --split random:
               each user's are divided 8:1:1; temporal: all are, by time. With --test, its
               ratings are asked for, and --split does not matter.

    Items of the history are never asked for again in sequences and ratings, the latest is not in eshop, and any may be
    in sessions. An item that training does not know is a miss. Every metric is from 0 to 1, over all predictions.
    blend trains all models on the earlier part of the training file, learns on the later part how much each counts,
    then trains them on all of it. The neural models need torch: pip install 'bespoke[train]'.
    """
    from app.evaluation.formats import Files, load
    from app.evaluation.kept import work_in
    from app.evaluation.report import MissingPackageError, write
    from app.evaluation.run import evaluate as measure
    from ml.recipes import NotForThisError

    files = Files(kind, train_file, test_file, attribute_file, split)
    try:
        with steps() as step:
            step("reading")(0.0)
            task = load(files)
            done = work_in(work, files, quick) if work else None
            runs = [measure(task, models, each, quick, step, done) for each in range(seed, seed + seeds)]
        if results:
            write(results, results.resolve().name, task, runs)
    except (ValueError, NotForThisError, MissingPackageError, OSError) as error:
        fail(str(error))
    found = [_figures(run) for run in zip(*runs, strict=True)]
    show(found[0] if len(found) == 1 else {"models": found}, _table(found), as_json=as_json)


def _figures(runs: "Sequence[Measured]") -> dict[str, Any]:
    """One model's, means over seeds; the notes are the first seed's."""

    def mean(values: "list[float]", digits: int) -> float:
        return round(sum(values) / len(values), digits)

    return {
        "model": runs[0].model,
        **{name: mean([run.means[name] for run in runs], 4) for name in METRICS},
        "predictions": len(runs[0].ranked.queries),
        "coverage": mean([run.coverage for run in runs], 4),
        "train_s": mean([run.train_s for run in runs], 1),
        "predict_s": mean([run.predict_s for run in runs], 1),
        "seeds": len(runs),
        "notes": dict(runs[0].notes),
    }


def _table(found: Sequence[dict[str, Any]]) -> str:
    width = max(len(each["model"]) for each in found)
    lines = [" ".join([" " * width, *(f"{name:>9}" for name in METRICS), "predictions".rjust(12)])]
    for each in found:
        cells = [f"{each[name]:>9.4f}" for name in METRICS]
        lines.append(" ".join([each["model"].ljust(width), *cells, f"{each['predictions']:>12,}"]))
    return "\n".join(lines)
