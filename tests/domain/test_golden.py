"""Events as they were once stored must be readable for ever. A released event changes by version and upcast alone.

Each file is one event of one version as JSON. A new version adds a file and changes none. To write the files of new
classes: ``python tests/domain/test_golden.py``.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import domain
from domain.event import Created, Event

GOLDEN = Path(__file__).with_name("golden")
STREAM = "01900000-0000-7000-8000-000000000001"
OTHER = "01900000-0000-7000-8000-000000000002"
LINE = {"sku": "S-1", "quantity": 2, "price_cents": 1000, "discount_cents": 100, "category": "Skirts", "size": "M"}
VALUES: dict[str, Any] = {
    "originator_id": STREAM,
    "originator_version": 1,
    "timestamp": "2026-03-01T12:00:00.000001Z",
    "occurred_at": "2026-03-01T11:59:59Z",
    "source_id": "segment:m-1",
    "channel": "web",
    "kind": "email",
    "value": "ann@example.com",
    "other": OTHER,
    "other_kind": "user",
    "weight": 14.25,
    "compared": [{"comparison": "born", "level": "equal", "weight": 14.1}],
    "model": "0123456789abcdef",
    "officer": "ann",
    "evidence": "Identify",
    "reason": "a friend's address",
    "details": {"name": "Ann", "birth_date": "1990-02-28", "gender": "f", "city": "Rome", "country": "IT"},
    "tier": "gold",
    "page": "Home",
    "url": "https://shop.example/",
    "referrer": "https://search.example/",
    "campaign": {"source": "news", "medium": "email", "name": "spring", "click_ids": {"gclid": "g"}},
    "device": "ios",
    "location": "Rome",
    "sku": "S-1",
    "category": "Skirts",
    "brand": "Acme",
    "price_cents": 1000,
    "currency": "USD",
    "query": "red skirt",
    "line": LINE,
    "quantity": 1,
    "lines": [LINE],
    "checkout_id": "c-1",
    "order_id": "1001",
    "return_id": "r-1",
    "total_cents": 1900,
    "tax_cents": 300,
    "shipping_cents": 0,
    "discount_cents": 100,
    "refund_cents": 900,
    "store": "9",
    "cleared": ["street"],
    "framework": "tcf",
    "text": "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA",
    "request_id": "shopify:data_request:9",
    "purpose": "email",
    "medium": "email",
    "basis": "consent",
    "policy_version": "2026-01",
    "placement": "home",
    "skus": ["S-1", "S-2"],
    "position": 1,
    "decision_id": "d-1",
    "title": "A red skirt",
    "colour": "red",
    "size": "M",
    "tags": ["new"],
    "image": "/photos/S-1.jpg",
    "active": True,
    "product_ref": "p-1",
    "stock_ref": "i-1",
    "style": "boho",
    "season": "summer",
    "introduced_at": "2026-02-01T00:00:00Z",
    "cost_cents": 400,
    "compare_at_cents": 1200,
    "available": 3,
    "key": "hero",
    "seed": "hero",
    "design": {
        "hypothesis": "it helps",
        "primary_metric": "conversion",
        "guardrail_metrics": ["returns"],
        "variants": [
            {"name": "control", "buckets": 5000},
            {
                "name": "bold",
                "buckets": 5000,
                "changes": {
                    "weights": {"relevance": 0.4, "revenue": 0.35},
                    "members": {"ncf": 0.7, "content": 0.2},
                    "rules_off": ["winter-sale"],
                    "placements": {"home": {"cap": 5, "quotas": {"trending": 100}, "explore": [3]}},
                    "model": "blend-70-20-10",
                    "price_percent": -5,
                },
            },
        ],
        "minimum_effect": 0.05,
        "power": 0.9,
        "hash_version": "md5-100",
        "targeting": {"channel": {"$in": ["web", "mobile"]}},
        "namespace": {"name": "home", "since": 0, "until": 5000},
        "holdout": {"name": "2026", "buckets": 500},
    },
    "coverage": 2500,
    "buckets": {"control": 2500, "bold": 7500},
    "counts": {"control": 400, "bold": 600},
    "p_value": "1e-9",
    "variant": "bold",
    "experiment": "hero",
    "hash_version": "blake2b-10000",
    "actor": "cli",
    "keys": ["winter-sale"],
    "digest": "d0f5b2a9e1c34f7a8b6d0f5b2a9e1c34",
    "rules": [
        {
            "key": "winter-sale",
            "title": "Coats in the sale",
            "priority": 10,
            "when": {
                "category": ["Coats"],
                "price": {"min_cents": 5000, "max_cents": 20000},
                "time": {"since": "2026-11-27T00:00:00+01:00", "days": ["fri"], "timezone": "Europe/Berlin"},
                "not": {"segment": ["vip"]},
                "any": [{"channel": ["web"]}, {"stock": {"min": 3, "here": True}}],
            },
            "then": {"boost": {"factor": 1.5}},
        },
        {"key": "hero", "when": {"placement": ["home"]}, "then": {"pin": {"slot": 1, "skus": ["S-1"]}}},
        {"key": "three", "then": {"cap": {"at_most": 3, "each": "category"}}},
        {"key": "no-fur", "when": {"tag": ["fur"]}, "then": {"filter": {}}},
        {"key": "old-last", "when": {"age": {"min_days": 365}}, "then": {"bury": {}}},
    ],
    "topic": "customer.searched",
    "ledger": {},
    "request": OTHER,
    "subject": OTHER,
    "streams": [OTHER],
    "by": "key:officer-1",
    "source": "api",
    "cancel_until": "2026-03-08T11:59:59Z",
    "due_at": "2026-03-29T11:59:59Z",
    "four_eyes": True,
    "method": "email-link",
    "ground": "legal-claim",
    "step": "keys",
    "epoch": 24314,
}


def classes() -> dict[str, type[Event]]:
    """Topic → class, of all events that are stored."""
    assert domain.customer, "importing the package imports them all"
    found: dict[str, type[Event]] = {}
    todo: list[type[Event]] = [Event]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        if "TOPIC" in cls.__dict__ and cls.__module__.startswith("domain."):
            found[cls.TOPIC] = cls  # type: ignore[attr-defined]
    return found


def read(cls: type[Event], state: dict[str, Any], version: int) -> Event:
    """As the mapper reads it: upcast step by step, then validated."""
    while version < cls.class_version:
        getattr(cls, f"upcast_v{version}_v{version + 1}")(state)
        version += 1
    return cls.model_validate(state)


@pytest.mark.parametrize("topic", sorted(classes()))
def test_the_current_version_has_its_golden_file(topic: str) -> None:
    assert (GOLDEN / f"{topic}.v{classes()[topic].class_version}.json").is_file()


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_every_version_ever_written_can_be_read(file: Path) -> None:
    topic, _, version = file.stem.rpartition(".v")
    state = json.loads(file.read_text())
    event = read(classes()[topic], dict(state), int(version))
    if int(version) == type(event).class_version:
        again = event.model_dump(mode="json", exclude_defaults=True)
        assert {name: again[name] for name in state} == state


def _write() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for topic, cls in classes().items():
        values = VALUES | ({"originator_topic": topic.partition(".")[0]} if issubclass(cls, Created) else {})
        event = cls.model_validate({name: values[name] for name in cls.model_fields})
        file = GOLDEN / f"{topic}.v{cls.class_version}.json"
        if not file.exists():
            content = event.model_dump(mode="json", exclude_defaults=True)
            file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    _write()
