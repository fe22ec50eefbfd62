"""The page of an attribution report."""

from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from domain.money import EXPONENTS, from_cents
from queries.attribution_report import AttributionReport, CurrencyReport

_PAGES = Environment(
    loader=PackageLoader("adapters.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(made: AttributionReport) -> str:
    """A page without scripts."""
    template = _PAGES.get_template("attribution.html")
    return template.render(
        made=made,
        tables=[_table(each) for each in made.currencies],
        begin=_day(made.asked.from_ms),
        end=_day(made.asked.to_ms),
        positions=", ".join(map(str, made.positions)),
        money=money,
    )


def money(cents: int, currency: str) -> str:
    """The decimal amount."""
    return f"{from_cents(cents, currency) if currency in EXPONENTS else cents:,}"


def _table(each: CurrencyReport) -> list[tuple[str, list[str]]]:
    """A row a channel, with its credit under each model."""
    by_model = [{channel.channel: channel for channel in model.channels} for model in each.models]
    names = sorted({name for channels in by_model for name in channels})
    return [(name, [money(of[name].cents, each.currency) if name in of else "-" for of in by_model]) for name in names]


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%d %B %Y")
