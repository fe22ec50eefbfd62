"""An export as a page to read and to print: no script, nothing from elsewhere, all text escaped."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from adapters.rights.in_words import EVENTS, PLACEMENTS, title_of
from domain.money import from_cents
from queries.decisions import ShownItem
from queries.export import Dossier
from queries.recommend.words import words

_PAGES = Environment(
    loader=PackageLoader("adapters.rights"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_PAGES.filters |= {"time": lambda at: told_time(at), "plain": lambda value: plain(value)}
#: A time as profiles have it.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")
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


def plain(value: Any, currency: str | None = None) -> str:
    """A fact in words: lists with semicolons, named parts with colons, amounts in their ``currency``, times in UTC."""
    if isinstance(value, Mapping):
        return ", ".join(_parts(value, value.get("currency") or currency))
    if isinstance(value, list | tuple):
        return "; ".join(plain(each, currency) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and _TIME.fullmatch(value):
        return value[:19].replace("T", " ")
    return "" if value is None else str(value)


def _parts(facts: Mapping[str, Any], currency: str | None) -> Iterator[str]:
    """Without what says nothing, and without the currency where amounts name it."""
    amounts = {name for name, value in facts.items() if name.endswith("_cents") and isinstance(value, int)}
    for name, value in facts.items():
        if name in amounts and currency:
            if value:
                yield f"{title_of(name)}: {from_cents(value, currency)} {currency}"
        elif value not in (None, "", [], {}) and not (name == "currency" and amounts):
            yield f"{title_of(name)}: {plain(value, currency)}"
