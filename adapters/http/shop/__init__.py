"""The demo shop: server-rendered pages that send what visitors do through the Segment channel, as any shop would."""

from adapters.http.shop.desk import ShopDesk, Visitor
from adapters.http.shop.pages import shop_routes

__all__ = ["ShopDesk", "Visitor", "shop_routes"]
