"""Made-up people for linking: as many names as a country has, some of them common, and records with mistakes."""

import random
from collections.abc import Mapping
from functools import cache
from itertools import accumulate

ONSETS = ("b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "br", "st", "tr")
VOWELS, ENDS = tuple("aeiou"), tuple("nrlstkm")
TOWNS, STREETS, GIVEN, SURNAMES = 3_000, 20_000, 2_000, 60_000
Told = dict[str, str]


@cache
def words(count: int, seed: int) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """So many different words, the first ones far commoner than the last (Zipf), with their summed weights."""
    chance, found = random.Random(seed), dict[str, None]()
    while len(found) < count:
        size = chance.choice((2, 2, 3))
        word = "".join(chance.choice(ONSETS) + chance.choice(VOWELS) for _ in range(size)) + chance.choice(ENDS)
        found[word] = None
    return tuple(found), tuple(accumulate(1 / (rank + 20) ** 0.9 for rank in range(count)))


class People:
    """One after the other, the same for a seed."""

    def __init__(self, seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._made = 0

    def person(self) -> Told:
        """Name, birth date, address; an e-mail address of most, a telephone of some."""
        chance, self._made = self._chance, self._made + 1
        given, surname = self._one(GIVEN, 1), self._one(SURNAMES, 2)
        town = chance.choices(range(TOWNS), cum_weights=words(TOWNS, 3)[1])[0]
        told = {
            "given": given,
            "surname": surname,
            "born": f"{chance.randint(1940, 2008)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            "street": f"{chance.randint(1, 200)} {self._one(STREETS, 4)} street",
            "city": words(TOWNS, 3)[0][town],
            "postcode": f"{10_000 + town * 17 + chance.randint(0, 9)}",
        }
        if chance.random() < 0.6:
            told["email"] = f"{given}.{surname}{chance.randint(1, 999)}@mail{chance.randint(1, 9)}.example"
        if chance.random() < 0.4:
            told["phone"] = f"0171{self._made:08}"
        return told

    def again(self, told: Mapping[str, str]) -> Told:
        """The same person's record with a mistake or two, or something left out."""
        chance, found = self._chance, dict(told)
        for field in chance.sample(sorted(found), 2):
            text = found[field]
            at = chance.randrange(len(text) - 1)
            found[field] = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
            if chance.random() < 0.2:
                del found[field]
        return found

    def _one(self, count: int, seed: int) -> str:
        found, weights = words(count, seed)
        return self._chance.choices(found, cum_weights=weights)[0]
