"""How somebody came, and which channel that is."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from domain.customer import Customer
from domain.values import Campaign, Channel
from projections.attribution.channels import touched

AT = datetime(2026, 3, 1, tzinfo=UTC)


def seen(channel: Channel = Channel.WEB, **fields: Any) -> Customer.Seen:
    envelope = {"originator_id": uuid4(), "originator_version": 2, "timestamp": AT}
    return Customer.Seen(**envelope, occurred_at=AT, source_id="s", channel=channel, **fields)


@pytest.mark.parametrize(
    ("click", "channel"),
    [
        ("gclid", "ads: google"),
        ("fbclid", "ads: meta"),
        ("msclkid", "ads: microsoft"),
        ("ttclid", "ads: tiktok"),
        ("li_fat_id", "ads: linkedin"),
        ("irclickid", "affiliate"),
        ("dclid", "display"),
    ],
)
def test_click_ids_name_the_network_that_was_paid(click: str, channel: str) -> None:
    assert touched(seen(campaign=Campaign(click_ids={click: "x"}))) == channel


@pytest.mark.parametrize(
    ("campaign", "channel"),
    [
        ({"medium": "email", "source": "news"}, "e-mail"),
        ({"medium": "Push", "source": "app"}, "push"),
        ({"medium": "social", "source": "instagram"}, "social"),
        ({"medium": "cpc", "source": "Google"}, "ads: google"),
        ({"medium": "paid_social", "source": "facebook.com"}, "ads: meta"),
        ({"medium": "cpc", "source": "some network"}, "ads: other"),
        ({"medium": "affiliate"}, "affiliate"),
        ({"medium": "something new", "source": "partner x"}, "campaign"),
        ({"source": "newsletter"}, "e-mail"),
        ({"medium": "social", "click_ids": {"fbclid": "x"}}, "social"),  # Meta appends it to unpaid links too
        ({"medium": "email", "click_ids": {"gclid": "x"}}, "ads: google"),
        ({"medium": "cpc", "click_ids": {"fbclid": "x"}}, "ads: meta"),
        ({"name": "spring"}, "campaign"),
    ],
)
def test_campaigns(campaign: dict[str, Any], channel: str) -> None:
    assert touched(seen(campaign=Campaign(**campaign), referrer="https://www.google.com/")) == channel


@pytest.mark.parametrize(
    ("referrer", "channel"),
    [
        ("https://www.google.com/", "organic search"),
        ("https://duckduckgo.com/", "organic search"),
        ("https://l.instagram.com/x", "social"),
        ("https://t.co/abc", "social"),
        ("https://blog.example/post", "referral"),
        ("https://notgoogle.example/", "referral"),
        ("https://www.shop.example/cart", "direct"),
        ("http://[broken", "direct"),
        (None, "direct"),
    ],
)
def test_referrers(referrer: str | None, channel: str) -> None:
    assert touched(seen(referrer=referrer, url="https://shop.example/")) == channel


def test_other_ways() -> None:
    assert touched(seen(Channel.STORE)) == "store"
    assert touched(seen(Channel.EMAIL)) == "e-mail"
    assert touched(seen(Channel.SERVICE)) == "service"
    assert touched(seen(Channel.MOBILE)) == "direct"
    envelope = {"originator_id": uuid4(), "originator_version": 2, "timestamp": AT}
    about: dict[str, Any] = {**envelope, "occurred_at": AT, "source_id": "s", "channel": Channel.WEB}
    assert touched(Customer.RecommendationShown(**about, placement="home", skus=("A",))) == "recommendation shown"
    assert touched(Customer.RecommendationClicked(**about, placement="home", sku="A")) == "recommendation clicked"
    assert touched(Customer.ProductViewed(**about, sku="A")) is None
    assert touched(Customer.ProductViewed(**about | {"channel": Channel.STORE}, sku="A")) == "store"
