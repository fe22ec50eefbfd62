"""Dates of birth in the many ways in which files write them, as eight digits: year, month, day."""

import re
from datetime import date

_PARTS = re.compile(r"(\d{1,4})\D+(\d{1,2}|[A-Za-z]{3,9})\D+(\d{1,4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def eight(text: str) -> str | None:
    """``19560409`` of 1956-04-09, 09/04/1956, 9 Apr 1956 or 19560409. The day is read before the month, unless it can
    only be the month. A date that is on no calendar is kept where it is written in eight digits, year first: a typing
    error still tells something. None for anything else."""
    text = text.strip()
    if found := _PARTS.match(text):
        first, second, third = found.groups()
        if len(first) == 4:
            return _joined(first, second, third)
        return _joined(third, second, first) if len(third) == 4 else None
    only = re.sub(r"\D", "", text[:10])
    return only if len(only) == 8 else None


def turned(born: str) -> str | None:
    """With day and month exchanged; None if they are the same."""
    other = born[:4] + born[6:] + born[4:6]
    return other if other != born else None


def _joined(year: str, month: str, day: str) -> str | None:
    number = _MONTHS.index(month[:3].lower()) + 1 if month[:3].lower() in _MONTHS else 0
    if not number and not month.isdigit():
        return None
    found = f"{year}{number or int(month):02}{int(day):02}"
    return found if len(found) == 8 and (_real(found) or not _real(turned(found) or "")) else turned(found)


def _real(born: str) -> bool:
    try:
        date(int(born[:4]), int(born[4:6]), int(born[6:]))
    except ValueError:
        return False
    return True
