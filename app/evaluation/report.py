"""What several models did on a task, over several seeds, as Markdown with plots beside it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.evaluation.measured import Measured
from app.evaluation.names import BLEND
from ml.evaluation.bootstrap import difference
from ml.evaluation.metrics import diversity
from ml.evaluation.slices import COLD_ITEM, COLD_PERSON, slices
from ml.evaluation.task import Task

METRICS = ("hr@10", "hr@20", "ndcg@10", "mrr@20", "recall@20")
MOST_LISTS = 2_000
#: Of each seed, what each model did.
Runs = Sequence[Sequence[Measured]]


class MissingPackageError(Exception):
    """Plots need a package that is not installed."""

    def __init__(self) -> None:
        super().__init__("plots need altair: pip install 'bespoke[report]'")


def write(folder: Path, name: str, task: Task, runs: Runs) -> Path:
    """Writes ``<name>.md`` and its plots. Raises MissingPackageError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    plots = _plots(folder, name, task, runs)
    parts = [f"# {name}\n", _about(task, runs), _table(task, runs), _against(runs), _sliced(task, runs), _worths(runs)]
    parts += [f"## {title}\n\n![{title}]({path.name})\n" for title, path in plots.items()]
    page = folder / f"{name}.md"
    page.write_text("\n".join(part for part in parts if part), encoding="utf-8")
    return page


def _about(task: Task, runs: Runs) -> str:
    learnt = task.lessons.sequences
    return (
        f"{len(learnt):,} sequences with {len(learnt.items):,} items of {task.lessons.items:,} to learn from, "
        f"{len(runs[0][0].ranked.queries):,} questions; {len(runs)} seed{'s' if len(runs) > 1 else ''}.\n"
    )


def _table(task: Task, runs: Runs) -> str:
    """Means over seeds, ± their standard deviation where there are several."""
    field = next(iter(task.lessons.attributes.fields)) if task.lessons.attributes else None
    head = ["model", *METRICS, "coverage", *(["diversity"] if field else []), "training"]
    rows = []
    for models in zip(*runs, strict=True):
        cells = [models[0].model, *(_spread([each.means[metric] for each in models]) for metric in METRICS)]
        cells.append(f"{np.mean([each.coverage for each in models]):.3f}")
        if field and task.lessons.attributes:
            lists = models[0].ranked.lists[:MOST_LISTS]
            cells.append(f"{diversity(lists, task.lessons.attributes, field):.3f}")
        rows.append([*cells, f"{np.mean([each.train_s for each in models]):.0f} s"])
    return _markdown(head, rows)


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.4f}" + (f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")


def _against(runs: Runs) -> str:
    """The blend against each other model, on the first seed."""
    ours = next((each for each in runs[0] if each.model == BLEND), None)
    if ours is None or len(runs[0]) < 2:
        return ""
    rows = []
    for other in runs[0]:
        if other is not ours:
            found = difference(ours.by_query["ndcg@10"], other.by_query["ndcg@10"], ours.ranked.queries.persons)
            ratio = ours.means["ndcg@10"] / max(other.means["ndcg@10"], 1e-12) - 1
            rows.append([other.model, f"{found.value:+.4f}", f"{found.low:+.4f} … {found.high:+.4f}", f"{ratio:+.1%}"])
    head = ["against", "difference in NDCG@10", "95 % interval", "relative"]
    return "## The blend against each model\n\nPaired bootstrap over persons.\n\n" + _markdown(head, rows)


def _sliced(task: Task, runs: Runs) -> str:
    found = slices(runs[0][0].ranked, task.lessons)
    rows = []
    for each in runs[0]:
        rows.append([each.model, *(_of(each, chosen) for chosen in found.values())])
    head = ["model", *(f"{name} ({np.count_nonzero(chosen):,})" for name, chosen in found.items())]
    words = (
        f"NDCG@10. Cold items are in the training data {COLD_ITEM} times at most; of cold persons {COLD_PERSON} items "
        "at most are known.\n\n"
    )
    return "## Where little is known\n\n" + words + _markdown(head, rows)


