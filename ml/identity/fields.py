"""A person's record in the form in which it is compared."""

import re
from collections.abc import Mapping

from ml.identity.dates import eight, turned
from ml.identity.words import digits, plain, root, sound, street

#: What can be told of a person, and what files call it. Names are compared without blanks, dashes and case.
SYNONYMS = {
    "given": "given given_name first_name firstname forename fname fname_c1 christian_name voornaam vorname prenom",
    "surname": "surname last_name lastname family_name lname lname_c1 second_name achternaam nachname nom",
    "name": "name full_name fullname customer_name person_name",
    "born": "born date_of_birth dob birth_date birthdate birthday birth_day geburtsdatum",
    "birth_year": "birth_year year_of_birth yob byear by geburtsjahr",
    "birth_month": "birth_month month_of_birth bmonth bm geburtsmonat",
    "day_of_birth": "day_of_birth bday bd geburtstag",
    "number": "number street_number house_number street_no house_no streetnumber",
    "street": "street address address_1 address1 address_line_1 street_address street_name addr1 addr strasse straat",
    "locality": "locality address_2 address2 address_line_2 addr2 apartment unit",
    "city": "city suburb town municipality place village ort stad ville",
    "postcode": "postcode postal_code zip zip_code zipcode post_code plz postcode_fake",
    "state": "state province county state_code territory",
    "phone": "phone phone_number telephone tel mobile mobile_phone cell phone1",
    "email": "email e_mail email_address mail",
    "personal_id": "personal_id soc_sec_id ssn social_security_number national_id national_insurance passport",
    "loyalty": "loyalty loyalty_id loyalty_number loyalty_card card_number member_id",
    "gender": "gender sex",
}
FIELDS = tuple(SYNONYMS)
BIRTH = ("birth_year", "birth_month", "day_of_birth")
#: What is compared, in the order of a prepared record. The last ones are made from the others.
COLUMNS = (
    *("given", "surname", "born", "number", "street", "locality", "city", "postcode", "state", "phone", "email"),
    *("personal_id", "loyalty", "gender"),
    *("given_root", "given_sound", "surname_sound", "born_turned", "email_user", "phone_end"),
)
PLACE = {column: place for place, column in enumerate(COLUMNS)}
#: A prepared record: UTF-8 by ``COLUMNS``, None where nothing is known.
Prepared = tuple[bytes | None, ...]
#: Where a blank more or less is the commonest error of all.
BLANKS_ERR = ("given", "surname", "street", "locality", "city")
_UNKNOWN = frozenset(("", "na", "n a", "nan", "none", "null", "unknown", "missing", "not given"))
_NUMBERED = re.compile(r"^(?:(?:unit|flat|apt|apartment)?\s*\w{1,5}\s*[/,]\s*)?(\d+\w?)\s+(.+)$")


def field_of(column: str) -> str | None:
    """The field that a column of this name holds; None if that is not known."""
    return _KNOWN.get(_squeezed(column))


def prepared(told: Mapping[str, str]) -> Prepared:
    """From what was told, by field. What cannot be read counts as not told."""
    found = {field: value for field, text in told.items() if (value := _READERS.get(field, plain)(text))}
    _split_name(found)
    _split_number(found)
    _join_date(found, told.get("born", ""))
    found["given_root"] = root(found.get("given", ""))
    found |= {field: found[field].replace(" ", "") for field in BLANKS_ERR if field in found}
    given, surname, born = found.get("given", ""), found.get("surname", ""), found.get("born", "")
    email, phone = found.get("email", ""), found.get("phone", "")
    found |= {"given_sound": sound(given), "surname_sound": sound(surname)}
    found |= {"born_turned": (turned(born) or "") if born else "", "phone_end": phone[-7:]}
    found["email_user"] = email.partition("@")[0]
    return tuple(said.encode() if (said := found.get(column)) else None for column in COLUMNS)


def _known(text: str) -> str:
    value = plain(text)
    return "" if value in _UNKNOWN else value


def _email(text: str) -> str:
    text = text.strip().casefold()[:254]
    user, at, domain = text.rpartition("@")
    return f"{user.partition('+')[0]}@{domain}" if at and user and domain else ""


def _phone(text: str) -> str:
    """The last nine digits: how a country is dialled, or a trunk, stands before them."""
    number = digits(text[:40])
    return number[-9:] if len(number) >= 6 else ""


def _split_name(found: dict[str, str]) -> None:
    """A whole name tells the first and the last word, where these are not told themselves."""
    words = found.pop("name", "").split()
    if len(words) > 1 and "given" not in found and "surname" not in found:
        found["given"], found["surname"] = words[0], words[-1]


def _split_number(found: dict[str, str]) -> None:
    """A house number that stands in the street's field."""
    if "number" not in found and (split := _NUMBERED.match(found.get("street", ""))):
        found["number"], found["street"] = split.groups()


def _join_date(found: dict[str, str], day: str) -> None:
    """A birth date that is told in three fields, of which the day's may be called as the whole date's is."""
    year, month, day = (found.pop(field, other) for field, other in zip(BIRTH, ("", "", day.strip()), strict=True))
    if "born" not in found and len(year) == 4 and len(day) < 3:
        found["born"] = eight(f"{year}-{month}-{day}") or ""


def _squeezed(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _code(text: str) -> str:
    return _known(text).replace(" ", "")


_READERS = {
    **dict.fromkeys(FIELDS, _known),
    **dict.fromkeys(("postcode", "personal_id", "loyalty", "number", "state"), _code),
    "born": lambda text: eight(text) or "",
    "street": lambda text: "" if _known(text) == "" else street(text),
    "email": _email,
    "phone": _phone,
}
_KNOWN = {_squeezed(word): field for field, words in SYNONYMS.items() for word in words.split()}
