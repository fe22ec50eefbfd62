"""Consent decides: at each moment whether an event may train, and at the end whether the person takes part at all."""

import pytest

from domain.customer import Customer
from domain.identity import IdentifierKind
from domain.values import Channel, Details, Purpose
from projections.examples import Rules, examples
from projections.permission import Permission, words
from tests.projections.people import Stream, person
from tests.projections.test_examples import known, skus

ASSUMED, OPT_IN = Rules(), Rules(assumed=False)


def ann(*said: tuple[float, bool], purpose: Purpose = Purpose.TRAINING) -> Stream:
    """Views A, B, C at the minutes 0, 10 and 20, and says so much."""
    stream = Stream.opened()
    for minute, sku in ((0, "A"), (10, "B"), (20, "C")):
        stream.view(minute, sku)
    for minute, given in said:
        stream.says(minute, given, purpose)
    return stream


def test_without_a_word_the_rules_decide() -> None:
    assert skus(examples(person(ann()), ASSUMED)) == ["A", "B", "C"]
    assert examples(person(ann()), OPT_IN) == []


@pytest.mark.parametrize("purpose", [Purpose.TRAINING, Purpose.PROFILING])
def test_who_has_withdrawn_contributes_nothing_to_a_new_training(purpose: Purpose) -> None:
    assert examples(person(ann((30, False), purpose=purpose)), ASSUMED) == []


def test_a_withdrawal_after_the_cut_counts_too_as_it_is_known_now() -> None:
    stream = ann((30, False))
    until = Rules(until_ms=1_772_366_400_000 + 15 * 60_000)
    assert skus(examples(person(ann()), until)) == ["A", "B"]
    assert examples(person(stream), until) == []


@pytest.mark.parametrize("purpose", [Purpose.EMAIL, Purpose.PERSONALISATION])
def test_other_purposes_do_not_matter(purpose: Purpose) -> None:
    assert len(examples(person(ann((5, False), purpose=purpose)), ASSUMED)) == 3


def test_what_was_done_while_consent_was_withdrawn_is_neither_example_nor_history() -> None:
    found = examples(person(ann((5, False), (15, True))), ASSUMED)
    assert [(e.sku, known(e)) for e in found] == [("A", []), ("C", ["A"])]


def test_with_opt_in_what_was_done_before_the_yes_is_left_out() -> None:
    stream = ann((5, True))
    stream.says(5, True, Purpose.PROFILING)
    assert [(e.sku, known(e)) for e in examples(person(stream), OPT_IN)] == [("B", []), ("C", ["B"])]


def test_with_opt_in_all_purposes_need_a_yes() -> None:
    assert examples(person(ann((5, True))), OPT_IN) == []


def test_consent_of_one_stream_is_that_of_the_person() -> None:
    phone = Stream.opened(IdentifierKind.ANONYMOUS)
    phone.says(30, False)
    assert examples(person(ann(), phone), ASSUMED) == []


def test_a_no_in_one_medium_is_a_no() -> None:
    stream = ann()
    stream.says(1, True)
    stream.says(2, False, medium=Channel.MOBILE)
    assert examples(person(stream), ASSUMED) == []
    stream.says(3, True, medium=Channel.MOBILE)
    assert skus(examples(person(stream), ASSUMED)) == ["A", "B", "C"]


def test_a_late_word_counts_from_when_it_was_said() -> None:
    stream = ann()
    stream.says(15, True, late=1)
    stream.says(5, False, late=600)
    assert skus(examples(person(stream), ASSUMED)) == ["A", "C"]


@pytest.mark.parametrize("known_then", [False, True])
def test_what_was_known_then_makes_no_difference_to_consent(known_then: bool) -> None:
    stream = ann((5, False), (15, True))
    found = examples(person(stream), Rules(known=known_then))
    assert [(e.sku, known(e)) for e in found] == [("A", []), ("C", ["A"])]


def test_the_moment_of_the_word_is_included() -> None:
    stream = ann((10, False), (30, True))
    permission = Permission(words([stream.events]), [Purpose.TRAINING], assumed=True)
    at = [int(e.occurred_at.timestamp() * 1000) for e in stream.events[1:4]]  # type: ignore[attr-defined]
    assert [permission.at(at[0]), permission.at(at[1] - 1), permission.at(at[1]), permission.stands] == [
        True,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize(("ages", "count"), [((15,), 0), ((16,), 3), ((15, 16), 3), ((16, 15), 0)])
def test_of_a_child_nothing_is_learned_until_another_age_is_told(ages: tuple[int, ...], count: int) -> None:
    stream = ann((1, True))
    for minute, age in enumerate(ages):
        stream.add(Customer.DetailsGiven, 40 + minute, details=Details(age=age))
    assert len(examples(person(stream), ASSUMED)) == count
