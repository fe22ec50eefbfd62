"""The diagram of ways: what comes in goes on, in any report."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from adapters.reports.sankey import EARLIER, ORDER, Sankey, sankey, steps

WAYS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcdef"), max_size=9).map(tuple), st.integers(0, 1_000)), max_size=30
)


def drawn(ways: list[tuple[tuple[str, ...], int]], most: int = 4) -> Sankey:
    return sankey(ways, width=900, height=400, most=most, right=60)


def test_ways_end_together_and_long_ones_begin_earlier() -> None:
    ways = [(("a", "b"), 3), (("c",), 2), (("a", "b", "c", "d"), 1)]
    assert steps(ways, 3) == [
        ([(1, "a"), (2, "b"), (3, ORDER)], 3),
        ([(2, "c"), (3, ORDER)], 2),
        ([(0, EARLIER), (1, "c"), (2, "d"), (3, ORDER)], 1),
    ]


@given(WAYS, st.integers(2, 6))
def test_what_comes_in_goes_on(ways: list[tuple[tuple[str, ...], int]], most: int) -> None:
    made = drawn(ways, most)
    orders = sum(n for channels, n in ways if channels and n > 0)
    assert sum(node.value for node in made.nodes if node.name == ORDER) == orders
    out: Counter[tuple[int, str]] = Counter()
    for link in made.links:
        out[link.column, link.source] += link.value
    for node in made.nodes:
        if node.name != ORDER:
            assert out[node.column, node.name] == node.value
    assert made.columns <= most + 1


@given(WAYS)
def test_bars_stand_inside_and_not_on_one_another(ways: list[tuple[tuple[str, ...], int]]) -> None:
    made = drawn(ways)
    assert all(0 <= node.x <= 840 and node.y >= 0 for node in made.nodes)
    for column in range(made.columns):
        bars = sorted((node for node in made.nodes if node.column == column), key=lambda node: node.y)
        for above, below in pairwise(bars):
            assert above.y + above.height <= below.y


def test_bands_are_as_thick_as_the_orders_in_them() -> None:
    made = drawn([(("a",), 300), (("b",), 100)])
    thick, thin = sorted((link.width for link in made.links), reverse=True)
    assert abs(thick / thin - 3) < 0.02


def test_no_ways_are_no_diagram() -> None:
    assert drawn([]).nodes == drawn([((), 5), (("a",), 0)]).nodes == ()
