"""Attributes of items as one JSON object: the item to the list of its attributes."""

import gzip
import zlib
from pathlib import Path

import msgspec

from adapters.datasets.lines import name

LARGEST_FILE = 1 << 30
MOST_ATTRIBUTES = 1_000


def attributes(path: Path) -> dict[str, list[str]]:
    """Item → attributes, as text. Raises ValueError naming the file and the item's place in it."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise ValueError(f"{path.name}: not a whole gzip file") from None
    if len(content) > LARGEST_FILE:
        raise ValueError(f"{path.name}: larger than {LARGEST_FILE:,} bytes")
    try:
        found = msgspec.json.decode(content, type=dict[str, list[int | str]])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ValueError(f"{path.name}: not a JSON object of item to list of attributes") from None
    return {
        item: _codes(f"{path.name}, entry {place}", item, codes) for place, (item, codes) in enumerate(found.items(), 1)
    }


def _codes(where: str, item: str, codes: list[int | str]) -> list[str]:
    name(where, "item", item)
    if len(codes) > MOST_ATTRIBUTES:
        raise ValueError(f"{where}: more than {MOST_ATTRIBUTES} attributes")
    return [name(where, "attribute", str(code)) for code in codes]
