"""Artefacts name what is in the catalogue or what several people met, and nothing else."""

from ml.naming import known_names
from tests.ml.test_lessons import NAMES, SESSIONS, examples


def test_what_one_person_alone_met_twice_has_no_name() -> None:
    found = examples(SESSIONS)  # each session is somebody else's; "c" is in one of them, twice
    assert known_names(found, NAMES, (), 2) == ("a", "b", " 2", "d", "e", "f")


def test_what_the_catalogue_has_keeps_its_name() -> None:
    found = examples(SESSIONS)
    assert known_names(found, NAMES, {"c"}, 2) == NAMES
    assert known_names(found, NAMES, {"c"}, 3) == (" 0", " 1", "c", " 3", " 4", " 5")


def test_nobody_met_anything() -> None:
    nothing = examples(SESSIONS).take(slice(0))
    assert known_names(nothing, ("a", "b"), {"b"}, 1) == (" 0", "b")
