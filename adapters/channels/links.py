"""What a link tells of how a visitor came: UTM parameters, click ids, and where from."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from adapters.channels.items import BadItemError, Id, text

#: Parameters that ad networks append to a link they were paid for.
CLICK_IDS = (
    *("gclid", "gbraid", "wbraid", "dclid", "fbclid", "msclkid", "ttclid"),
    *("twclid", "li_fat_id", "epik", "irclickid", "ScCid", "rdt_cid", "yclid"),
)
#: Field of a campaign → UTM parameter.
UTM = {name: f"utm_{name}" for name in ("source", "medium", "term", "content")} | {"name": "utm_campaign"}
_LONGEST = 200
_MOST = 8


def query_of(url: str | None, field: str) -> dict[str, str]:
    """The parameters of a URL's query. Raises BadItemError."""
    try:
        return dict(parse_qsl(urlsplit(url or "").query, max_num_fields=200))
    except ValueError:
        raise BadItemError(field, "not a URL") from None


def bare(url: str | None, field: str) -> str | None:
    """A URL without query, fragment and user. Raises BadItemError."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        raise BadItemError(field, "not a URL") from None
    return parts._replace(query="", fragment="", netloc=parts.netloc.rpartition("@")[2]).geturl() or None


def campaign(said: Mapping[str, Id], query: Mapping[str, str]) -> dict[str, Any] | None:
    """What the payload says of the campaign, else what the URL says; None where neither says anything."""
    found: dict[str, Any] = {
        name: text(said.get(name)) or text(query.get(parameter)) for name, parameter in UTM.items()
    }
    clicks = [(name, query[name]) for name in CLICK_IDS if 0 < len(query.get(name, "").strip()) <= _LONGEST]
    found["click_ids"] = dict(clicks[:_MOST])
    return found if any(found.values()) else None
