"""A record in the form in which it is compared, from the many ways in which files write it."""

import pytest

from ml.identity.fields import PLACE, Prepared, field_of, prepared


def said(record: Prepared, column: str) -> str | None:
    found = record[PLACE[column]]
    return None if found is None else found.decode()


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("First Name", "given"),
        ("fname_c1", "given"),
        ("LAST-NAME", "surname"),
        ("lname_c1", "surname"),
        ("DOB", "born"),
        ("birth_year", "birth_year"),
        ("by", "birth_year"),
        ("bm", "birth_month"),
        ("bd", "day_of_birth"),
        ("occupation", None),
    ],
)
def test_a_column_is_known_by_its_name(column: str, field: str | None) -> None:
    assert field_of(column) == field


@pytest.mark.parametrize(
    ("told", "born"),
    [
        ({"born": "1956-04-09"}, "19560409"),
        ({"born": "9 Apr 1956"}, "19560409"),
        ({"born": "04/30/1956"}, "19560430"),
        ({"birth_year": "1956", "birth_month": "4", "day_of_birth": "9"}, "19560409"),
        ({"birth_year": "1956", "birth_month": "apr", "day_of_birth": "9"}, "19560409"),
        ({"birth_year": "1956", "birth_month": "4", "born": "9"}, "19560409"),
        ({"birth_year": "1956", "birth_month": "4", "born": "1957-05-10"}, "19570510"),
        ({"birth_year": "1956"}, None),
        ({"birth_year": "56", "birth_month": "4", "day_of_birth": "9"}, None),
        ({"birth_year": "1956", "birth_month": "4", "day_of_birth": "NA"}, None),
    ],
)
def test_a_birth_date_in_one_field_or_three(told: dict[str, str], born: str | None) -> None:
    assert said(prepared(told), "born") == born


def test_what_is_no_value_counts_as_not_told() -> None:
    record = prepared({"given": "N/A", "surname": " Müller ", "phone": "123", "email": "none"})
    assert said(record, "given") is None and said(record, "phone") is None and said(record, "email") is None
    assert said(record, "surname") == "muller"


def test_the_same_telephone_however_it_is_dialled() -> None:
    ways = ("+49 171 2345678", "0171/2345678", "0049 171 234 5678")
    assert len({said(prepared({"phone": way}), "phone") for way in ways}) == 1
