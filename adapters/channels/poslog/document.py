"""Reading POSLog XML that may be hostile: no DTD, no entities; bounded in size, depth and elements."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from adapters.channels.channel import RejectedError

LARGEST = 16 * 1024 * 1024
MOST_TAGS = 1_000_000
DEEPEST = 32


def read(body: bytes) -> Element:
    """The root element, with local names. Raises RejectedError naming ``xml``."""
    if len(body) > LARGEST or body.count(b"<") > MOST_TAGS:
        raise RejectedError("xml", "too large, or too many elements", 413)
    parser = XMLParser(target=TreeBuilder(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except DefusedXmlException:
        raise RejectedError("xml", "document types and entities are not allowed", 400) from None
    except (ParseError, ValueError, LookupError, AssertionError):
        raise RejectedError("xml", "malformed XML", 400) from None
    _localise(root)
    return root


def _localise(root: Element) -> None:
    """Elements and attributes get their local names, since vendors differ in their namespaces."""
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise RejectedError("xml", "nested too deep", 413)
        for element in level:
            element.tag = element.tag.rpartition("}")[2]
            for name in [name for name in element.keys() if "}" in name]:  # noqa: SIM118
                element.set(name.rpartition("}")[2], element.attrib.pop(name))
        level = [child for element in level for child in element]


def said(parent: Element, *names: str) -> str | None:
    """The text of a child; names in order of preference, the first that says something."""
    for name in names:
        if found := (parent.findtext(name) or "").strip():
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
    for child in parent.findall(name):
        yield child.get(attribute, "").rpartition(":")[2], child
