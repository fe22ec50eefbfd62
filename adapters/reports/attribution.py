"""The page of an attribution report: whole by itself, or the part that goes into a page of ours."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from adapters.reports.attribution_shown import attribution, money
from adapters.reports.experiment import CSS, PAGES

Plain = Mapping[str, Any]


def page(plain: Plain, versions: Sequence[Plain] = ()) -> str:
    """HTML that needs no network and no script. ``versions``: of published reports."""
    css = Markup(CSS.read_text(encoding="utf-8"))
    template = PAGES.get_template("attribution.html")
    return template.render(css=css, links=None, money=money, **attribution(plain, versions))


def body(plain: Plain, versions: Sequence[Plain], links: Mapping[str, Any]) -> str:
    """What stands in ``main``. ``links``: ``pinned``, and ``files``: pairs of name and address."""
    template = PAGES.get_template("attribution_body.html")
    return template.render(links=links, money=money, **attribution(plain, versions))
