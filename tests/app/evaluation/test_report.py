"""The report of an evaluation: a page with tables and plots."""

from pathlib import Path

import pytest

from app.evaluation.report import write
from app.evaluation.run import evaluate
from tests.ml.worlds import ring_task

pytest.importorskip("altair", reason="needs the extra 'report'")


def test_a_page_has_every_model_with_intervals_slices_and_plots(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    task = ring_task(400)
    runs = [
        evaluate(task, ["transitions", "session", "blend"], seed, True, lambda words: lambda part: None)
        for seed in (0, 1)
    ]
    page = write(tmp_path / "rings", "rings", task, runs).read_text()
    for heading in (
        "The blend against each model",
        "Where little is known",
        "What each member is worth",
        "Calibration",
    ):
        assert f"## {heading}" in page
    assert "2 seeds" in page
    assert " ± " in page
    row = next(line for line in page.splitlines() if line.startswith("| transitions | "))
    assert f"{runs[0][0].means['hr@10']:.4f}" in row
    plots = {path.name for path in (tmp_path / "rings").glob("*.svg")}
    assert plots == {"rings-where.svg", "rings-learning.svg", "rings-calibration.svg"}
    assert all(f"]({name})" in page for name in plots)
    assert all("<svg" in (tmp_path / "rings" / name).read_text() for name in plots)
