"""Small paths, drawn by hypothesis."""

from hypothesis import strategies as st

from projections.attribution.paths import Path, stepped

CHANNELS = ("ads", "direct", "mail", "push", "shop")


def _path(channels: list[str], conversions: int, worth: int, nulls: int) -> Path:
    return stepped(tuple(channels), conversions, worth if conversions else 0, nulls)


one = st.builds(
    _path, st.lists(st.sampled_from(CHANNELS), max_size=7), st.integers(0, 9), st.integers(0, 10**9), st.integers(0, 9)
)
several = st.lists(one, min_size=1, max_size=12)
