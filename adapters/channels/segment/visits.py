"""Page and screen calls and the mobile life cycle: that somebody came, and how."""

import msgspec

from adapters.channels.items import text
from adapters.channels.links import bare, campaign, query_of
from adapters.channels.segment.messages import Item, Opened, Page, Utm
from commands.browse import RecordVisit
from commands.command import Command

_OPENED = msgspec.json.Decoder(Opened)


def visit(item: Item) -> list[Command]:
    """RecordVisit. Of query strings only campaign and click ids are kept: the rest may hold anything."""
    opened, page = item.properties(_OPENED), item.context.page or Page()
    url = opened.url or page.url
    referrer = opened.referrer or page.referrer or (item.context.referrer and item.context.referrer.url)
    query = query_of(page.url, "context.page.url") | query_of(opened.url, "properties.url")
    names = (item.message.name, opened.title, page.title, opened.path, page.path)
    facts = item.base | item.where
    facts |= {
        "page": next((name for name in map(text, names) if name), None),
        "url": bare(url, "properties.url"),
        "referrer": bare(referrer or opened.referring_application, "context.page.referrer"),
        "campaign": campaign(msgspec.structs.asdict(item.context.campaign or Utm()), query),
    }
    return [RecordVisit.model_validate(facts)]
