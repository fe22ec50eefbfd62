"""An export as a page to read and to print: no script, nothing from elsewhere, all text escaped."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.rights.in_words import EVENTS, PLACEMENTS, title_of
from queries.decisions import ShownItem
from queries.export import Dossier
from queries.recommend.words import words

_PAGES = Environment(
    loader=PackageLoader("adapters.rights"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_PAGES.filters |= {"time": lambda at: told_time(at), "plain": lambda value: plain(value)}
#: Pieces of the page that are handed on together.
BUFFERED = 200


def as_html(dossier: Dossier) -> Iterator[bytes]:
    """The page in pieces."""

    def reason(item: ShownItem) -> str:
        product = dossier.products.get(item.because) if item.because else None
        known = product.title if product else item.because
        return words(item.reason, known, product.category if product else None)

    stream = _PAGES.get_template("export.html").stream(
        of=dossier, names=EVENTS, placements=PLACEMENTS, title_of=title_of, reason=reason
    )
    stream.enable_buffering(BUFFERED)
    for piece in stream:
        yield piece.encode()


def told_time(at: int | datetime | None) -> str:
    """In UTC, to the second."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at / 1000, UTC) if isinstance(at, int) else at.astimezone(UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def plain(value: Any) -> str:
    """A fact in words: lists with commas, named parts with colons."""
    if isinstance(value, Mapping):
        return ", ".join(
            f"{title_of(name)}: {plain(part)}" for name, part in value.items() if part not in (None, "", [], {})
        )
    if isinstance(value, list | tuple):
        return "; ".join(map(plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, UUID) or value is not None else ""
