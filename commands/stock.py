"""What the shop sells: listing, price, cost, stock."""

from pydantic import AwareDatetime

from commands.command import ProductCommand
from domain.product import Product, Stock
from domain.values import Cents, Currency, Name, Text, Url


class ListProduct(ProductCommand):
    """A product as the shop system describes it."""

    title: Text
    category: Name | None = None
    brand: Name | None = None
    colour: Name | None = None
    size: Name | None = None
    tags: tuple[Name, ...] = ()
    image: Url | None = None
    active: bool = True
    product_ref: Name | None = None
    stock_ref: Name | None = None
    style: Name | None = None
    season: Name | None = None
    introduced_at: AwareDatetime | None = None

    def handle(self, product: Product) -> None:
        """Records Listed."""
        product.record(Product.Listed, **self.facts())


class ChangePrice(ProductCommand):
    """The price a shopper pays from now on."""

    price_cents: Cents
    currency: Currency
    compare_at_cents: Cents | None = None

    def handle(self, product: Product) -> None:
        """Records PriceChanged."""
        product.record(Product.PriceChanged, **self.facts())


class TellCost(ProductCommand):
    """What one piece costs the shop from now on."""

    cost_cents: Cents
    currency: Currency

    def handle(self, product: Product) -> None:
        """Records Costed."""
        product.record(Product.Costed, **self.facts())


class CountStock(ProductCommand):
    """How many can be sold at a location."""

    available: Stock
    location: Name | None = None

    def handle(self, product: Product) -> None:
        """Records StockCounted."""
        product.record(Product.StockCounted, **self.facts())


def inventory_key(stock_ref: str) -> str:
    """The stream of an inventory item, for systems that count stock without knowing the SKU."""
    return f"inventory:{stock_ref}"
