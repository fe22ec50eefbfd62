"""The attribution page: the books, the models, the ways, and the two measures of personalization kept apart."""

from typing import Any

from adapters.reports import attribution_shown as shown
from adapters.reports.attribution import page
from queries.attribution_personalization import UNMEASURED
from tests.adapters.reports.test_experiment_page import Read
from tests.adapters.reports.travelled import travelled, versions


def euros() -> dict[str, Any]:
    view = shown.attribution(travelled(), versions())
    found: dict[str, Any] = view["currencies"][0]
    return found


def test_it_says_all_of_it_without_script_or_style_of_elements() -> None:
    read = Read(page(travelled(), versions()))
    said = " ".join(read.text.split())
    for words in (
        "books balance",
        "Models side by side",
        "Ways to an order",
        "Time from the first touch",
        "Restatements",
    ):
        assert words in said
    assert "Orders from 27 April 2026 to 26 May 2026." in said
    assert "script" not in {tag for tag, _ in read.tags}
    assert all("style" not in given for _, given in read.tags)


def test_the_books_on_it_are_those_of_the_report() -> None:
    told = travelled()["currencies"][0]
    assert told["credited"] + told["unattributed"] + told["erased_revenue"] == told["net_revenue"]
    books = euros()["books"]
    assert [part["amount"] for part in books] == [
        shown.money(told[name], "EUR") for name in ("credited", "unattributed", "erased_revenue")
    ]
    assert abs(sum(part["length"] for part in books) - 100) < 0.1


def test_each_channel_has_a_cell_for_each_model_and_the_largest_comes_first() -> None:
    rows, told = euros()["rows"], travelled()["currencies"][0]
    assert {row["channel"] for row in rows} == {name for of in told["models"].values() for name in of}
    assert all(len(row["cells"]) == len(told["models"]) for row in rows)
    most = [max(of[row["channel"]]["share"] for of in told["models"].values()) for row in rows]
    assert most == sorted(most, reverse=True)


def test_credit_and_lift_are_never_in_one_table() -> None:
    html = page(travelled())
    credited = html.partition('class="panel credited"')[2].partition('class="panel measured"')
    assert "EUR" in credited[0] and "no-recommendations" not in credited[0]
    assert "no-recommendations" in credited[2] and "EUR" not in credited[2].partition("</section>")[0]
    assert "neither is a measure of the other" in html


def test_without_an_experiment_it_says_that_nobody_knows() -> None:
    told = {**travelled(), "currencies": [dict(travelled()["currencies"][0])]}
    own = dict(told["currencies"][0]["personalization"])
    told["currencies"][0]["personalization"] = own | {"measured": [], "words": (own["words"][0], UNMEASURED)}
    assert "nobody knows what recommendations cause" in page(told)


def test_restatements_name_their_causes_and_amounts() -> None:
    (report,) = shown.attribution(travelled(), versions())["published"]
    second, first = report["versions"]
    assert (second["number"], first["number"], first["first"], report["restated"]) == (2, 1, True, 1)
    refund, merge, erasure = second["causes"]
    assert refund["books"] == [("net revenue", "\N{MINUS SIGN}120.00 EUR")] and refund["events"] == 3
    assert merge["books"] == [] and ("Linear", "social", "+3.50 EUR") in merge["moved"]
    assert erasure["cause"] == "Erasure"


def test_few_persons_are_not_told() -> None:
    delays = euros()["delays"]
    assert any(row["orders"] is None for row in delays)
    assert "fewer than 5 persons" in page(travelled())


def test_an_empty_period_is_a_page_too() -> None:
    assert "Nothing was ordered in this period." in page({**travelled(), "currencies": []})


def test_a_currency_of_which_nothing_is_known_is_counted_in_its_units() -> None:
    assert shown.money(1_234, "???") == "1,234 ???"
