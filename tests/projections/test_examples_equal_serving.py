"""What an example knows is what serving would have known: any history, against time travel and the live record."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.customer import Customer
from domain.event import Event
from domain.identity import IdentifierKind
from projections.customer import fold_some
from projections.examples import Rules, examples
from projections.moment import millis
from queries.moment import Moment
from queries.travel import travel
from readmodels.customer import CustomerRecord, combine
from readmodels.features import features
from tests.projections.facts import histories
from tests.projections.people import Stream, at, person

SOME = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
LATE = st.sampled_from([0.0, 0.0, 0.0, 3.0, 500.0])
TICK = timedelta(microseconds=1)
CONSENT = (Customer.ConsentGiven, Customer.ConsentWithdrawn)


@st.composite
def couples(draw: st.DrawFn) -> tuple[Stream, Stream]:
    """A person of two streams that become one at some time; without a word on consent."""
    pair = Stream.opened(), Stream.opened(IdentifierKind.ANONYMOUS)
    for number, stream in enumerate(pair):
        for fact in draw(histories()):
            fields = {k: v for k, v in fact.items() if k not in ("class", "occurred_at", "source_id")}
            if fact["class"] not in CONSENT:
                minute = (fact["occurred_at"] - at(0)).total_seconds() / 60
                source = f"{number} {fact['source_id']}"
                stream.add(fact["class"], minute, late=draw(LATE), source=source, **fields)
    pair[0].link(pair[1], draw(st.integers(-1, 45)))
    return pair


def served(people: dict[UUID, Any], stream: UUID, moment: Moment) -> CustomerRecord:
    """What a profile of the stream's person is folded from, by the queries' own time travel."""

    def read(streams: Any, topics: Any) -> list[tuple[UUID, list[Event]]]:
        return [(s, list(people[s])) for s in streams if s in people]

    past = travel(read, stream, moment)
    return past.record() if past else CustomerRecord()


@SOME
@given(couples())
def test_examples_know_what_a_profile_as_of_just_before_shows(pair: tuple[Stream, Stream]) -> None:
    people = person(*pair)
    for each in examples(people, Rules()):
        moment = Moment(as_of=at(0) + timedelta(milliseconds=each.at - millis(at(0))) - TICK)
        assert features(served(people, pair[0].id, moment), each.at) == each.features


@SOME
@given(couples())
def test_examples_know_what_a_profile_as_of_just_before_showed_then(pair: tuple[Stream, Stream]) -> None:
    people = person(*pair)
    owners = {
        (millis(e.occurred_at), e.source_id): stream.id  # type: ignore[attr-defined]
        for stream in pair
        for e in stream.events
    }
    by_time = {when: {stream for (at_, _), stream in owners.items() if at_ == when} for when, _ in owners}
    for each in examples(people, Rules(known=True)):
        if len(by_time[each.at]) == 1:  # whose it is, is plain
            now = at(0) + timedelta(milliseconds=each.at - millis(at(0)))
            moment = Moment(as_of=now - TICK, known_at=now)
            (stream,) = by_time[each.at]
            assert features(served(people, stream, moment), each.at) == each.features


@SOME
@given(couples())
def test_the_last_example_knows_what_the_live_record_knew(pair: tuple[Stream, Stream]) -> None:
    found = examples(person(*pair), Rules())
    if not found:
        return
    before = [[e for e in s.events if millis(e.occurred_at) < found[-1].at] for s in pair]  # type: ignore[attr-defined]
    assert features(combine(map(fold_some, before)), found[-1].at) == found[-1].features