def _of(measured: Measured, chosen: "np.ndarray[Any, Any]") -> str:
    return f"{measured.by_query['ndcg@10'][chosen].mean():.4f}" if chosen.any() else "-"


def _worths(runs: Runs) -> str:
    notes: Mapping[str, Any] = next((each.notes for each in runs[0] if each.model == BLEND), {})
    if "worth" not in notes:
        return ""
    rows = [
        [
            name,
            " / ".join(f"{weight:.2f}" for weight in notes["weights"][name]),
            f"{worth['ndcg@10']:+.4f}",
            f"{worth['low']:+.4f} … {worth['high']:+.4f}",
            "kept" if worth["kept"] else "left out" if worth["high"] < 0 else "weighted down",
        ]
        for name, worth in notes["worth"].items()
    ]
    head = ["member", "weight: anonymous / sparse / known", "gain in NDCG@10", "95 % interval", ""]
    left_out = "".join(f"\n{reason}." for reason in notes["left out"].values())
    calibrated = f"\nCalibration error (ECE) on persons not learned on: {notes['ece']:.4f}.{left_out}\n"
    return "## What each member is worth\n\n" + _markdown(head, rows) + calibrated


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _plots(folder: Path, name: str, task: Task, runs: Runs) -> dict[str, Path]:
    try:
        import altair
    except ImportError:
        raise MissingPackageError from None
    found = {}
    for title, rows, chart in (
        ("Where little is known, by model", _slice_rows(task, runs), _bars),
        ("Learning curves", _curve_rows(runs), _lines),
        ("Calibration of the blend", _calibration_rows(runs), _diagonal),
    ):
        if rows:
            path = folder / f"{name}-{title.split()[0].lower()}.svg"
            chart(altair, rows).properties(title=title, width=520, height=260).save(str(path))
            found[title] = path
    return found


def _slice_rows(task: Task, runs: Runs) -> list[dict[str, Any]]:
    found = slices(runs[0][0].ranked, task.lessons)
    return [
        {"model": each.model, "part": name, "NDCG@10": float(each.by_query["ndcg@10"][chosen].mean())}
        for each in runs[0]
        for name, chosen in found.items()
        if chosen.any()
    ]


def _curve_rows(runs: Runs) -> list[dict[str, Any]]:
    return [
        {"model": each.model, "epoch": epoch, "NDCG@10 + MRR@20 on later data": value}
        for each in runs[0]
        for epoch, value in enumerate(each.notes.get("curve", ()), 1)
    ]


def _calibration_rows(runs: Runs) -> list[dict[str, Any]]:
    notes: Mapping[str, Any] = next((each.notes for each in runs[0] if each.model == BLEND), {})
    return [{"said": said, "came": came} for said, came in notes.get("reliability", ())]


def _bars(altair: Any, rows: list[dict[str, Any]]) -> Any:
    encoded = altair.Chart(altair.Data(values=rows)).mark_bar()
    return encoded.encode(x="part:N", y="NDCG@10:Q", color="model:N", xOffset="model:N")


def _lines(altair: Any, rows: list[dict[str, Any]]) -> Any:
    drawn = altair.Chart(altair.Data(values=rows)).mark_line(point=True)
    value = altair.Y("NDCG@10 + MRR@20 on later data:Q", scale=altair.Scale(zero=False))
    return drawn.encode(x="epoch:O", y=value, color="model:N")


def _diagonal(altair: Any, rows: list[dict[str, Any]]) -> Any:
    data = altair.Data(values=rows)
    points = altair.Chart(data).mark_line(point=True).encode(x="said:Q", y="came:Q")
    most = max(max(row["said"], row["came"]) for row in rows)
    straight = altair.Data(values=[{"said": 0, "came": 0}, {"said": most, "came": most}])
    return altair.Chart(straight).mark_line(strokeDash=[4, 4], color="grey").encode(x="said:Q", y="came:Q") + points
