"""Arms of a user's file: which one is the control, how many units each has, which shares were designed."""

import re
from collections.abc import Mapping, Sequence

from adapters.datasets.table import Labels

MOST_ARMS = 50
#: A word of an arm's name that says that nothing was done.
CONTROL = frozenset(
    ["control", "controls", "baseline", "placebo", "holdout", "none", "no", "original", "default", "off"]
)


def control_of(names: Sequence[str], given: str | None) -> str:
    """The arm named, or the only one whose name says that it is the control. Raises ValueError."""
    if given is not None:
        if given not in names:
            raise ValueError("--control: there is no arm of this name")
        return given
    found = [name for name in names if CONTROL & set(re.split(r"[^a-z]+", name.casefold()))]
    if len(found) != 1:
        raise ValueError("which arm is the control does not follow from their names: say --control NAME")
    return found[0]


def counts_of(column: str, arms: Labels) -> dict[str, int]:
    """Arm → rows. Raises ValueError where the column is none of arms."""
    if not 2 <= len(arms.names) <= MOST_ARMS:
        raise ValueError(f"{column}: {len(arms.names)} different values; arms are 2 to {MOST_ARMS}")
    if "" in arms.names:
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
