"""Ways to an order as a Sankey diagram: the last touches in columns, what flows between them as bands. Layout alone; a
template draws it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

EARLIER, ORDER = "earlier touches", "order"
BAR, GAP, TOP = 12.0, 10.0, 22.0
#: A bar is never thinner, so that what is rare can be seen.
LEAST = 2.0


@dataclass(frozen=True, slots=True)
class Node:
    """A channel in a column. ``value``: orders through it."""

    name: str
    column: int
    value: int
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Link:
    """Orders that went from one node to another. ``path``: of SVG, the middle of a band ``width`` thick."""

    source: str
    target: str
    column: int
    value: int
    path: str
    width: float


@dataclass(frozen=True, slots=True)
class Sankey:
    """``columns``: how many, the order's too."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    columns: int
    width: float
    height: float


def steps(ways: Sequence[tuple[Sequence[str], int]], most: int) -> list[tuple[list[tuple[int, str]], int]]:
    """Each way as (column, name), aligned at its end: the order is in the last column, the last touch before it. Of a
    longer way than ``most`` touches the first ones are one step."""
    longest = min(max((len(channels) for channels, _ in ways), default=0), most)
    found = []
    for channels, orders in ways:
        names = list(channels[-longest:]) if longest else []
        if len(channels) > longest and longest > 1:
            names[0] = EARLIER
        names.append(ORDER)
        first = longest + 1 - len(names)
        found.append(([(first + i, name) for i, name in enumerate(names)], orders))
    return found


def sankey(
    ways: Sequence[tuple[Sequence[str], int]], *, width: float, height: float, most: int, right: float
) -> Sankey:
    """``ways``: channels and how many orders. ``right``: room for the last column's labels. Heights are in proportion
    to orders, in one scale for all columns."""
    walked = steps([each for each in ways if each[0] and each[1] > 0], most)
    through: Counter[tuple[int, str]] = Counter()
    flows: Counter[tuple[int, str, str]] = Counter()
    for places, orders in walked:
        for place in places:
            through[place] += orders
        for (column, source), (_, target) in pairwise(places):
            flows[column, source, target] += orders
    columns = max((column for column, _ in through), default=-1) + 1
    nodes = _nodes(through, columns, width - right, height)
    return Sankey(tuple(nodes.values()), tuple(_links(flows, nodes)), columns, width, height)


def _nodes(
    through: Mapping[tuple[int, str], int], columns: int, width: float, height: float
) -> dict[tuple[int, str], Node]:
    by: defaultdict[int, list[str]] = defaultdict(list)
    for column, name in sorted(through, key=lambda each: (each[0], each[1] == EARLIER, -through[each], each[1])):
        by[column].append(name)
    if not by:
        return {}
    room = height - TOP
    unit = min(
        (room - GAP * (len(names) - 1)) / sum(through[column, name] for name in names) for column, names in by.items()
    )
    apart = (width - BAR) / (columns - 1) if columns > 1 else 0.0
    found = {}
    for column, names in by.items():
        y = TOP
        for name in names:
            tall = max(LEAST, through[column, name] * max(unit, 0.0))
            found[column, name] = Node(name, column, through[column, name], round(column * apart, 1), round(y, 1), tall)
            y += tall + GAP
    return found


def _links(flows: Mapping[tuple[int, str, str], int], nodes: Mapping[tuple[int, str], Node]) -> list[Link]:
    """Bands leave and arrive in the order of their other ends, so that few cross."""
    left: defaultdict[tuple[int, str], float] = defaultdict(float)
    came: defaultdict[tuple[int, str], float] = defaultdict(float)
    found = []
    ordered = sorted(flows, key=lambda f: (f[0], nodes[f[0], f[1]].y, nodes[f[0] + 1, f[2]].y))
    for column, source, target in ordered:
        start, end = nodes[column, source], nodes[column + 1, target]
        orders = flows[column, source, target]
        thick = start.height * orders / start.value
        y0 = start.y + left[column, source] + thick / 2
        y1 = end.y + came[column + 1, target] + thick / 2
        left[column, source] += thick
        came[column + 1, target] += end.height * orders / end.value
        x0, x1 = start.x + BAR, end.x
        bend = (x0 + x1) / 2
        path = f"M{x0:.1f} {y0:.1f}C{bend:.1f} {y0:.1f} {bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
        found.append(Link(source, target, column, orders, path, round(max(thick, 1.0), 1)))
    return found
