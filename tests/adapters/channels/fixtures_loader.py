"""Deliveries as they come from each channel, with the commands expected from them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.channels.channel import Channel, Delivery, Parsed, Trust
from adapters.channels.poslog import Poslog
from adapters.channels.segment import Segment
from adapters.channels.shopify import Shopify
from commands.command import Command

FOLDER = Path(__file__).parent / "fixtures"
RECEIVED_AT = datetime(2025, 6, 15, 12, tzinfo=UTC)
#: Signed the Shopify fixtures.
SHOPIFY_SECRET = b"hush"
#: Shop systems speak in the fixtures, some of them about long ago.
TRUST = Trust(known_identifiers=True, backfill=True)
CHANNELS: dict[str, Channel] = {
    "segment": Segment(),
    "shopify": Shopify(SHOPIFY_SECRET),
    "poslog": Poslog(),
}


@dataclass(frozen=True, slots=True)
class Fixture:
    """``channel`` is segment, shopify or poslog; header names are small; ``expected`` as `told` writes."""

    name: str
    channel: str
    headers: dict[str, str]
    body: bytes
    expected: dict[str, Any]

    @property
    def call(self) -> str:
        """The Segment route that the body is for; empty for the other channels."""
        if self.channel != "segment":
            return ""
        body = json.loads(self.body)
        return "batch" if "batch" in body else str(body["type"])

    def delivery(self, received_at: datetime = RECEIVED_AT) -> Delivery:
        """The fixture as a delivery."""
        return Delivery(self.headers, self.body, received_at)


def load_fixtures() -> list[Fixture]:
    """All fixtures, in the order of their names."""
    return [_load(folder) for folder in sorted(FOLDER.glob("*/*/"))]


def told(parsed: Parsed) -> dict[str, Any]:
    """What was parsed, as JSON."""
    return {
        "commands": [_command(index, command) for index, command in parsed.commands],
        "skipped": parsed.skipped,
    }


def _command(index: int, command: Command) -> dict[str, Any]:
    facts = command.model_dump(mode="json", exclude_none=True)
    return {"item": index, "type": type(command).__name__} | facts


def _load(folder: Path) -> Fixture:
    bodies: Sequence[Path] = list(folder.glob("body.*"))
    headers = json.loads((folder / "headers.json").read_text())
    expected = json.loads((folder / "expected.json").read_text())
    return Fixture(folder.name, folder.parent.name, headers, bodies[0].read_bytes(), expected)
