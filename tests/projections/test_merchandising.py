"""What is live, from the book's events: once however often, after a gap too; and every set that ever was."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from domain.event import Event
from domain.merchandising import RuleSet, rulebook_id
from projections.merchandising import apply, rulebook_by_hash
from projections.ports import Recorded
from projections.project_merchandising import RulesProjection
from readmodels.merchandising import DamagedRulesError, PublishedRules, decode, encode, rules_of
from readmodels.stores import Refused, Write
from tests.domain.test_merchandising import NOW, opened, rules


def events() -> list[Any]:
    """a; a and b; b alone, by withdrawal; a and b again."""
    book, facts = opened(), {"occurred_at": NOW, "actor": "cli"}
    book.save(rules("a"), None, source_id="1", **facts)
    book.publish(None, source_id="2", **facts)
    book.save(rules("a", "b"), None, source_id="3", **facts)
    book.publish(None, source_id="4", **facts)
    book.withdraw(("a",), source_id="5", **facts)
    book.roll_back(None, source_id="6", **facts)
    return list(book.collect_events())


def live(record: PublishedRules) -> list[str]:
    return [rule.key for rule in rules_of(record).rules]


def folded(facts: Sequence[Event]) -> PublishedRules:
    record = PublishedRules()
    for fact in facts:
        record = apply(record, fact)
    return record


def test_each_event_leaves_what_is_live_then() -> None:
    facts = events()
    assert [live(folded(facts[: n + 1])) for n in range(len(facts))] == [
        [],
        [],
        ["a"],
        ["a"],
        ["a", "b"],
        ["b"],
        ["a", "b"],
    ]
    assert folded(facts).version == len(facts)


def test_what_is_folded_already_changes_nothing() -> None:
    facts = events()
    assert folded([fact for fact in facts for _ in range(2)]) == folded(facts)


def test_a_record_comes_back_from_its_bytes_and_damage_is_seen() -> None:
    record = folded(events())
    assert decode(encode(record)) == record
    with pytest.raises(DamagedRulesError):
        rules_of(replace(record, digest="0" * 32))
    with pytest.raises(msgspec.DecodeError):
        decode(encode(record)[:-3])


def test_every_set_that_was_live_is_found_by_its_hash() -> None:
    facts = events()
    found = rulebook_by_hash(reversed(facts))
    assert {digest: [r.key for r in each.rules] for digest, each in found.items()} == {
        "": [],
        RuleSet(rules=rules("a")).digest: ["a"],
        RuleSet(rules=rules("a", "b")).digest: ["a", "b"],
        RuleSet(rules=rules("b")).digest: ["b"],
    }
    assert all(each.digest == digest for digest, each in found.items())


class Memory:
    """A field with its compare-and-set, and the log."""

    def __init__(self, facts: Sequence[Event]) -> None:
        self.facts = facts
        self.value: bytes | None = None
        self.races: list[bytes] = []
        self.read_streams = 0

    def read(self, stream: UUID) -> bytes | None:
        return self.value

    def write(self, write: Write) -> Refused | None:
        if self.races:
            self.value = self.races.pop()
        version = int.from_bytes(self.value[:4], "big") if self.value else 0
        if version != write.was:
            return Refused(None, version)
        self.value = write.value
        return None

    def streams(self, streams: Sequence[UUID]) -> list[tuple[UUID, list[Event]]]:
        self.read_streams += 1
        return [(rulebook_id(), list(self.facts))]


def batches(facts: Sequence[Event], size: int) -> list[list[Recorded]]:
    recorded = [Recorded(n, fact) for n, fact in enumerate(facts, 1)]
    return [recorded[at : at + size] for at in range(0, len(recorded), size)]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_projection_stores_what_the_fold_says_in_batches_of_any_size(size: int) -> None:
    facts = events()
    memory = Memory(facts)
    projection = RulesProjection(memory, memory)
    for batch in batches(facts, size):
        projection.apply(batch)
        projection.apply(batch)  # delivered again
    assert memory.value is not None and decode(memory.value) == folded(facts)
    assert memory.read_streams == 0


def test_a_gap_is_filled_from_the_log() -> None:
    facts = events()
    memory = Memory(facts)
    RulesProjection(memory, memory).apply(batches(facts, len(facts))[0][4:])
    assert memory.value is not None and decode(memory.value) == folded(facts)
    assert memory.read_streams == 1


def test_a_lost_race_is_run_again() -> None:
    facts = events()
    memory = Memory(facts)
    memory.races = [encode(folded(facts[:3]))]
    RulesProjection(memory, memory).apply(batches(facts, len(facts))[0])
    assert memory.value is not None and decode(memory.value) == folded(facts)
