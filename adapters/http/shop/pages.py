"""The shop's routes. Each records what the visitor does before it renders, so a page always reflects the last click."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body, Parameter

from adapters.http.shop.answers import (
    COOKIE,
    HANDLERS,
    AnyRequest,
    cookie,
    files,
    known_visitor,
    missing,
    new_visitor,
    page,
    see,
)
from adapters.http.shop.desk import ShopDesk, line, paid, priced
from adapters.http.shop.words import STATIC
from queries.answers import Profile
from readmodels.catalogue import Product

STRIP = 6
PLACEMENTS = frozenset({"home", "category", "product", "search", "cart"})
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
_Name = Annotated[str, Parameter(min_length=1, max_length=200)]
_Query = Annotated[str | None, Parameter(max_length=100, required=False)]
_Place = Annotated[str | None, Parameter(max_length=20, required=False)]
_Position = Annotated[int, Parameter(ge=0, le=100)]
_OPTIONS: dict[str, Any] = {"include_in_schema": False, "exception_handlers": HANDLERS}


def shop_routes(desk: ShopDesk, photos: Path) -> Sequence[HTTPRouteHandler]:
    """All pages. ``photos`` holds <SKU>.jpg."""
    pages = _Pages(desk)
    return [
        get("/", operation_id="shopHome", **_OPTIONS)(pages.home),
        get("/category/{name:str}", operation_id="shopCategory", **_OPTIONS)(pages.category),
        get("/product/{sku:str}", operation_id="shopProduct", **_OPTIONS)(pages.product),
        get("/search", operation_id="shopSearch", **_OPTIONS)(pages.search),
        get("/bag", operation_id="shopBag", **_OPTIONS)(pages.bag),
        post("/bag/add", operation_id="shopAdd", status_code=303, **_OPTIONS)(pages.add),
        post("/bag/remove", operation_id="shopRemove", status_code=303, **_OPTIONS)(pages.remove),
        post("/bag/order", operation_id="shopOrder", status_code=303, **_OPTIONS)(pages.order),
        post("/shop-as", operation_id="shopAs", status_code=303, **_OPTIONS)(pages.shop_as),
        get("/live", operation_id="shopLive", **_OPTIONS)(pages.live),
        get("/photos/{name:str}", operation_id="shopPhoto", **_OPTIONS)(files(photos, ".jpg")),
        get("/static/{name:str}", operation_id="shopStatic", **_OPTIONS)(files(STATIC)),
    ]


class _Pages:
    """One method a page."""

    def __init__(self, desk: ShopDesk) -> None:
        self._desk = desk

    async def home(self, request: AnyRequest) -> Response[bytes]:
        """Everything, by category, under what is for this visitor."""
        visitor = known_visitor(request)
        if visitor is None:
            visitor = new_visitor()
            await self._desk.arrive(visitor, "Home")
        products = await self._desk.products()
        shelves = {name: [p for p in _sorted(products) if p.category == name] for name in _categories(products)}
        return await self._show("home.html", visitor, products, "home", shelves=shelves)

    async def category(self, request: AnyRequest, name: _Name) -> Response[bytes]:
        """One category."""
        products = await self._desk.products()
        found = [p for p in _sorted(products) if p.category == name]
        if not found:
            return missing("There is no such category.")
        visitor = _visitor(request)
        await self._desk.record(visitor, "Product List Viewed", {"category": name})
        return await self._show("category.html", visitor, products, "category", name=name, found=found)

    async def product(
        self,
        request: AnyRequest,
        sku: _Name,
        placement: _Place = None,
        pos: _Position = 0,
        decision: UUID | None = None,
    ) -> Response[bytes]:
        """One product; ``placement``, ``pos`` and ``decision`` say that it was recommended there."""
        products = await self._desk.products()
        product = products.get(sku)
        if product is None:
            return missing("This product is not on sale.")
        visitor = _visitor(request)
        if placement in PLACEMENTS and pos and decision:
            await self._desk.clicked(visitor, placement, sku, pos, decision)
        await self._desk.record(visitor, "Product Viewed", line(product))
        after = await self._desk.recommend(visitor, "product", STRIP, item=sku)
        return await self._show("product.html", visitor, products, "home", product=product, after=after)

    async def search(self, request: AnyRequest, q: _Query = None) -> Response[bytes]:
        """Products whose title, category, colour and SKU together have all the words."""
        products = await self._desk.products()
        words = (q or "").lower().split()
        found = [p for p in _sorted(products) if words and all(word in _searched(p) for word in words)]
        visitor = _visitor(request)
        if words:
            await self._desk.record(visitor, "Products Searched", {"query": q})
        return await self._show("search.html", visitor, products, "search", q=q or "", found=found)

    async def bag(self, request: AnyRequest) -> Response[bytes]:
        """What is in the bag."""
        products, visitor = await self._desk.products(), _visitor(request)
        cart = _cart((await self._desk.about(visitor))[0])
        return await self._show("bag.html", visitor, products, "cart", cart=cart)

    async def add(self, request: AnyRequest, data: Form) -> Response[bytes]:
        """Puts one piece into the bag."""
        product = (await self._desk.products()).get(data.get("sku", ""))
        if product is None or not product.in_stock:
            return missing("This product is not on sale.")
        visitor = _visitor(request)
        shown = priced(product, await self._desk.price_factor(visitor))
        await self._desk.record(visitor, "Product Added", line(shown))
        response = see("/bag")
        response.set_cookie(cookie(visitor))
        return response

    async def remove(self, request: AnyRequest, data: Form) -> Response[bytes]:
        """Takes a product out of the bag, all pieces of it."""
        sku, visitor = data.get("sku", ""), _visitor(request)
        quantity = _cart((await self._desk.about(visitor))[0]).get(sku)
        if quantity:
            product = (await self._desk.products()).get(sku)
            told = line(product, quantity) if product else {"sku": sku, "quantity": quantity}
            await self._desk.record(visitor, "Product Removed", told)
        return see("/bag")

    async def order(self, request: AnyRequest) -> Response[bytes]:
        """Buys what is in the bag. Nothing is paid: it is a demonstration."""
        visitor, products = _visitor(request), await self._desk.products()
        cart = _cart((await self._desk.about(visitor))[0])
        factor = await self._desk.price_factor(visitor) if cart else 1.0
        shown = {sku: priced(products[sku], factor) for sku in cart if sku in products}
        lines = [line(product, cart[sku]) for sku, product in shown.items()]
        if lines:
            whole = paid(shown, cart).told() | {"products": lines}
            await self._desk.record(visitor, "Checkout Started", whole)
            await self._desk.record(visitor, "Order Completed", whole | {"order_id": f"demo-{token_hex(6)}"})
        return see("/")

    async def shop_as(self, request: AnyRequest, data: Form) -> Response[bytes]:
        """Becomes somebody else: one of the loaded visitors, or somebody new."""
        chosen = data.get("visitor", "")
        response = see("/")
        if any(chosen == visitor.anonymous_id for visitor in self._desk.visitors):
            response.set_cookie(cookie(chosen))
        else:
            response.delete_cookie(COOKIE)
        return response

    async def live(self, request: AnyRequest) -> Response[bytes]:
        """The panel beside the shop: what was recorded, and what is known."""
        visitor = known_visitor(request)
        profile, events = await self._desk.about(visitor) if visitor else (None, ())
        return page("live.html", None, profile=profile, events=events, products=await self._desk.products())

    async def _show(
        self, template: str, visitor: str, products: Mapping[str, Product], placement: str, **values: Any
    ) -> Response[bytes]:
        above = [item.sku for item in values["after"].items] if "after" in values else []
        strip = await self._desk.recommend(visitor, placement, STRIP, without=above)
        profile, events = await self._desk.about(visitor)

        def shown(product: Product) -> Product:
            return priced(product, strip.price_factor)

        if "cart" in values:
            values["total"] = paid(
                {sku: shown(products[sku]) for sku in values["cart"] if sku in products}, values["cart"]
            )
        return page(
            template,
            visitor,
            strip=strip,
            profile=profile,
            events=events,
            products=products,
            shown=shown,
            categories=_categories(products),
            visitors=self._desk.visitors,
            bag=sum(_cart(profile).values()),
            **values,
        )


def _visitor(request: AnyRequest) -> str:
    return known_visitor(request) or new_visitor()


def _cart(profile: Profile | None) -> dict[str, int]:
    items = profile.real_time_context["cart_items"] if profile else ()
    return {item["sku"]: item["quantity"] for item in items}


def _categories(products: Mapping[str, Product]) -> list[str]:
    """By name, what is reduced last."""
    names = {p.category for p in products.values() if p.category}
    return sorted(names, key=lambda name: (name == "Sale", name))


def _sorted(products: Mapping[str, Product]) -> list[Product]:
    return [products[sku] for sku in sorted(products)]


def _searched(product: Product) -> str:
    return f"{product.title} {product.category or ''} {product.colour or ''} {product.sku}".lower()
