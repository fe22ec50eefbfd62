"""What a bandit knows of a moment: time of day, device, location, intent. Every value is one of a few, named here."""

from dataclasses import dataclass
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

#: Bands of four hours, by the shop's own clock.
BAND_HOURS = 4
DEVICES = ("unknown", "desktop", "mobile", "tablet", "store", "other")
INTENTS = ("none", "browsing", "searching", "buying", "checking_out")
#: Locations are hashed into so many buckets; bucket 0 is "not known".
LOCATIONS = 9
#: Values of each part, and so columns of each; after them comes one column that is always 1.
SIZES = (24 // BAND_HOURS, 2, len(DEVICES), LOCATIONS, len(INTENTS))
DIMENSIONS = sum(SIZES) + 1
CELLS = int(np.prod(SIZES))

_WORDS = {
    "desktop": ("desktop", "web", "browser", "windows", "macos", "linux", "pc"),
    "mobile": ("mobile", "phone", "iphone", "ios", "android", "smartphone", "app"),
    "tablet": ("tablet", "ipad"),
    "store": ("store", "till", "pos", "kiosk"),
}
_DEVICE_OF = {word: device for device, words in _WORDS.items() for word in words}
_STARTS = np.cumsum((0, *SIZES[:-1]))
_RADIX = np.cumprod((1, *SIZES[:-1]))
_RADICES: tuple[int, ...] = tuple(_RADIX.tolist())


@dataclass(frozen=True, slots=True)
class Context:
    """One value of each part, as a number below its size. ``code`` is all of them in one number below ``CELLS``."""

    band: int
    weekend: int
    device: int
    location: int
    intent: int

    @classmethod
    def of(cls, hour: int, weekday: int, device: str | None, location: str | None, intent: str | None) -> Self:
        """From what a record says; ``weekday`` 0 is Monday. Raises ValueError naming ``hour`` or ``weekday``.

        Words that are not known are "other" devices and no intent: nothing from outside adds a column.
        """
        if not 0 <= hour < 24:
            raise ValueError("hour has to be from 0 to 23")
        if not 0 <= weekday < 7:
            raise ValueError("weekday has to be from 0 to 6")
        return cls(hour // BAND_HOURS, int(weekday >= 5), _device(device), _location(location), _intent(intent))

    @classmethod
    def from_code(cls, code: int) -> Self:
        """The context of a code. Raises ValueError naming ``code``."""
        if not 0 <= code < CELLS:
            raise ValueError(f"code has to be from 0 to {CELLS - 1}")
        return cls(*(int(code // radix % size) for radix, size in zip(_RADIX, SIZES, strict=True)))

    @property
    def code(self) -> int:
        """All parts in one number, for counting."""
        return sum(part * radix for part, radix in zip(self._parts, _RADICES, strict=True))

    @property
    def vector(self) -> NDArray[np.float64]:
        """(DIMENSIONS,) one 1 for each part, and the last that is always 1."""
        out = np.zeros(DIMENSIONS)
        for part, start in zip(self._parts, _STARTS.tolist(), strict=True):
            out[start + part] = 1.0
        out[-1] = 1.0
        return out

    @property
    def _parts(self) -> tuple[int, ...]:
        return self.band, self.weekend, self.device, self.location, self.intent


def vectors(codes: NDArray[np.integer]) -> NDArray[np.float64]:
    """``codes`` (M,) → (M, DIMENSIONS). Raises ValueError where a code is none."""
    if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < CELLS:
        raise ValueError(f"codes have to be from 0 to {CELLS - 1}")
    parts = codes[:, None] // _RADIX % np.array(SIZES)
    out = np.zeros((len(codes), DIMENSIONS))
    np.put_along_axis(out, parts + _STARTS, 1.0, axis=1)
    out[:, -1] = 1.0
    return out


def _device(device: str | None) -> int:
    known = _DEVICE_OF.get(device.strip().lower(), "other") if device else "unknown"
    return DEVICES.index(known)


def _location(location: str | None) -> int:
    return 1 + crc32(location.strip().lower().encode()) % (LOCATIONS - 1) if location else 0


def _intent(intent: str | None) -> int:
    word = "browsing" if intent and intent.startswith("browsing") else intent
    return INTENTS.index(word) if word in INTENTS else 0
