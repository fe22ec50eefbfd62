"""Arms of a user's file: which one is the control, how many units each has, which shares were designed."""

import re
from collections.abc import Mapping, Sequence

from adapters.datasets.table import MISSING, Labels

MOST_ARMS = 50
#: Words for nothing that an arm may be called.
NAMES = frozenset({"none", "na", "null"})
#: A word of an arm's name that says that nothing was done.
_WORDS = "control controls ctrl baseline placebo holdout none no original default off untreated false"
CONTROL = frozenset(_WORDS.split())


def control_of(names: Sequence[str], given: str | None) -> str:
    """The arm named, or the only one whose name says that it is the control; of numbers 0, of letters A. Raises
    ValueError."""
    if given is not None:
        return _named(names, given)
    found = [name for name in names if CONTROL & set(re.split(r"[^a-z]+", name.casefold()))]
    found = found or [name for name in names if _number(name) == 0 and all(_number(each) is not None for each in names)]
    if not found and all(re.fullmatch("[a-z]", name.casefold()) for name in names):
        found = [name for name in names if name.casefold() == "a"]
    if len(found) != 1:
        raise ValueError("which arm is the control does not follow from their names: say --control NAME")
    return found[0]


def _named(names: Sequence[str], given: str) -> str:
    """The arm of this name: as it is written, but for case and blanks, or as a number, 1 for 1.0."""
    likely = [name for name in names if name.casefold() == given.strip().casefold()]
    likely = likely or [name for name in names if _number(name) is not None and _number(name) == _number(given)]
    if given in names:
        return given
    if len(likely) != 1:
        raise ValueError("--control: there is no arm of this name")
    return likely[0]


def _number(name: str) -> float | None:
    try:
        return float(name)
    except ValueError:
        return None


def counts_of(column: str, arms: Labels) -> dict[str, int]:
    """Arm → rows. Raises ValueError where the column is none of arms."""
    if not 2 <= len(arms.names) <= MOST_ARMS:
        values = "value" if len(arms.names) == 1 else "different values"
        raise ValueError(f"{column}: {len(arms.names)} {values}; arms are 2 to {MOST_ARMS}")
    if any(name.casefold() in MISSING - NAMES for name in arms.names):
        raise ValueError(f"{column}: empty in some row; every unit has an arm")
    return {name: int(arms.where(name).sum()) for name in arms.names}


def shares_of(given: str | None, names: Sequence[str]) -> Mapping[str, float]:
    """``A=50,B=25,C=25`` → arm → share. Raises ValueError."""
    if given is None:
        return {}
    found: dict[str, float] = {}
    for part in given.split(","):
        name, _, share = part.rpartition("=")
        if name not in names or not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", share):
            raise ValueError("--shares: write it as ARM=NUMBER,ARM=NUMBER with arms of the file")
        found[name] = float(share)
    if set(found) != set(names):
        raise ValueError("--shares: give one for each arm")
    return found
