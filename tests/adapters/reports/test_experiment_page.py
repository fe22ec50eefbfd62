"""The page of an experiment: what it says, and what it must never do."""

import json
import re
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from adapters.reports import charts, plain, shown, words
from adapters.reports.experiment import body, document, page
from tests.adapters.reports.simulated import UNTIL, drawn, made

VOID = {"meta", "link", "input", "br"}


class Read(HTMLParser):
    """Fails where tags do not match; keeps their names, attributes and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def test_it_says_the_verdict_the_shares_the_segments_and_who_was_left_out() -> None:
    said = " ".join(Read(page(drawn())).text.split())
    assert "Better than the control Bold is better than control in conversion" in said
    assert "✓ Yes. The arms have the shares that were designed" in said
    assert "A bolder hero <i>sells</i> more" in said
    for words_ in ("Fishing.", "Channel of the first exposure", "The four weeks before", "Cochran's Q"):
        assert words_ in said
    assert "1 person saw bold and control" in said
    assert "812,4" in said and words.moment(UNTIL) in said
    places = said.partition("Places that a bandit filled")[2].partition("Segments")[0]
    assert "IPW" in places and "SNIPW" in places and "Left out: 1 answer whose receipt cannot be read." in places
    assert "the primary metric in all arms (Holm, 1 question)" in said and "(Benjamini-Hochberg, " in said
    for metric in ("Conversion", "Average order value", "Repeat rate", "Cart abandonment"):
        assert metric in said.partition("Outcome board")[2]


def test_it_needs_no_network_no_script_and_no_style_of_an_element() -> None:
    read = Read(page(drawn(("control", "bold", "<b>shy</b>"))))
    assert "script" not in {tag for tag, _ in read.tags}
    for tag, given in read.tags:
        assert not {name for name in given if name == "style" or name.startswith("on")}, tag
        for name in ("href", "src", "xlink:href"):
            assert not (given.get(name) or "#").startswith(("http", "//")), given
    assert "<b>shy</b>" in read.text and "<i>sells</i>" in read.text


def test_arms_of_the_wrong_size_have_no_verdict_on_it() -> None:
    blocked = drawn(("control", "bold"), 0.3)
    read = Read(page(blocked))
    assert "No verdict" in read.text and "✕ No." in read.text and "chance does not explain it" in read.text
    assert blocked.report["standing"] == "blocked"


def test_each_arm_has_a_shape_as_well_as_a_colour() -> None:
    view = shown.experiment(drawn(("control", "bold", "<b>shy</b>")).report)
    marks = list(view["marks"].values())
    assert len({mark["shape"] for mark in marks}) == len({mark["colour"] for mark in marks}) == 3
    svg = drawn(("control", "bold", "<b>shy</b>")).charts["wide"]
    assert charts.COLOURS[0] in svg.upper() or charts.COLOURS[0].lower() in svg
    assert "&lt;b&gt;shy" in svg and "<b>" not in svg


def test_what_is_shown_is_told_apart_by_line_and_by_word() -> None:
    view = shown.experiment(drawn().report)
    (primary,) = view["groups"][0]["rows"]
    assert primary["shown"] and primary["metric"] == "Conversion"
    html = body(drawn(), {"all": "/all", "pinned": "/pinned", "files": [("CSV", "/csv")]})
    row = html.partition("Primary metric</h3>")[2].partition("</table>")[0]
    assert 'class="flag">shown' in row and "stroke-dasharray" not in row


@pytest.mark.parametrize(
    ("relative", "found"),
    [
        ({"low": -0.1, "value": 0.0, "high": 0.1}, {"low": 65.0, "value": 120.0, "high": 175.0, "inside": True}),
        ({"low": -0.4, "value": 0.3, "high": 1.0}, {"cut_low": True, "cut_high": True, "inside": False}),
        (None, None),
    ],
)
def test_an_interval_is_as_long_as_it_says(relative: Any, found: Any) -> None:
    drawn_ = shown.picture(relative, 0.2)
    assert drawn_ is None if found is None else drawn_ is not None and drawn_ | found == drawn_


@pytest.mark.parametrize(
    ("metric", "kind", "value", "said"),
    [
        ("conversion", "proportion", 0.04274, "4.27%"),
        ("revenue", "mean", 123_456.0, "1,234.56 EUR"),
        ("order_value", "ratio", 5_659.4, "56.59 EUR"),
        ("repeat_rate", "ratio", 0.2651, "26.51%"),
        ("views", "mean", 2.3861, "2.386"),
    ],
)
def test_values_have_their_units(metric: str, kind: str, value: float, said: str) -> None:
    assert words.said({"metric": metric, "kind": kind}, value, "EUR") == said


def test_minor_units_are_those_of_the_currency() -> None:
    assert words.money(1_234, "JPY") == "1,234 JPY" and words.money(1_234, "KWD") == "1.234 KWD"


def test_its_json_is_json() -> None:
    told = plain.experiment(made(("control", "bold"), 0.3), (1,), UNTIL, "EUR")
    text = json.dumps(told, allow_nan=False)
    assert json.loads(text) == json.loads(json.dumps(told))
    assert plain.finite({"a": [float("inf"), {"b": float("nan")}], "c": (1.0,)}) == {
        "a": [None, {"b": None}],
        "c": [1.0],
    }


def test_a_page_without_the_package_for_charts_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    bare = document(drawn().report)
    assert bare.charts == {} and re.search("pip install", str(bare.missing))
    assert "pip install" in page(bare)


WIDE = {"value": 1.857, "low": -0.606, "high": 4.32}


@pytest.mark.parametrize(
    ("result", "absolute", "said"),
    [
        (
            {"metric": "conversion", "kind": "proportion"},
            {"value": 0.325, "low": 0.099, "high": 0.551},
            "+9.9 … +55.1 points",
        ),
        ({"metric": "revenue", "kind": "mean"}, {"value": 380, "low": 62, "high": 617}, "+0.62 EUR … +6.17 EUR"),
        (
            {"metric": "conversion", "kind": "proportion"},
            {"value": 0.325, "low": -0.1, "high": 0.8},
            "\N{MINUS SIGN}60.6% … +432.0%",
        ),
    ],
)
def test_an_interval_never_hides_what_was_shown(result: Any, absolute: Any, said: str) -> None:
    assert words.interval(result, absolute, WIDE, "EUR") == said
    told = words.readable(absolute, WIDE)
    assert told is not None and (told["low"] > 0) == (absolute["low"] > 0) and told["value"] == WIDE["value"]


def test_bands_over_time_leave_0_when_it_was_decided() -> None:
    view = shown.experiment(drawn().report)
    (path,) = view["paths"]
    first = next(look for look in path["looks"] if look["decides"])
    assert not first["interval"].startswith(words.MINUS) or " … +" not in first["interval"]
