"""What visitors do before they buy: arrive, look, search, and meet recommendations."""

from typing import Annotated

from pydantic import Field

from commands.command import CustomerCommand
from domain.customer import Customer
from domain.values import Campaign, Cents, Currency, Name, Quantity, Sku, Text, Url


class RecordVisit(CustomerCommand):
    """A page, screen or app was opened."""

    page: Text | None = None
    url: Url | None = None
    referrer: Url | None = None
    campaign: Campaign | None = None
    device: Name | None = None
    location: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records Seen."""
        customer.record(Customer.Seen, **self.facts())


class RecordView(CustomerCommand):
    """A product was looked at."""

    sku: Sku
    category: Name | None = None
    brand: Name | None = None
    price_cents: Cents | None = None
    currency: Currency | None = None
    device: Name | None = None
    location: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records ProductViewed."""
        customer.record(Customer.ProductViewed, **self.facts())


class BrowseCategory(CustomerCommand):
    """A category or product list was looked at."""

    category: Name

    def handle(self, customer: Customer) -> None:
        """Records CategoryBrowsed."""
        customer.record(Customer.CategoryBrowsed, **self.facts())


class RecordSearch(CustomerCommand):
    """Something was searched for."""

    query: Annotated[Text, Field(min_length=1)]

    def handle(self, customer: Customer) -> None:
        """Records Searched."""
        customer.record(Customer.Searched, **self.facts())


class ShowRecommendations(CustomerCommand):
    """A channel showed these SKUs, first position first."""

    placement: Name
    skus: Annotated[tuple[Sku, ...], Field(min_length=1, max_length=100)]
    decision_id: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records RecommendationShown."""
        customer.record(Customer.RecommendationShown, **self.facts())


class ClickRecommendation(CustomerCommand):
    """A shown SKU was clicked."""

    placement: Name
    sku: Sku
    position: Quantity | None = None
    decision_id: Name | None = None

    def handle(self, customer: Customer) -> None:
        """Records RecommendationClicked."""
        customer.record(Customer.RecommendationClicked, **self.facts())
