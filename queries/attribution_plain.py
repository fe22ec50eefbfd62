"""Attribution reports as plain values, and back to figures. Amounts are whole minor units of their currency."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from queries.attribution_report import AttributionReport, CurrencyReport
from queries.attribution_restatement import CREDIT, ERASED, NET, UNATTRIBUTED, Figures, Restatement

MILLION = 1_000_000


def plain(made: AttributionReport) -> dict[str, Any]:
    """As JSON has it."""
    asked = made.asked
    return {
        "positions": list(made.positions),
        "from_ms": asked.from_ms,
        "to_ms": asked.to_ms,
        "models": list(asked.models),
        "rules": asdict(asked.rules),
        "currencies": [_currency(each) for each in made.currencies],
    }


def _currency(each: CurrencyReport) -> dict[str, Any]:
    money = each.money
    return {
        "currency": each.currency,
        "orders": money.orders,
        "revenue": money.revenue,
        "refunds": money.refunds,
        "refunds_of_unknown_orders": money.unknown_refunds,
        "net_revenue": money.net,
        "credited": money.credited,
        "unattributed": money.unattributed,
        "unattributed_orders": money.unattributed_orders,
        "erased_revenue": money.erased,
        "erased_orders": money.erased_orders,
        "converting_paths": each.converting,
        "paths_to_nothing": each.to_nothing,
        "models": {
            model.model: {
                channel.channel: {
                    "cents": channel.cents,
                    "conversions": channel.conversions / MILLION,
                    "share": channel.share,
                    "removal_effect": channel.removal,
                    "cents_error": channel.cents_error,
                }
                for channel in model.channels
            }
            for model in each.models
        },
        "paths": [asdict(way) for way in each.ways],
        "days_to_order": [asdict(delay) for delay in each.delays],
        "personalization": asdict(each.personalization),
    }


def figures_of(told: Mapping[str, Any]) -> Figures:
    """The figures of a report that was made plain."""
    found: dict[tuple[str, str, str], int] = {}
    for each in told["currencies"]:
        money = {NET: each["net_revenue"], UNATTRIBUTED: each["unattributed"], ERASED: each["erased_revenue"]}
        found |= {(each["currency"], "", heading): cents for heading, cents in money.items()}
        for model, channels in each["models"].items():
            found |= {(each["currency"], model, CREDIT + name): told["cents"] for name, told in channels.items()}
    return found


def restatement_plain(told: Restatement) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "from_positions": list(told.from_positions),
        "to_positions": list(told.to_positions),
        "causes": [
            {"cause": str(each.cause), "events": each.events, "changes": [asdict(change) for change in each.changes]}
            for each in told.causes
        ],
    }
