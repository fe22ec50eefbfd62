"""Files of each format, and what is said of those that are wrong."""

import gzip
from pathlib import Path

import pytest

from app.evaluation.formats import Files, load
from ml.evaluation.task import Task
from ml.sequences import Sequences


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    text = "".join(f"{line}\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def named(task: Task, sequences: Sequences) -> list[str]:
    return ["".join(task.names[i] if i >= 0 else "?" for i in each) for each in sequences]


def test_sessions(tmp_path: Path) -> None:
    train = write(tmp_path, "train.txt.gz", "a b", "b c a", "c a")
    test = write(tmp_path, "test.txt", "a b\tc", "a\tb", "z\tn")
    task = load(Files("sessions", train, test))
    assert named(task, task.lessons.sequences) == ["ab", "bca", "ca"]
    assert named(task, task.queries.history) == ["ab", "a", ""]
    assert named(task, task.queries.targets) == ["c", "b", "?"]
    assert task.lessons.hidden == task.queries.hidden == "none"


def test_sequences_with_attributes(tmp_path: Path) -> None:
    train = write(tmp_path, "people.txt", "p a b c", "q c a b")
    told = tmp_path / "told.json"
    told.write_text('{"a": [1, 2], "c": ["red"], "unknown": [9]}')
    task = load(Files("sequences", train, attributes=told))
    assert named(task, task.queries.targets) == ["c", "b"]
    assert task.lessons.attributes is not None
    field = task.lessons.attributes.fields["attribute"]
    codes = {name: field.codes[field.indptr[i] : field.indptr[i + 1]].tolist() for i, name in enumerate(task.names)}
    assert codes == {"a": [0, 1], "b": [], "c": [2]}


HEAD = "user_id:token\titem_id:token\trating:float\ttimestamp:float"


def rated(folder: Path, *rows: str) -> Path:
    return write(folder, "data.inter", HEAD, *("\t".join(row.split()) for row in rows))


def test_ratings_at_random_are_eight_to_one_to_one_for_each_user(tmp_path: Path) -> None:
    rows = [f"u{user} i{item} 5 {item}" for user in range(5) for item in range(20)]
    task = load(Files("ratings", rated(tmp_path, *rows)))
    assert task.earlier.sequences.lengths.tolist() == [16] * 5
    assert task.later.targets.lengths.tolist() == task.queries.targets.lengths.tolist() == [2] * 5
    for known, asked in zip(task.queries.history, task.queries.targets, strict=True):
        assert not set(known) & set(asked)
        assert len(known) == 18
    times = [[int(task.names[i][1:]) for i in each] for each in task.lessons.sequences]
    assert all(each == sorted(each) for each in times)


def test_low_ratings_do_not_count_and_the_same_item_counts_once(tmp_path: Path) -> None:
    rows = [f"u i{item} 3 {item}" for item in range(10)]
    task = load(Files("ratings", rated(tmp_path, *rows, "u i0 5 99", "u low 2.9 5")))
    assert "low" not in task.names
    assert len(task.lessons.sequences.items) + len(task.queries.targets.items) == 10


def test_ratings_by_time_never_learn_from_what_is_later(tmp_path: Path) -> None:
    rows = [f"u{n % 7} i{n % 11}x{n} 4 {n}" for n in range(100)]
    task = load(Files("ratings", rated(tmp_path, *rows), split="temporal"))

    def times(sequences: Sequences) -> list[int]:
        return [int(task.names[i].partition("x")[2]) for i in sequences.items]

    assert max(times(task.earlier.sequences)) < min(times(task.later.targets))
    assert max(times(task.lessons.sequences)) < min(times(task.queries.targets))
    assert len(task.queries.targets.items) == 10


def test_a_test_file_of_ratings_is_what_is_asked(tmp_path: Path) -> None:
    train = rated(tmp_path, *(f"u{n % 3} i{n} 5 {n}" for n in range(30)))
    test = write(tmp_path, "test.inter", HEAD, "u0\tnew\t5\t99", "u1\ti0\t5\t98", "u2\ti1\t1\t97")
    task = load(Files("ratings", train, test))
    assert named(task, task.queries.targets) == ["new", "i0"]
    assert len(task.lessons.sequences.items) == 30


@pytest.mark.parametrize(
    ("kind", "train", "test", "reason"),
    [
        ("sessions", ["a b", "a b"], ["a b c"], "test.txt, line 1: no tab"),
        ("sessions", ["a b", ""], None, "--test is missing"),
        ("sequences", ["p a b", "p c"], None, "train.txt, line 2: the person has a line already"),
        ("sequences", ["p"], None, "train.txt, line 1: not a person and 1 to"),
        ("sequences", ["p " + "x" * 300], None, "train.txt, line 1: item is not 1 to 200"),
        ("ratings", ["user_id\titem_id\trating"], None, "line 1: not exactly one column timestamp"),
        ("ratings", [HEAD, "u\ti\tfive\t1"], None, "train.txt, line 2: rating is not a number"),
        ("ratings", [HEAD, "u\ti\t5\tnan"], None, "train.txt, line 2: timestamp is not a number"),
        ("ratings", [HEAD, "u\ti\t5"], None, "train.txt, line 2: 3 cells, not 4"),
        ("ratings", [HEAD], None, "there is nothing to predict"),
        ("eshop", ["year"], ["year"], "train.txt: no column"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(
    tmp_path: Path, kind: str, train: list[str], test: list[str] | None, reason: str
) -> None:
    file = write(tmp_path, "train.txt", *train)
    other = write(tmp_path, "test.txt", *test) if test is not None else None
    with pytest.raises(ValueError, match=reason):
        load(Files(kind, file, other))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[1]", "not a JSON object"),
        (b"{", "not a JSON object"),
        (b'{"a": ["' + b"x" * 300 + b'"]}', "told.json, entry 1: attribute is not"),
    ],
)
def test_attributes_are_checked(tmp_path: Path, content: bytes, reason: str) -> None:
    told = tmp_path / "told.json"
    told.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        load(Files("sequences", write(tmp_path, "t.txt", "p a b c"), attributes=told))


def test_a_broken_or_binary_file_is_refused(tmp_path: Path) -> None:
    cut = tmp_path / "train.txt.gz"
    cut.write_bytes(gzip.compress(b"p a b c\n")[:-9])
    with pytest.raises(ValueError, match=r"train\.txt\.gz: not a whole gzip file"):
        load(Files("sequences", cut))
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"p \xff\xfe\n")
    with pytest.raises(ValueError, match=r"bad\.txt: not UTF-8"):
        load(Files("sequences", bad))
