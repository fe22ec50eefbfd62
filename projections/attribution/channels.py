"""The channel of a touch, from what an event tells of how somebody came. A short list of names: what links say is free
text, of which a report must not make channels."""

from functools import lru_cache
from urllib.parse import urlsplit

from domain.customer import Customer
from domain.event import Event
from domain.values import Campaign, Channel
from projections.attribution.positional import DIRECT

SHOWN, CLICKED = "recommendation shown", "recommendation clicked"
EMAIL, PUSH, SMS, SOCIAL, STORE, SERVICE = "e-mail", "push", "sms", "social", "store", "service"
ORGANIC, REFERRAL, AFFILIATE, DISPLAY, CAMPAIGN = "organic search", "referral", "affiliate", "display", "campaign"
OTHER_ADS = "ads: other"
#: Click id → the network that appends it to links it is paid for.
NETWORKS = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid"), "ads: google"),
    "dclid": DISPLAY,
    "msclkid": "ads: microsoft",
    "ttclid": "ads: tiktok",
    "twclid": "ads: x",
    "li_fat_id": "ads: linkedin",
    "epik": "ads: pinterest",
    "irclickid": AFFILIATE,
    "ScCid": "ads: snapchat",
    "rdt_cid": "ads: reddit",
    "yclid": "ads: yandex",
    "fbclid": "ads: meta",
}
#: A part of utm_source → network.
SOURCES = {
    "google": "ads: google",
    "bing": "ads: microsoft",
    "microsoft": "ads: microsoft",
    **dict.fromkeys(("facebook", "instagram", "meta", "fb", "ig"), "ads: meta"),
    "tiktok": "ads: tiktok",
    **dict.fromkeys(("twitter", "x"), "ads: x"),
    **{name: f"ads: {name}" for name in ("linkedin", "pinterest", "snapchat", "reddit", "yandex")},
}
MEDIA = {
    **dict.fromkeys(("email", "e-mail", "e_mail", "mail", "newsletter"), EMAIL),
    **dict.fromkeys(("push", "mobile push", "web push", "app"), PUSH),
    **dict.fromkeys(("sms", "text", "whatsapp"), SMS),
    **dict.fromkeys(("social", "social-network", "social-media", "sm", "social network", "social media"), SOCIAL),
    **dict.fromkeys(("organic", "search"), ORGANIC),
    **dict.fromkeys(("referral", "link", "partner"), REFERRAL),
    **dict.fromkeys(("affiliate", "affiliates"), AFFILIATE),
    **dict.fromkeys(("display", "banner", "cpm", "expandable", "interstitial"), DISPLAY),
    **dict.fromkeys(("store", "qr", "print", "offline"), STORE),
}
PAID = ("cpc", "ppc", "paid", "cpv", "cpa", "retargeting", "sem")
SEARCH = ("google", "bing", "duckduckgo", "yahoo", "ecosia", "baidu", "yandex", "qwant", "startpage", "naver", "seznam")
NETWORK_HOSTS = (
    *("facebook", "instagram", "tiktok", "twitter", "pinterest", "linkedin", "reddit", "snapchat", "youtube"),
    *("threads", "vk", "weibo", "tumblr", "t.co", "x.com", "lnkd.in", "pin.it", "youtu.be"),
)


def touched(event: Event) -> str | None:
    """The channel of a touch; None for what is no touch."""
    match event:
        case Customer.RecommendationShown():
            return SHOWN
        case Customer.RecommendationClicked():
            return CLICKED
        case Customer.Seen():
            return _came(event)
        case Customer.ProductViewed() if event.channel is Channel.STORE:
            return STORE
    return None


def _came(seen: Customer.Seen) -> str:
    if seen.campaign is not None and (channel := _of_campaign(seen.campaign)):
        return channel
    match seen.channel:
        case Channel.EMAIL:
            return EMAIL
        case Channel.STORE:
            return STORE
        case Channel.SERVICE:
            return SERVICE
    return of_referrer(seen.referrer, seen.url)


def _of_campaign(campaign: Campaign) -> str | None:
    """Meta appends its click id to every link, paid for or not: a medium that says otherwise is believed."""
    medium, source = ((said or "").strip().casefold() for said in (campaign.medium, campaign.source))
    told = MEDIA.get(medium)
    paid = [NETWORKS[name] for name in sorted(campaign.click_ids) if name in NETWORKS]
    surely = [network for network in paid if network != NETWORKS["fbclid"]]
    if surely:
        return surely[0]
    if paid and told is None:
        return paid[0]
    if medium.startswith(PAID):
        return next((SOURCES[word] for word in _words(source) if word in SOURCES), OTHER_ADS)
    if told or medium or source or campaign.name:
        return told or MEDIA.get(source) or CAMPAIGN
    return None


def _words(source: str) -> list[str]:
    return source.replace(".", " ").replace("-", " ").replace("_", " ").split()


@lru_cache(maxsize=4096)
def of_referrer(referrer: str | None, url: str | None) -> str:
    """Where a link stood; direct where there is none, or on the shop's own pages."""
    host = _host(referrer)
    if not host or host == _host(url):
        return DIRECT
    names = host.split(".")
    if host in NETWORK_HOSTS or any(name in NETWORK_HOSTS for name in names[:-1]):
        return SOCIAL
    return ORGANIC if any(name in SEARCH for name in names[:-1]) else REFERRAL


def _host(url: str | None) -> str:
    try:
        return (urlsplit(url or "").hostname or "").removeprefix("www.")
    except ValueError:
        return ""
