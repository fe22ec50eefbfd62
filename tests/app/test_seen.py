"""Whose views the next-item model learns from: the same persons, and the same moments, as the training set."""

from collections import Counter
from datetime import timedelta
from typing import Any

from adapters.eventlog.feed import ReplayFeed
from app.training import next_item as trainer
from app.training.seen import Seen
from app.training.training_set import read
from app.wiring import Wiring
from commands.browse import RecordView
from commands.command import Command
from commands.consent import GiveConsent, WithdrawConsent
from commands.identify import Identify
from domain.identity import Identifier
from domain.values import Details, Purpose
from projections.examples import Rules
from tests.app.test_training_set import WEB, at, commands, send, who


def seen(wiring: Wiring) -> Seen:
    found = Seen()
    for log in wiring.customers:
        feed = ReplayFeed(log, 0, log.head())
        while batch := feed.next_batch(0):
            for recorded in batch:
                found.add(recorded.event)
    return found


def views(wiring: Wiring) -> Counter[tuple[int, str]]:
    return Counter((when, sku) for looks in seen(wiring).allowed().values() for when, _, sku in looks)


def taught(wiring: Wiring) -> Counter[tuple[int, str]]:
    """The training set's examples of views."""
    found = read(wiring, Rules())
    examples = found.examples.take(found.examples.kind == 0)
    return Counter((int(a), found.names.skus[i]) for a, i in zip(examples.at, examples.target, strict=True))


def said(kind: Any, identifier: Identifier, purpose: Purpose, minutes: float) -> Command:
    fact = {"source_id": f"{kind.__name__} {identifier.value} {minutes}", "occurred_at": at(minutes), **WEB}
    command: Command = kind(identifiers=(identifier,), purpose=purpose, policy_version="1", **fact)
    return command


def test_they_are_those_of_the_training_set(wiring: Wiring) -> None:
    send(wiring, commands())
    whole = views(wiring)
    assert whole == taught(wiring) and whole.total() > 300
    words = [
        said(WithdrawConsent, who("anonymous", 7), Purpose.PROFILING, 4_000),
        said(WithdrawConsent, who("anonymous", 8), Purpose.TRAINING, 2_000),
        said(GiveConsent, who("anonymous", 8), Purpose.TRAINING, 5_000),
        said(WithdrawConsent, who("anonymous", 10), Purpose.PERSONALISATION, 4_000),
        said(WithdrawConsent, who("user", 12), Purpose.TRAINING, 9_000),
    ]
    send(wiring, words)
    fewer = views(wiring)
    assert fewer == taught(wiring) and fewer < whole
    gone = {when for when, _ in (whole - fewer).elements()}
    assert any(when < at(4_000).timestamp() * 1_000 for when in gone), "all of who withdrew is gone"
    assert seen(wiring).categories.keys() == {sku for _, sku in whole}


def test_the_model_learns_and_is_measured_without_who_withdrew(wiring: Wiring) -> None:
    clicks = [
        RecordView(
            identifiers=(who("anonymous", person),),
            source_id=f"{person} {n}",
            occurred_at=at(n) + timedelta(seconds=person),
            sku=f"S{n}",
            **WEB,
        )
        for person in range(6)
        for n in range(4)
    ]
    send(wiring, clicks)
    assert trainer.run(wiring).ranking.predictions == 6 * 3
    send(wiring, [said(WithdrawConsent, who("anonymous", 2), Purpose.TRAINING, 100)])
    trained = trainer.run(wiring)
    assert (trained.ranking.predictions, trained.sessions) == (5 * 3, 5)


def test_children_teach_nothing(wiring: Wiring) -> None:
    send(wiring, commands())
    child = {"source_id": "told", "occurred_at": at(3), **WEB}
    send(wiring, [Identify(identifiers=(who("anonymous", 7),), details=Details(age=12), **child)])
    fewer = views(wiring)
    assert fewer == taught(wiring) and fewer.total() > 0
    assert not seen(wiring).allowed().keys() & {wiring.directory.find(who("anonymous", 7))}
