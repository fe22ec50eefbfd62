"""What a query may ask for, judged before anything is executed: length, depth, aliases, and what it would cost.

A field costs 1, some of them more; what stands in a list counts as often as the list may be long. Each fragment is
judged once however often it is named, so a small query that unfolds to a large one is judged as fast as it was read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    parse,
)

COSTS = {"customer": 50, "decision": 20, "recommendations": 20}
MOST_ITEMS, MOST_SKUS = 50, 100
_INTROSPECTION = ("__schema", "__type")


class RefusedError(Exception):
    """The query is not executed. ``code``: for programs; ``field`` names what is wrong."""

    def __init__(self, code: str, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.code, self.field = code, field


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most of each. ``introspection``: whether the schema may be asked for."""

    depth: int = 8
    cost: int = 1_000
    aliases: int = 20
    tokens: int = 1_000
    introspection: bool = False


def read(query: str, bounds: Bounds) -> DocumentNode:
    """Raises RefusedError, which quotes nothing."""
    try:
        return parse(query, max_tokens=bounds.tokens)
    except RecursionError:
        raise RefusedError("TOO_DEEP", "query", f"is nested deeper than {bounds.depth}") from None
    except GraphQLError as error:
        if "tokens" in error.message:
            raise RefusedError("TOO_LONG", "query", f"has more than {bounds.tokens} tokens") from None
        line, column = error.locations[0] if error.locations else (0, 0)
        raise RefusedError("SYNTAX", "query", f"is no GraphQL from line {line}, column {column} on") from None


def check(document: DocumentNode, variables: Mapping[str, Any], name: str | None, bounds: Bounds) -> None:
    """``name``: of the operation that is wanted. Raises RefusedError."""
    named = [n.name and n.name.value for n in document.definitions if isinstance(n, OperationDefinitionNode)]
    if not (name in named if name is not None else len(named) == 1):
        raise RefusedError("BAD_QUERY", "operationName", "names no operation of the query, or is needed")
    if sum(node.alias is not None for node in _fields(document)) > bounds.aliases:
        raise RefusedError("TOO_MANY_ALIASES", "query", f"has more than {bounds.aliases} aliases")
    judge = _Judge(document, variables, bounds)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            if node.operation is not OperationType.QUERY:
                raise RefusedError("FORBIDDEN", "operation", "there are queries alone here")
            depth, cost = judge.of(node.selection_set, MOST_ITEMS, _defaults(node))
            if depth > bounds.depth:
                raise RefusedError("TOO_DEEP", "query", f"is nested deeper than {bounds.depth}")
            if cost > bounds.cost:
                raise RefusedError("TOO_COSTLY", "query", f"costs {cost}, and the most is {bounds.cost}")


class _Judge:
    def __init__(self, document: DocumentNode, variables: Mapping[str, Any], bounds: Bounds) -> None:
        self._fragments = {n.name.value: n for n in document.definitions if isinstance(n, FragmentDefinitionNode)}
        self._variables, self._bounds = variables, bounds
        self._known: dict[tuple[str, int], tuple[int, int] | None] = {}

    def of(self, selected: SelectionSetNode | None, size: int, defaults: Mapping[str, ValueNode]) -> tuple[int, int]:
        """Depth and cost. ``size``: of the list ``items`` here."""
        depth = cost = 0
        for node in selected.selections if selected else ():
            if isinstance(node, FieldNode):
                below, price = self._field(node, size, defaults)
                below += 1
            elif isinstance(node, FragmentSpreadNode):
                below, price = self._fragment(node.name.value, size, defaults)
            else:
                below, price = self.of(node.selection_set, size, defaults)  # type: ignore[attr-defined]
            depth, cost = max(depth, below), cost + price
        return depth, cost

    def _field(self, node: FieldNode, size: int, defaults: Mapping[str, ValueNode]) -> tuple[int, int]:
        name = node.name.value
        if name in _INTROSPECTION:
            if not self._bounds.introspection:
                raise RefusedError("FORBIDDEN", name, "the schema is not told here")
            return 0, COSTS.get(name, 1)
        times = {"items": size, "products": self._number(node, "skus", MOST_SKUS, defaults)}.get(name, 1)
        depth, cost = self.of(node.selection_set, self._number(node, "limit", MOST_ITEMS, defaults), defaults)
        return depth, COSTS.get(name, 1) + times * cost

    def _fragment(self, name: str, size: int, defaults: Mapping[str, ValueNode]) -> tuple[int, int]:
        if name not in self._fragments:
            return 0, 0  # the schema's rules refuse it
        if (name, size) in self._known:
            known = self._known[name, size]
            if known is None:
                raise RefusedError("BAD_QUERY", "query", "has fragments that contain themselves")
            return known
        self._known[name, size] = None
        found = self._known[name, size] = self.of(self._fragments[name].selection_set, size, defaults)
        return found

    def _number(self, node: FieldNode, argument: str, most: int, defaults: Mapping[str, ValueNode]) -> int:
        """The size that an argument says, or the most."""
        value: Any = next((a.value for a in node.arguments or () if a.name.value == argument), None)
        if isinstance(value, VariableNode):
            name = value.name.value
            value = self._variables.get(name, defaults.get(name))
        if isinstance(value, ListValueNode):
            return len(value.values)
        if isinstance(value, list):
            return len(value)
        if isinstance(value, IntValueNode):
            value = int(value.value) if len(value.value) < 10 else most
        return min(max(value, 1), most) if isinstance(value, int) else most


def _defaults(operation: OperationDefinitionNode) -> dict[str, ValueNode]:
    definitions = operation.variable_definitions or ()
    return {each.variable.name.value: each.default_value for each in definitions if each.default_value is not None}


def _fields(document: DocumentNode) -> Iterator[FieldNode]:
    waiting: list[Any] = [getattr(node, "selection_set", None) for node in document.definitions]
    while waiting:
        for node in getattr(waiting.pop(), "selections", ()):
            if isinstance(node, FieldNode):
                yield node
            waiting.append(getattr(node, "selection_set", None))
