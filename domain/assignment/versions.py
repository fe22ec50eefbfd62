"""Version numbers as text that sorts as they do (Semantic Versioning 2.0, rule 11, as GrowthBook's SDKs have it)."""

import re

_BUILD, _PARTS = re.compile(r"^v|\+.*$"), re.compile(r"[-.]")
_DIGITS = re.compile(r"[0-9]+")


def sortable(version: object) -> str:
    """Numbers are padded, builds left out; a release comes after what was released before it."""
    text = str(version) if isinstance(version, str | int | float) and version else "0"
    parts = _PARTS.split(_BUILD.sub("", text))
    if len(parts) == 3:
        parts.append("~")
    return "-".join(part.rjust(5) if _DIGITS.fullmatch(part) else part for part in parts)
