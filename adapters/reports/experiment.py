"""The page of an experiment's report: whole by itself, or the part that goes into a page of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adapters.reports import pictures, shown, words
from adapters.reports.charts import MissingPackageError
from queries.reports import Document

__all__ = ["CSS", "PAGES", "MissingPackageError", "body", "document", "page"]
CSS = Path(__file__).with_name("static") / "report.css"
PAGES = Environment(
    loader=PackageLoader("adapters.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGES.globals |= {"metric": words.metric, "moment": words.moment}


def document(plain: Mapping[str, Any]) -> Document:
    """A report with its charts drawn: all that pages need."""
    try:
        return Document(plain, pictures.experiment(plain))
    except MissingPackageError as error:
        return Document(plain, {}, str(error))


def page(of: Document) -> str:
    """HTML that needs no network and no script."""
    css = Markup(CSS.read_text(encoding="utf-8"))
    return PAGES.get_template("experiment.html").render(css=css, links=None, **_values(of))


def body(of: Document, links: Mapping[str, Any]) -> str:
    """What stands in ``main``. ``links``: ``all``, ``pinned``, and ``files``: pairs of name and address."""
    return PAGES.get_template("experiment_body.html").render(links=links, **_values(of))


def _values(of: Document) -> dict[str, Any]:
    charts = {name: Markup(svg) for name, svg in of.charts.items()}
    return {"charts": charts, "charts_missing": of.missing, **shown.experiment(of.report)}
