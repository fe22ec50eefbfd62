"""``bespoke evaluate identity``: persons found without the truth, one pair as the whole file is scored."""

import csv
import json
import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import bespoke

pytestmark = pytest.mark.skipif(find_spec("splink") is None, reason="needs the extra 'identity'")
GIVEN = (
    "amy",
    "ben",
    "carla",
    "daniel",
    "emma",
    "felix",
    "greta",
    "hugo",
    "ines",
    "jonas",
    "karla",
    "liam",
    "mona",
    "nils",
)
FAMILY = (
    "miller",
    "brown",
    "garcia",
    "novak",
    "silva",
    "rossi",
    "kowalski",
    "larsen",
    "moreau",
    "petrov",
    "schmidt",
    "okafor",
)
STREETS = (
    "mill lane",
    "high street",
    "station road",
    "church close",
    "park avenue",
    "victoria terrace",
    "green way",
    "long acre",
)
CITIES = ("ashford", "bilston", "corby", "dover", "ely", "frome", "goole")
COLUMNS = ("id", "first_name", "last_name", "dob", "address", "city", "zip", "email")


def records(people: int = 250, seed: int = 5) -> list[dict[str, str]]:
    """Each person twice, the second time with a mistake or two."""
    chance, rows = random.Random(seed), []
    for number in range(people):
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        row = {
            "id": f"rec-{number}-org",
            "first_name": given,
            "last_name": family,
            "dob": f"{chance.randint(1940, 2004)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            "address": f"{chance.randint(1, 180)} {chance.choice(STREETS)}",
            "city": chance.choice(CITIES),
            "zip": f"{chance.randint(10_000, 99_999)}",
            "email": f"{given}.{family}{number}@example.com",
        }
        rows += [row, mistaken(row, number, chance)]
    chance.shuffle(rows)
    return rows


def mistaken(row: dict[str, str], number: int, chance: random.Random) -> dict[str, str]:
    again = {**row, "id": f"rec-{number}-dup"}
    for column in chance.sample(("first_name", "last_name", "address", "zip", "email"), 2):
        text = list(again[column])
        at = chance.randrange(len(text) - 1)
        text[at], text[at + 1] = text[at + 1], text[at]
        again[column] = "".join(text) if chance.random() < 0.7 else ""
    return again


def written(folder: Path, name: str, rows: list[dict[str, str]]) -> Path:
    path = folder / name
    with path.open("w", newline="") as file:
        out = csv.DictWriter(file, COLUMNS)
        out.writeheader()
        out.writerows(rows)
    return path


def run(*arguments: object) -> tuple[int, Any, str]:
    result = CliRunner().invoke(bespoke, ["evaluate", "identity", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_a_file_with_mistakes_is_found_out(tmp_path: Path) -> None:
    path = written(tmp_path, "people.csv", records())
    code, out, _ = run(path, "--truth", r"id:rec-(\d+)", "--no-rival", "--json")
    told = json.loads(out)
    assert code == 0 and told["incremental_equals_batch"] is True
    assert told["f1"] > 0.95 and told["auto_precision"] > 0.99 and told["people"] == 250
    assert told["columns"]["given"] == "first_name" and "rec" not in json.dumps(told["columns"])


def test_two_files_are_linked(tmp_path: Path) -> None:
    rows = records()
    one = written(tmp_path, "one.csv", [row for row in rows if row["id"].endswith("org")])
    other = written(tmp_path, "two.csv", [row for row in rows if row["id"].endswith("dup")])
    told = json.loads(run(one, other, "--truth", r"id:rec-(\d+)", "--no-rival", "--json")[1])
    assert told["recall"] > 0.9 and told["precision"] > 0.95 and told["incremental_equals_batch"] is True


def test_a_pair_is_scored_as_the_whole_file_is(tmp_path: Path) -> None:
    from adapters.datasets.people import asked_for, people
    from adapters.splink import engine
    from ml.identity.score import Scorer

    told = people([written(tmp_path, "people.csv", records(120))], asked_for(r"id:rec-(\d+)", (), ()))
    model = engine.train(told.records)
    pairs, scorer = engine.score(told.records, model), Scorer(model)
    assert len(pairs.one) > 200
    for one, other, weight in zip(pairs.one.tolist(), pairs.other.tolist(), pairs.weight.tolist(), strict=True):
        assert scorer.weight(told.records[one], told.records[other]) == pytest.approx(weight, abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--truth", "nobody"), "nobody"),
        (("--truth", "id:("), "--truth"),
        (("--truth", "id", "--drop", "shoe_size"), "shoe_size"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    code, _, error = run(written(tmp_path, "people.csv", records(20)), *arguments)
    assert code == 1 and said in error and error.strip().count("\n") == 0


def test_published_records_are_found(shared: Path) -> None:
    path = shared / "data" / "identity" / "febrl_dataset3.csv.gz"
    told = json.loads(run(path, "--truth", r"rec_id:rec-(\d+)", "--drop", "soc_sec_id", "--no-rival", "--json")[1])
    assert told["f1"] >= 0.980 and told["auto_precision"] >= 0.9995 and told["auto_recall"] >= 0.93
    assert told["incremental_equals_batch"] is True
