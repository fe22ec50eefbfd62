"""Sessions from single views."""

from collections.abc import Iterable, Iterator

from readmodels.features import SESSION_GAP_MS

__all__ = ["SESSION_GAP_MS", "Look", "sessions"]
Look = tuple[int, int, str]


def sessions(looks: Iterable[Look]) -> Iterator[list[Look]]:
    """One stream's views, as (at, tag, SKU) in any order, cut where nothing happened for ``SESSION_GAP_MS``."""
    session: list[Look] = []
    for look in sorted(looks):
        if session and look[0] - session[-1][0] > SESSION_GAP_MS:
            yield session
            session = []
        session.append(look)
    if session:
        yield session
