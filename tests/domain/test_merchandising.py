"""Rules: what is refused and how it is named; a set by its content; the book from draft to rollback."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.merchandising import (
    MOST_RULES,
    Rule,
    RuleBook,
    RuleBookError,
    RulesError,
    canonical,
    digest_of,
    read,
    read_json,
)
from domain.merchandising.conditions import DEEPEST
from domain.merchandising.rulebook import KEPT

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BOOST: dict[str, Any] = {"boost": {"factor": 2}}
COATS: dict[str, Any] = {"category": ["Coats"]}
SECRET = "ann@canary.example"


def rule(key: str = "winter-sale", **changes: Any) -> dict[str, Any]:
    return {"key": key, "when": COATS, "then": BOOST} | changes


def when(**condition: Any) -> dict[str, Any]:
    return rule(when={**COATS, **condition})


def then(**action: Any) -> dict[str, Any]:
    return rule(then=action)


def nested(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = COATS
    for _ in range(depth - 1):
        condition = {"not": condition}
    return condition


#: What is given → the field that is named, and the beginning of the reason.
WRONG: list[tuple[Any, str, str]] = [
    (when(price={"min_cents": 5, "max_cents": 4}), "rules[winter-sale].when.price.max_cents", "must be ≥ min_cents"),
    (when(price={}), "rules[winter-sale].when.price", "give min_cents or max_cents"),
    (when(price={"min_cents": -1}), "rules[winter-sale].when.price.min_cents", "input should be greater"),
    (when(stock={"min": 3, "max": 2}), "rules[winter-sale].when.stock.max", "must be ≥ min"),
    (when(margin={"min": 0.5, "max": 0.4}), "rules[winter-sale].when.margin.max", "must be ≥ min"),
    (when(margin={"min": float("nan")}), "rules[winter-sale].when.margin.min", "input should be"),
    (when(age={"min_days": 3, "max_days": 2}), "rules[winter-sale].when.age.max_days", "must be ≥ min_days"),
    (when(segment=[SECRET]), "rules[winter-sale].when.segment[0]", "input should be 'new'"),
    (when(channel=[]), "rules[winter-sale].when.channel", "tuple should have at least 1"),
    (when(brand=["x"] * 101), "rules[winter-sale].when.brand", "tuple should have at most 100"),
    (when(consent=["gossip"]), "rules[winter-sale].when.consent[0]", "input should be"),
    (when(placement=[SECRET]), "rules[winter-sale].when.placement[0]", "string should match"),
    (when(arm=["hero"]), "rules[winter-sale].when.arm[0]", "string should match"),
    (when(time={"timezone": SECRET}), "rules[winter-sale].when.time.timezone", "is no time zone"),
    (when(time={}), "rules[winter-sale].when.time", "give since"),
    (when(time={"since": "2026-01-01T00:00:30Z"}), "rules[winter-sale].when.time.since", "must be a whole minute"),
    (when(time={"since": "2026-01-01T00:00"}), "rules[winter-sale].when.time.since", "input should have timezone"),
    (
        when(time={"since": "2026-01-02T00:00Z", "until": "2026-01-01T00:00Z"}),
        "rules[winter-sale].when.time.until",
        "must be later",
    ),
    (when(time={"hours": {"since": "9", "until": "10:00"}}), "rules[winter-sale].when.time.hours.since", "string"),
    (
        when(time={"hours": {"since": "09:00", "until": "09:00"}}),
        "rules[winter-sale].when.time.hours.until",
        "must differ",
    ),
    (when(any=[{}]), "rules[winter-sale].when.any", "holds a condition that says nothing"),
    (when(any=[{"price": {"max_cents": -2}}]), "rules[winter-sale].when.any[0].price.max_cents", "input should be"),
    (when(**{"not": {}}), "rules[winter-sale].when.not", "holds a condition that says nothing"),
    (when(wether="rain"), "rules[winter-sale].when.wether", "is not known here"),
    ({**rule(), SECRET: 1}, "rules[winter-sale].?", "is not known here"),
    (rule(when=nested(DEEPEST + 1)), "rules[winter-sale].when", f"is nested deeper than {DEEPEST}"),
    (rule(when={"any": [{"any": [COATS] * 20}] * 3}), "rules[winter-sale].when", "says more than"),
    (rule(when={"placement": ["home"]}), "rules[winter-sale].when", "must say which items"),
    ({"key": "a", "then": {"filter": {}}}, "rules[a].when", "must say which items"),
    ({"key": "a", "then": {"cap": {"at_most": 3}}}, "rules[a].when", "must say which items"),
    (then(), "rules[winter-sale].then", "give exactly one"),
    (then(filter={}, **BOOST), "rules[winter-sale].then", "give exactly one"),
    (then(pin={"slot": 0}), "rules[winter-sale].then.pin.slot", "input should be greater"),
    (then(boost={"factor": 1}), "rules[winter-sale].then.boost.factor", "input should be greater than 1"),
    (then(bury={"factor": 1.5}), "rules[winter-sale].then.bury.factor", "input should be less"),
    (then(cap={"at_most": 3, "each": "size"}), "rules[winter-sale].then.cap.each", "input should be 'category'"),
    (rule(priority=2000), "rules[winter-sale].priority", "input should be less"),
    (rule(key="Winter Sale"), "rules[0].key", "string should match"),
    ({"then": BOOST, "when": COATS}, "rules[0].key", "is needed"),
    ("winter-sale", "rules[0]", "input should be"),
]


@pytest.mark.parametrize(("given", "field", "reason"), WRONG)
def test_what_is_wrong_is_named_by_rule_and_field(given: Any, field: str, reason: str) -> None:
    with pytest.raises(RulesError) as refused:
        read([given])
    ((named, why),) = refused.value.problems
    assert (named, why[: len(reason)]) == (field, reason)
    assert SECRET not in str(refused.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(RulesError) as refused:
        read([then(), when(stock={})])
    assert [field for field, _ in refused.value.problems] == ["rules[0].then", "rules[1].when.stock"]


def test_the_same_key_twice_is_refused() -> None:
    with pytest.raises(RulesError, match="rules: have a key twice: winter-sale"):
        read([rule(), rule()])


def test_a_set_is_bounded() -> None:
    assert len(read([rule(f"r{i}") for i in range(MOST_RULES)]).rules) == MOST_RULES
    with pytest.raises(RulesError, match="at most 200"):
        read([rule(f"r{i}") for i in range(MOST_RULES + 1)])


@pytest.mark.parametrize(
    "text",
    [b"", b"nonsense", b"\xff", b"[" * 100_000, b'{"not":' * 5_000, b"1" * 5_000, b'{"rules":[],"rules":[]}', b"[3]"],
)
def test_hostile_json_is_an_error_of_one_kind(text: bytes) -> None:
    with pytest.raises(RulesError):
        read_json(text)


def test_a_file_too_large_is_refused_unread() -> None:
    with pytest.raises(RulesError, match="larger than"):
        read_json(b" " * (256 * 1024 + 1))


def some(count: int = 6) -> list[dict[str, Any]]:
    return [rule(f"r{i}", priority=i, when={"not": COATS, "brand": [f"b{i}"]}) for i in range(count)]


def test_a_set_is_named_by_what_is_in_it_in_any_order() -> None:
    given = some()
    digest = read(given).digest
    random.Random(1).shuffle(given)
    assert read(given).digest == digest
    assert len(digest) == 32 and digest != read(given[1:]).digest
    assert read([]).digest == ""


def test_the_name_of_a_set_never_changes() -> None:
    """Receipts of years ago name sets by it."""
    assert digest_of(read([rule()]).rules) == "e10dce1250fef969fef5d8223e350763"


def test_canonical_json_reads_back_as_the_same_rules() -> None:
    found = read(some())
    assert read_json(canonical(found.rules)) == found
    assert "null" not in canonical(found.rules).decode()


def opened() -> RuleBook:
    return RuleBook.open(occurred_at=NOW, source_id="open", actor="cli")


class Desk:
    """A book, and who works on it."""

    def __init__(self) -> None:
        self.book = opened()
        self.sources = 0

    def do(self, what: str, *given: Any, source: str | None = None) -> list[str]:
        """The names of the events that are recorded."""
        self.sources += 1
        self.book.collect_events()
        getattr(self.book, what)(*given, source_id=source or str(self.sources), occurred_at=NOW, actor="cli")
        return [type(event).__name__ for event in self.book.collect_events()]

    def live(self) -> list[str]:
        return [rule.key for rule in self.book.rules]


def rules(*keys: str) -> tuple[Rule, ...]:
    return read([rule(key) for key in keys]).rules


def published(*sets: str) -> Desk:
    """Each text is a set, each letter a rule."""
    desk = Desk()
    for each in sets:
        desk.do("save", rules(*each), None)
        assert desk.do("publish", None) == ["Published"]
    return desk


def test_a_draft_is_live_only_when_it_is_published_and_then_as_a_whole() -> None:
    desk = Desk()
    assert desk.do("save", rules("a", "b"), None) == ["DraftSaved"]
    assert desk.live() == []
    assert desk.do("publish", None) == ["Published"]
    assert desk.live() == ["a", "b"] and desk.book.digest == digest_of(rules("b", "a"))


def test_what_is_so_already_is_not_recorded_again() -> None:
    desk = published("ab")
    assert desk.do("save", rules("b", "a"), None) == []
    assert desk.do("publish", None) == []
    assert desk.do("save", rules("c"), None, source="x") == ["DraftSaved"]
    assert desk.do("save", rules("d"), None, source="x") == []  # the same delivery again


def test_who_worked_on_an_older_draft_is_told() -> None:
    desk = Desk()
    desk.do("save", rules("a"), "")
    seen = desk.book.draft_digest
    desk.do("save", rules("b"), seen)
    for what, *given in (("save", rules("c"), seen), ("publish", seen)):
        with pytest.raises(RuleBookError, match="changed meanwhile"):
            desk.do(what, *given)
    assert desk.do("publish", desk.book.draft_digest) == ["Published"]


def test_a_rule_that_is_withdrawn_is_gone_from_the_draft_too() -> None:
    desk = published("abc")
    desk.do("save", rules("a", "b", "d"), None)
    assert desk.do("withdraw", ("b",)) == ["Withdrawn"]
    assert desk.live() == ["a", "c"]
    desk.do("publish", None)
    assert desk.live() == ["a", "d"]


def test_all_can_be_withdrawn_and_come_back() -> None:
    desk = published("ab")
    desk.do("withdraw", ())
    assert (desk.live(), desk.book.digest) == ([], "")
    assert desk.do("roll_back", None) == ["RolledBack"]
    assert desk.live() == ["a", "b"]
    assert desk.do("withdraw", ("a", "b")) == ["Withdrawn"]
    assert desk.do("withdraw", ()) == []


def test_a_rule_that_is_not_live_cannot_be_withdrawn() -> None:
    with pytest.raises(RuleBookError, match=r"rules\[z\]: is not published"):
        published("a").do("withdraw", ("z",))


def test_each_rollback_goes_one_further_back() -> None:
    desk = published("a", "b", "c")
    assert [desk.do("roll_back", None) and desk.live() for _ in range(3)] == [["b"], ["a"], []]
    with pytest.raises(RuleBookError, match="nothing was live before"):
        desk.do("roll_back", None)


def test_a_set_is_found_by_the_beginning_of_its_hash_also_forward() -> None:
    desk = published("a", "b", "c")
    last = desk.book.digest
    desk.do("roll_back", digest_of(rules("a"))[:8])
    assert desk.live() == ["a"]
    desk.do("roll_back", last)
    assert desk.live() == ["c"]
    for unknown in ("0123456789", "a", ""):
        with pytest.raises(RuleBookError, match="no set"):
            desk.do("roll_back", unknown)


def test_a_book_keeps_a_bounded_past() -> None:
    desk = published(*(f"{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(1, KEPT + 20) if i % 26 != i // 26))
    assert len(desk.book.past) <= KEPT and len(desk.book.lives) <= KEPT
    assert desk.book.digest in desk.book.past


def test_events_alone_make_the_same_book() -> None:
    desk = Desk()
    events = [*desk.book.collect_events()]
    for what, *given in (("save", rules("a", "b"), None), ("publish", None), ("withdraw", ("a",)), ("roll_back", None)):
        getattr(desk.book, what)(*given, source_id=what, occurred_at=NOW, actor="cli")
    events += desk.book.collect_events()
    again: Any = None
    for event in events:
        again = event.mutate(again)  # type: ignore[attr-defined]
    mine = (desk.book.draft, desk.book.digest, desk.book.rules, desk.book.lives)
    assert (again.draft, again.digest, again.rules, again.lives) == mine
    assert json.loads(canonical(again.rules))


def test_the_worked_example_of_the_documentation_can_be_saved() -> None:
    page = (Path(__file__).parents[2] / "docs" / "merchandising.md").read_text()
    example = page.partition("```json\n")[2].partition("```")[0]
    assert {r.then.kind for r in read_json(example.encode()).rules} == {"boost", "filter", "pin", "cap", "bury"}
