"""What may be done by what was said: on the record, and at every moment of the past for training."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.values import Channel, Purpose
from projections.permission import Permission
from readmodels.consent import ASKED_FIRST, PROFILES, agreed, may, objected, opted_out
from readmodels.customer import CORRECTED, Consent, CustomerRecord, Latest, consents
from readmodels.features import CHILD

P = Purpose
MEDIA = ("", *Channel)


def word(purpose: Purpose, given_: bool, at: int, medium: str = "") -> Consent:
    return Consent(purpose.value, medium, at, at, given_, "consent", "1")


def record(*words: Consent, **context: str) -> CustomerRecord:
    told = {name: Latest(1, 1, value) for name, value in context.items()}
    return CustomerRecord(consent=consents(words), context=told)


def test_without_a_word_nobody_is_written_to_and_all_else_is_allowed() -> None:
    assert {purpose for purpose in P if may(record(), purpose)} == set(P) - ASKED_FIRST


def test_a_no_in_one_medium_is_none_in_another() -> None:
    known = record(word(P.EMAIL, True, 1), word(P.EMAIL, False, 2, Channel.MOBILE))
    assert may(known, P.EMAIL, Channel.EMAIL) and not may(known, P.EMAIL, Channel.MOBILE)
    assert not may(known, P.EMAIL)


def test_a_later_word_on_all_media_is_the_last_on_each() -> None:
    known = record(word(P.PUSH, False, 1, Channel.MOBILE), word(P.PUSH, True, 2))
    assert may(known, P.PUSH) and may(known, P.PUSH, Channel.MOBILE)
    again = record(word(P.PUSH, True, 1, Channel.MOBILE), word(P.PUSH, False, 2))
    assert not may(again, P.PUSH, Channel.MOBILE)


def test_a_yes_counts_from_when_it_was_said_and_a_no_at_once() -> None:
    yes, no = record(word(P.EMAIL, True, 10)), record(word(P.TRAINING, False, 10))
    assert not may(yes, P.EMAIL, at_ms=9) and may(yes, P.EMAIL, at_ms=10)
    assert not may(no, P.TRAINING, at_ms=9)


def test_an_opt_out_of_sharing_stands_against_profiles_until_a_later_yes() -> None:
    out = record(word(P.PERSONALISATION, True, 1), word(P.SHARING, False, 2))
    assert opted_out(out) and not any(may(out, purpose) for purpose in PROFILES)
    assert may(record(word(P.SHARING, False, 2), word(P.PERSONALISATION, True, 3)), P.PERSONALISATION)
    back = record(word(P.SHARING, True, 3))
    assert not opted_out(back) and may(back, P.PROFILING)
    assert may(record(word(P.EMAIL, True, 1), word(P.SHARING, False, 2)), P.EMAIL)


def test_a_request_with_the_signal_is_an_opt_out_now() -> None:
    known = record(word(P.PERSONALISATION, True, 5), word(P.SHARING, True, 6))
    assert may(known, P.PERSONALISATION)
    assert not any(may(objected(known, 7), purpose, at_ms=7) for purpose in PROFILES)


@pytest.mark.parametrize("name", ["age_range", f"{CORRECTED}age_range"])
def test_of_a_child_no_profile_is_made_and_no_consent_counts(name: str) -> None:
    yes = [word(purpose, True, 1) for purpose in P]
    child = record(*yes, **{name: CHILD})
    assert not any(may(child, purpose) for purpose in PROFILES | ASKED_FIRST)


def test_who_was_taken_for_a_child_and_was_corrected_is_none() -> None:
    assert may(record(**{"age_range": CHILD, f"{CORRECTED}age_range": "25-34"}), P.PROFILING)
    assert may(record(**{"age_range": CHILD, f"{CORRECTED}age_range": ""}), P.PROFILING)


def test_what_is_agreed_to_is_what_a_yes_stands_for_everywhere() -> None:
    assert agreed(record(word(P.EMAIL, True, 1), word(P.PUSH, False, 2), word(P.TRAINING, True, 3))) == {
        "email",
        "training",
    }


WORDS = st.lists(
    st.tuples(st.sampled_from([P.PROFILING, P.SHARING, P.EMAIL]), st.booleans(), st.sampled_from(MEDIA)), max_size=8
)


def numbered(words: list[tuple[Purpose, bool, str]]) -> Iterator[Consent]:
    for at, (purpose, yes, medium) in enumerate(words, 1):
        yield word(purpose, yes, at, medium)


@settings(max_examples=300, deadline=None)
@given(WORDS, st.data())
def test_training_asks_the_same_as_serving(words: list[tuple[Purpose, bool, str]], data: Any) -> None:
    """At each moment: by the record of what was said until then."""
    said = list(numbered(words))
    permission = Permission([(w.at, w.tag, w.given, w.purpose, w.medium) for w in said], [P.PROFILING], assumed=True)
    at = data.draw(st.integers(0, len(said)))
    assert permission.at(at) == may(record(*said[:at]), P.PROFILING)
