"""Which records are compared at all: those that share a blocking key. A typing error in one field leaves others whole,
so the keys are made of many pairs of fields; nearly all true pairs share one."""

from ml.identity.fields import PLACE, Prepared

#: Rules, each of columns and how many bytes of them count (0: all). ``names``: the two names' sounds in either order.
RULES: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = (
    ("names", (("names", 0),)),
    ("born, name", (("born", 0), ("initial", 0))),
    ("born, city", (("born", 0), ("city", 2))),
    ("born, postcode", (("born", 0), ("postcode", 2))),
    ("given, year", (("given_sound", 0), ("born", 4))),
    ("given, month", (("given_sound", 0), ("born_month", 0))),
    ("surname, year", (("surname_sound", 0), ("born", 4))),
    ("surname, month", (("surname_sound", 0), ("born_month", 0))),
    ("surname, postcode", (("surname_sound", 0), ("postcode", 0))),
    ("given, postcode", (("given_sound", 0), ("postcode", 0))),
    ("surname, city", (("surname_sound", 0), ("city", 5))),
    ("given, city", (("given_sound", 0), ("city", 5))),
    ("surname, street", (("surname_sound", 0), ("street", 5))),
    ("given, street", (("given_sound", 0), ("street", 5))),
    ("street, number", (("street", 5), ("number", 0), ("city", 1))),
    ("street, postcode", (("street", 5), ("postcode", 0))),
    ("locality, city", (("locality", 5), ("city", 5))),
    ("locality, postcode", (("locality", 5), ("postcode", 0))),
    ("given", (("given_sound", 0),)),
    ("surname", (("surname_sound", 0),)),
    ("street", (("street", 0),)),
    ("born", (("born", 0),)),
    ("email", (("email", 0),)),
    ("email user", (("email_user", 0),)),
    ("phone", (("phone", 0),)),
    ("phone end", (("phone_end", 0),)),
    ("personal_id", (("personal_id", 0),)),
    ("loyalty", (("loyalty", 0),)),
)
#: A key that more records than this have tells too little: it is not used.
MOST = 50


def keys(record: Prepared) -> tuple[bytes | None, ...]:
    """Its key by each of ``RULES``; None where a field is unknown."""
    given, surname = record[PLACE["given_sound"]], record[PLACE["surname_sound"]]
    born = record[PLACE["born"]]
    made = {
        "names": b"|".join(sorted((given, surname))) if given and surname else None,
        "initial": min(given or b"~", surname or b"~")[:1] if given or surname else None,
        "born_month": born[4:] if born else None,
    }
    found: list[bytes | None] = []
    for _, parts in RULES:
        values = [made[column] if column in made else record[PLACE[column]] for column, _ in parts]
        whole = all(values)
        cut = [(value or b"")[: length or None] for value, (_, length) in zip(values, parts, strict=True)]
        found.append(b"\x1f".join(cut) if whole else None)
    return tuple(found)
