"""The shop's routes. Each records what the visitor does before it renders, so a page always reflects the last click."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import Body, Parameter

from adapters.http.shop.desk import ShopDesk, line, total
from adapters.http.shop.words import render
from commands.ports import UnavailableError
from queries.answers import Profile
from readmodels.catalogue import Product

COOKIE = "visitor"
SAFE = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LONG = {"Cache-Control": "public, max-age=86400"}
STATIC = Path(__file__).with_name("static")
STRIP = 6
AnyRequest = Request[Any, Any, Any]
Form = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
_Sku = Annotated[str, Parameter(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Name = Annotated[str, Parameter(min_length=1, max_length=100)]
_Text = Annotated[str | None, Parameter(max_length=100, required=False)]


def shop_routes(desk: ShopDesk, photos: Path) -> Sequence[HTTPRouteHandler]:
    """All pages. ``photos`` holds <SKU>.jpg."""
    pages = _Pages(desk)
    return [
        get("/", operation_id="shopHome", **_HIDDEN)(pages.home),
        get("/category/{name:str}", operation_id="shopCategory", **_HIDDEN)(pages.category),
        get("/product/{sku:str}", operation_id="shopProduct", **_HIDDEN)(pages.product),
        get("/search", operation_id="shopSearch", **_HIDDEN)(pages.search),
        get("/bag", operation_id="shopBag", **_HIDDEN)(pages.bag),
        post("/bag/add", operation_id="shopAdd", status_code=303, **_HIDDEN)(pages.add),
        post("/bag/remove", operation_id="shopRemove", status_code=303, **_HIDDEN)(pages.remove),
        post("/bag/order", operation_id="shopOrder", status_code=303, **_HIDDEN)(pages.order),
        post("/shop-as", operation_id="shopAs", status_code=303, **_HIDDEN)(pages.shop_as),
        get("/live", operation_id="shopLive", **_HIDDEN)(pages.live),
        get("/photos/{name:str}", operation_id="shopPhoto", **_HIDDEN)(_files(photos, ".jpg", "image/jpeg")),
        get("/static/{name:str}", operation_id="shopStatic", **_HIDDEN)(_files(STATIC, "", "")),
    ]


def _down(request: AnyRequest, _: Exception) -> Response[bytes]:
    return _page("oops.html", None, status=503, headers={"Retry-After": "2"}, words="One moment, please", visitors=())


_HIDDEN: dict[str, Any] = {"include_in_schema": False, "exception_handlers": {UnavailableError: _down}}


class _Pages:
    """One method a page."""

    def __init__(self, desk: ShopDesk) -> None:
        self._desk = desk

    async def home(self, request: AnyRequest) -> Response[bytes]:
        """Everything, by category, under what is for this visitor."""
        visitor = request.cookies.get(COOKIE)
        if visitor is None:
            visitor = token_hex(16)
            await self._desk.arrive(visitor, "Home")
        products = await self._desk.products()
        shelves = {name: [p for p in _sorted(products) if p.category == name] for name in _categories(products)}
        return await self._show("home.html", visitor, products, "home", shelves=shelves)

    async def category(self, request: AnyRequest, name: _Name) -> Response[bytes]:
        """One category."""
        products = await self._desk.products()
        found = [p for p in _sorted(products) if p.category == name]
        if not found:
            return _missing("There is no such category.")
        visitor = _visitor(request)
        await self._desk.record(visitor, "Product List Viewed", {"category": name})
        return await self._show("category.html", visitor, products, "category", name=name, found=found)

    async def product(
        self, request: AnyRequest, sku: _Sku, placement: _Text = None, pos: int = 0, decision: _Text = None
    ) -> Response[bytes]:
        """One product; ``placement``, ``pos`` and ``decision`` say that it was recommended there."""
        products = await self._desk.products()
        product = products.get(sku)
        if product is None:
            return _missing("This product is not on sale.")
        visitor = _visitor(request)
        if placement and 0 < pos <= 100:
            clicked = {"placement": placement, "sku": sku, "position": pos, "decision_id": decision}
            await self._desk.record(visitor, "Recommendation Clicked", clicked)
        await self._desk.record(visitor, "Product Viewed", line(product))
        after = await self._desk.recommend(visitor, "product", STRIP, item=sku)
        return await self._show("product.html", visitor, products, "home", product=product, after=after)

    async def search(self, request: AnyRequest, q: _Text = None) -> Response[bytes]:
        """Products whose title, category or colour has all the words."""
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
        return await self._show("bag.html", visitor, products, "cart", cart=cart, total=total(products, cart))

    async def add(self, request: AnyRequest, data: Form) -> Response[bytes]:
        """Puts one piece into the bag."""
        product = (await self._desk.products()).get(data.get("sku", ""))
        if product is None or not product.in_stock:
            return _missing("This product is not on sale.")
        await self._desk.record(_visitor(request), "Product Added", line(product))
        return _see("/bag")

    async def remove(self, request: AnyRequest, data: Form) -> Response[bytes]:
        """Takes a product out of the bag."""
        sku, visitor = data.get("sku", ""), _visitor(request)
        cart = _cart((await self._desk.about(visitor))[0])
        product = (await self._desk.products()).get(sku)
        if product is not None and sku in cart:
            await self._desk.record(visitor, "Product Removed", line(product, cart[sku]))
        return _see("/bag")

    async def order(self, request: AnyRequest) -> Response[bytes]:
        """Buys what is in the bag. Nothing is paid: it is a demonstration."""
        visitor, products = _visitor(request), await self._desk.products()
        cart = _cart((await self._desk.about(visitor))[0])
        lines = [line(products[sku], n) for sku, n in cart.items() if sku in products]
        if lines:
            paid = {"total": float(total(products, cart)), "currency": "USD", "products": lines}
            await self._desk.record(visitor, "Checkout Started", paid)
            await self._desk.record(visitor, "Order Completed", paid | {"order_id": f"demo-{token_hex(6)}"})
        return _see("/")

    async def shop_as(self, request: AnyRequest, data: Form) -> Response[bytes]:
        """Becomes somebody else: one of the loaded visitors, or somebody new."""
        offered = {visitor.anonymous_id for visitor in self._desk.visitors}
        chosen = data.get("visitor", "")
        response = _see("/")
        if chosen in offered:
            response.set_cookie(_cookie(chosen))
        else:
            response.delete_cookie(COOKIE)
        return response

    async def live(self, request: AnyRequest) -> Response[bytes]:
        """The panel beside the shop: what was recorded, and what is known."""
        visitor = _visitor(request)
        profile, events = await self._desk.about(visitor)
        return _page("live.html", None, profile=profile, events=events, products=await self._desk.products())

    async def _show(
        self, template: str, visitor: str, products: Mapping[str, Product], placement: str, **values: Any
    ) -> Response[bytes]:
        above = [item.sku for item in values["after"].items] if "after" in values else []
        strip = await self._desk.recommend(visitor, placement, STRIP, without=above)
        profile, events = await self._desk.about(visitor)
        return _page(
            template,
            visitor,
            strip=strip,
            profile=profile,
            events=events,
            products=products,
            categories=_categories(products),
            visitors=self._desk.visitors,
            bag=sum(_cart(profile).values()),
            **values,
        )


def _page(
    template: str, visitor: str | None, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response[bytes]:
    html = render(template, me=visitor, **values)
    response = Response(
        html.encode(), status_code=status, media_type="text/html; charset=utf-8", headers={**SAFE, **(headers or {})}
    )
    if visitor is not None:
        response.set_cookie(_cookie(visitor))
    return response


def _missing(words: str) -> Response[bytes]:
    return _page("oops.html", None, status=404, words=words, visitors=())


def _see(path: str) -> Response[bytes]:
    return Response(b"", status_code=303, headers={**SAFE, "Location": path})


def _cookie(visitor: str) -> Cookie:
    return Cookie(COOKIE, value=visitor, httponly=True, samesite="lax", max_age=30 * 86_400)


def _visitor(request: AnyRequest) -> str:
    """Who shops here: a secret that this shop made, or a new one."""
    known = request.cookies.get(COOKIE, "")
    return known if 22 <= len(known) <= 64 and known.isascii() and known.isprintable() else token_hex(16)


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


_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def _files(folder: Path, suffix: str, media_type: str) -> Any:
    """A route that serves the files of one folder by name, and nothing else."""
    known = {path.name: path for path in folder.iterdir() if path.is_file() and path.name.endswith(suffix)}

    async def file(name: str) -> Response[bytes]:
        path = known.get(name)
        if path is None:
            return Response(b"", status_code=404, media_type="text/plain", headers=SAFE)
        return Response(path.read_bytes(), media_type=media_type or _TYPES[path.suffix], headers=LONG)

    return file
