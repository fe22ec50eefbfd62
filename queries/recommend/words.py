"""Reasons in the shopper's language. ``{title}`` is the item named, ``{category}`` its category."""

from collections.abc import Mapping

from queries.recommend.decision import Reason

ENGLISH: Mapping[str, str] = {
    Reason.VIEWED: "Because you looked at {title}",
    Reason.IN_CART: "Goes with your {title}",
    Reason.BOUGHT: "Because you bought {title}",
    Reason.AFTER: "Often viewed after {title}",
    Reason.SIMILAR: "Similar to {title}",
    Reason.NOW: "Fits what you are looking at now",
    Reason.TASTE: "Close to what you like",
    Reason.CATEGORY: "More {category}, as you look at them most",
    Reason.TRENDING: "Trending now",
    Reason.NEW: "Just arrived",
    Reason.EXPLORE: "Something new to discover",
    Reason.FEATURED: "Featured by the shop",
    Reason.POPULAR: "Popular with other shoppers",
    Reason.MATCH: "Matches your search",
}
GERMAN: Mapping[str, str] = {
    Reason.VIEWED: "Weil Sie {title} angesehen haben",
    Reason.IN_CART: "Passt zu {title} in Ihrem Warenkorb",
    Reason.BOUGHT: "Weil Sie {title} gekauft haben",
    Reason.AFTER: "Wird oft nach {title} angesehen",
    Reason.SIMILAR: "Ähnlich wie {title}",
    Reason.NOW: "Passt zu dem, was Sie gerade ansehen",
    Reason.TASTE: "Nah an dem, was Ihnen gefällt",
    Reason.CATEGORY: "Mehr aus {category}, wo Sie am meisten schauen",
    Reason.TRENDING: "Gerade im Trend",
    Reason.NEW: "Neu eingetroffen",
    Reason.EXPLORE: "Etwas Neues zum Entdecken",
    Reason.FEATURED: "Vom Geschäft empfohlen",
    Reason.POPULAR: "Bei anderen beliebt",
    Reason.MATCH: "Passt zu Ihrer Suche",
}
FRENCH: Mapping[str, str] = {
    Reason.VIEWED: "Parce que vous avez regardé {title}",
    Reason.IN_CART: "Va avec {title} dans votre panier",
    Reason.BOUGHT: "Parce que vous avez acheté {title}",
    Reason.AFTER: "Souvent vu après {title}",
    Reason.SIMILAR: "Semblable à {title}",
    Reason.NOW: "Dans l'esprit de ce que vous regardez",
    Reason.TASTE: "Proche de ce que vous aimez",
    Reason.CATEGORY: "Encore des {category}, que vous regardez le plus",
    Reason.TRENDING: "Tendance en ce moment",
    Reason.NEW: "Vient d'arriver",
    Reason.EXPLORE: "Une nouveauté à découvrir",
    Reason.FEATURED: "Mis en avant par la boutique",
    Reason.POPULAR: "Apprécié par d'autres clients",
    Reason.MATCH: "Correspond à votre recherche",
}
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH}
_SOMETHING = {"en": "something similar", "de": "etwas Ähnliches", "fr": "un article semblable"}


def language_of(wanted: str | None) -> str:
    """The first language of an Accept-Language header that there are words in; English else."""
    for part in (wanted or "")[:200].split(","):
        code = part.partition(";")[0].strip().lower().partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def words(reason: str, title: str | None, category: str | None, language: str = "en") -> str:
    """The sentence; ``title`` and ``category`` of the item that the reason names, None where it is no longer known."""
    text = LANGUAGES[language].get(reason, LANGUAGES[language][Reason.POPULAR])
    if "{" not in text:
        return text
    kind = category or _SOMETHING[language]
    return text.format(title=title or _SOMETHING[language], category=kind.lower() if language == "en" else kind)
