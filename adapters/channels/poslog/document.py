"""Reading POSLog XML that may be hostile: no DTD, no entities; bounded in size, depth and elements."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from adapters.channels.channel import RejectedError

LARGEST = 16 * 1024 * 1024
MOST_ELEMENTS = 500_000
DEEPEST = 32


def read(body: bytes) -> Element:
    """The root element. Raises RejectedError naming ``xml``."""
    if len(body) > LARGEST:
        raise RejectedError("xml", f"larger than {LARGEST} bytes", 413)
    parser = XMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except DefusedXmlException:
        raise RejectedError("xml", "document types and entities are not allowed", 400) from None
    except (ParseError, ValueError, LookupError, AssertionError):
        raise RejectedError("xml", "malformed XML", 400) from None
    return root


class _Bounded(TreeBuilder):
    """Builds elements under their local names, since vendors differ in their namespaces."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > MOST_ELEMENTS:
            raise RejectedError("xml", "nested too deep, or too many elements", 413)
        return super().start(_local(tag), {_local(name): value for name, value in attrs.items()})

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(_local(tag))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def said(parent: Element, *names: str) -> str | None:
    """The text of the first child that has any, names in order of preference."""
    for name in names:
        for child in parent.iterfind(name):
            if found := (child.text or "").strip():
                return found
    return None


def within(parent: Element, *names: str) -> str | None:
    """The text of the first descendant with one of these names that has any."""
    for name in names:
        for element in parent.iter(name):
            if found := (element.text or "").strip():
                return found
    return None


def flagged(element: Element, *attributes: str) -> bool:
    """Whether one of these attributes says true."""
    return any(element.get(name, "").strip().lower() in ("true", "1") for name in attributes)


def typed(parent: Element, name: str, attribute: str) -> Iterator[tuple[str, Element]]:
    """Children with the local part of their type, as in ``<Total TotalType="acs:ItemTotal">``."""
    for child in parent.iterfind(name):
        yield child.get(attribute, "").rpartition(":")[2], child
