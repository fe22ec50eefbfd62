"""Which code runs here: the package's version, and the commit where it runs from a repository."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ml.artefacts.manifest import COMMIT, Code

ROOT = Path(__file__).parents[2]


@cache
def current() -> Code:
    """This code."""
    try:
        return Code(version("bespoke"), commit_of(ROOT))
    except PackageNotFoundError:
        return Code("unknown", commit_of(ROOT))


def commit_of(root: Path) -> str | None:
    """The commit that a repository's folder stands at, None where it is none or cannot be read."""
    try:
        return _commit(root / ".git")
    except (OSError, UnicodeDecodeError):
        return None


def _commit(git: Path) -> str | None:
    if git.is_file():  # a work tree beside the repository
        git = (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()
    shared = (git / "commondir").read_text().strip() if (git / "commondir").exists() else "."
    head = (git / "HEAD").read_text().strip()
    name = head.removeprefix("ref:").strip()
    if name != head:
        head = _branch([git, git / shared], name)
    return head if COMMIT.fullmatch(head) else None


def _branch(places: list[Path], name: str) -> str:
    for place in places:
        if (place / name).is_file():
            return (place / name).read_text().strip()
    for place in places:
        packed = (place / "packed-refs").read_text().splitlines() if (place / "packed-refs").exists() else []
        for line in packed:
            commit, _, packed_name = line.partition(" ")
            if packed_name == name:
                return commit
    return ""
