"""Training sets from a real log: the same bytes whatever the shards, the order of arrival, slices and workers."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app.settings import Settings
from app.sharding.reshard import reshard
from app.training import training_set
from app.training import work as training_work
from app.training.export import ExportError, export, load
from app.training.leak_check import check
from app.training.training_set import TrainingSet, read
from app.wiring import Wiring
from commands.browse import RecordView
from commands.command import Command
from commands.consent import WithdrawConsent
from commands.order import PlaceOrder
from commands.stock import ListProduct
from domain.identity import Identifier
from domain.sharding import shard_of
from domain.values import Channel, Line, Purpose
from ml.content.features import code
from ml.examples import split_by_time
from ml.sequences import Attributes
from projections.examples import Rules
from projections.history import Sharded
from projections.moment import millis
from queries.moment import Moment
from queries.travel import travel
from readmodels.features import PURCHASE, features
from tests.app.test_cli import answered, bespoke, refused
from tests.namespaces import namespace

DAY = datetime(2026, 3, 1, 9, tzinfo=UTC)
PEOPLE, VIEWS = 30, 400
ANY = Rules()
WEB: dict[str, Any] = {"channel": Channel.WEB}


def who(kind: str, number: int) -> Identifier:
    return Identifier.model_validate({"kind": kind, "value": f"{kind}-{number}"})


def at(minutes: float) -> datetime:
    return DAY + timedelta(minutes=minutes)


def commands() -> list[Command]:
    """Views by visitors of whom some sign in, in devices that some share; orders; a withdrawal; a catalogue."""
    chance, found = random.Random(5), list[Command]()
    for n in range(VIEWS):
        person = chance.randrange(PEOPLE)
        names = [who("anonymous", person // 2 if person < 6 else person)]
        if person % 3 == 0:
            names.append(who("user", person))
        fact = {"identifiers": tuple(names), "source_id": f"s{n}", "occurred_at": at(chance.randrange(9_000)), **WEB}
        sku = f"S{int(chance.expovariate(0.2))}"
        if n % 10 == 0:
            found.append(PlaceOrder(**fact, order_id=f"o{n}", total_cents=100, currency="EUR", lines=(Line(sku=sku),)))
        else:
            found.append(RecordView(**fact, sku=sku, category=f"C{len(sku)}"))
    found.append(no(who("user", 9)))
    for sku in ("S0", "S1", "new"):
        listed = {"title": f"Blue {sku}", "category": "Dresses", "colour": "blue", "tags": ("Summer",)}
        found.append(ListProduct(sku=sku, source_id=f"list {sku}", occurred_at=at(0), **listed))
    return found


def no(identifier: Identifier) -> WithdrawConsent:
    fact = {"source_id": f"no {identifier.value}", "occurred_at": at(9_500), **WEB}
    return WithdrawConsent(identifiers=(identifier,), purpose=Purpose.TRAINING, policy_version="1", **fact)


def send(wiring: Wiring, batch: Sequence[Command]) -> None:
    outcomes = wiring.bus().dispatch(batch)
    assert all(outcome.refused is None for outcome in outcomes)


def in_namespace(settings: Settings, shards: int, order: Sequence[Command], size: int) -> TrainingSet:
    """The training set of a namespace of its own."""
    with namespace(settings, shards=shards) as wiring:
        for start in range(0, len(order), size):
            send(wiring, order[start : start + size])
        return read(wiring, ANY)


@pytest.fixture(scope="module")
def filled(servers: Wiring, settings: Settings) -> Iterator[Wiring]:
    """One namespace for all tests: each compares with what it found itself."""
    with namespace(settings) as wiring:
        send(wiring, commands())
        yield wiring


@pytest.fixture(scope="module")
def first(filled: Wiring) -> TrainingSet:
    """The training set before any test records more."""
    return read(filled, ANY)


@pytest.fixture(autouse=True)
def _first(first: TrainingSet) -> None:
    """Made before the first test."""


def same(one: TrainingSet, other: TrainingSet) -> bool:
    return (one.examples.digest(), one.names) == (other.examples.digest(), other.names)


def test_shards_and_the_order_of_arrival_are_of_no_matter(settings: Settings, first: TrainingSet) -> None:
    one = first
    assert (len(one.examples), one.positions.epoch, len(one.positions.shards)) == (VIEWS - left_out(), 1, 1)
    mixed = random.Random(1).sample(commands(), VIEWS + 4)
    many = in_namespace(settings, 3, mixed, 37)
    assert same(one, many)
    assert codes(one.items) == codes(many.items)
    assert len(many.positions.shards) == 3


def codes(items: Attributes) -> dict[str, tuple[list[int], list[int], int]]:
    return {name: (field.indptr.tolist(), field.codes.tolist(), field.size) for name, field in items.fields.items()}


def left_out() -> int:
    """What the person who withdrew did, on all their devices: user-9, who signed in on anonymous-9."""
    return sum(isinstance(c, RecordView | PlaceOrder) and who("anonymous", 9) in c.identifiers for c in commands())


def test_resharding_changes_nothing(filled: Wiring) -> None:
    before = read(filled, ANY)
    assert reshard(filled, 4).moved
    after = read(filled, ANY)
    assert same(before, after)
    assert (after.positions.epoch, len(after.positions.shards)) == (before.positions.epoch + 1, 4)


def test_slices_and_worker_processes_change_nothing(filled: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(filled, ANY)
    monkeypatch.setattr(training_set, "SLICE_EVENTS", 40)
    monkeypatch.setattr(training_set, "TOGETHER", 3)
    seen: list[int] = []
    assert same(read(filled, ANY, seen.append), whole)
    assert len(seen) > 10
    assert sum(seen) >= sum(log.head() for log in filled.customers)
    monkeypatch.setattr(training_set, "SMALL", 0)
    assert same(read(filled, ANY), whole)


def test_a_position_makes_the_same_bytes_again_when_more_is_recorded(filled: Wiring) -> None:
    before = read(filled, ANY)
    view = RecordView(identifiers=(who("user", 3),), source_id="later", occurred_at=at(5), sku="S99", **WEB)
    send(filled, [view, ListProduct(sku="S98", source_id="l", occurred_at=at(0), title="Later")])
    now, again = read(filled, ANY), read(filled, ANY, positions=before.positions)
    assert same(before, again)
    assert len(now.examples) == len(before.examples) + 1
    assert {"S98", "S99"} <= set(now.names.skus) - set(before.names.skus)


def test_a_stream_that_does_not_know_of_its_link_is_of_the_person_all_the_same(filled: Wiring) -> None:
    """A writer died between the two sides: one stream tells of a link, the other does not."""
    one, other = who("user", 50), who("anonymous", 51)
    for number, name in enumerate((one, other)):
        fact = {"identifiers": (name,), "source_id": f"x{number}", "occurred_at": at(number), **WEB}
        send(filled, [RecordView(**fact, sku=f"X{number}")])
    apart = read(filled, ANY)
    owner = filled.directory.find(one)
    device = filled.directory.find(other)
    assert owner and device
    log = filled.customers[shard_of(owner, len(filled.customers))]
    customer: Any = log.load([owner])[owner]
    customer.link(
        device, source_id="half", occurred_at=at(9), channel=Channel.WEB, other_kind=other.kind, evidence="test"
    )
    log.save([customer])
    together = read(filled, ANY)
    assert len(together.examples) == len(apart.examples)
    assert known(apart, "X1") == []
    assert known(together, "X1") == ["X0"]


def known(found: TrainingSet, sku: str) -> list[str]:
    """The history of the one example whose target this is."""
    (row,) = (found.examples.target == found.names.skus.index(sku)).nonzero()[0]
    return [found.names.skus[item] for item in found.examples.history[row]]


def test_an_erased_person_contributes_nothing(filled: Wiring) -> None:
    before = read(filled, ANY)
    stream = filled.directory.find(who("user", 12))
    with psycopg.connect(filled._url("keys"), autocommit=True) as connection:
        assert connection.execute("DELETE FROM stream_key WHERE stream = %s", (stream,)).rowcount == 1
    after = read(filled, ANY)
    theirs = sum(
        isinstance(c, RecordView | PlaceOrder) and {who("user", 12), who("anonymous", 12)} & set(c.identifiers) != set()
        for c in commands()
    )
    assert theirs and len(after.examples) == len(before.examples) - theirs


def test_a_withdrawal_takes_the_person_out_of_the_next_training(filled: Wiring) -> None:
    before = read(filled, ANY)
    send(filled, [no(who("anonymous", 20))])
    after = read(filled, ANY)
    theirs = sum(isinstance(c, RecordView | PlaceOrder) and who("anonymous", 20) in c.identifiers for c in commands())
    assert len(before.examples) - len(after.examples) == theirs > 0
    assert same(read(filled, ANY, positions=before.positions), before)
    assert len(read(filled, Rules(assumed=False)).examples) == 0


def test_what_an_example_knows_is_what_a_profile_of_that_moment_shows(filled: Wiring) -> None:
    found, log = read(filled, ANY), Sharded(filled.customers)
    purchases = (found.examples.kind == PURCHASE).nonzero()[0]
    compared = 0
    for view in commands():
        if isinstance(view, PlaceOrder) and (stream := filled.directory.find(view.identifiers[0])):
            moment = millis(view.occurred_at)
            past = travel(
                lambda streams, _: log.streams(streams),
                stream,
                Moment(as_of=view.occurred_at - timedelta(microseconds=1)),
            )
            served = features(past.record(), moment) if past else None
            rows = [row for row in purchases if found.examples.at[row] == moment]
            if served and len(rows) == 1:
                (row,) = rows
                acts = [(at_, kind, sku) for at_, _, _, kind, sku in served.acts]
                assert told(found, row) == acts
                assert found.examples.features[row].tolist() == pytest.approx(served.values)
                compared += 1
    assert compared > 20


def told(found: TrainingSet, row: int) -> list[tuple[int, int, str]]:
    history = found.examples.history
    part = slice(history.indptr[row], history.indptr[row + 1])
    columns = found.examples.history_at[part], found.examples.history_kind[part], history.items[part]
    return [(int(a), int(k), found.names.skus[i]) for a, k, i in zip(*columns, strict=True)]


def test_items_are_described_as_of_the_cut(filled: Wiring) -> None:
    later = ListProduct(sku="S0", source_id="relist", occurred_at=at(8_000), title="Hat", category="Hats")
    send(filled, [later, ListProduct(sku="late", source_id="late", occurred_at=at(8_000), title="Late")])
    cut = millis(at(7_000))
    found = read(filled, Rules(until_ms=cut))
    assert (found.examples.at < cut).all() and len(found.examples) > 100
    assert "new" in found.names.skus and "late" not in found.names.skus
    hats, dresses = code("category", "hats"), code("category", "dresses")
    described = set(found.items.fields["category"].codes.tolist())
    assert hats not in described and dresses in described
    whole = read(filled, ANY)
    assert hats in whole.items.fields["category"].codes
    earlier, _ = split_by_time(whole.examples, cut)
    assert earlier.at.tolist() == found.examples.at.tolist()


def test_the_honest_set_has_no_leak(filled: Wiring) -> None:
    for rules in (ANY, Rules(known=True)):
        assert check(filled, read(filled, rules), 25) == []


def test_an_empty_log_makes_an_empty_set(filled: Wiring) -> None:
    now = training_set.heads(filled)
    found = read(filled, ANY, positions=training_work.Positions(now.epoch, (0,) * len(now.shards), 0))
    assert (len(found.examples), found.names.skus) == (0, ())


def test_the_command_line_exports_and_checks(filled: Wiring, tmp_path: Any) -> None:
    folder, cut = str(tmp_path / "set"), ("--until", "2026-03-06")
    told = answered(bespoke("training-set", "export", "--to", folder, *cut, "--json", settings=filled.settings))
    found = load(tmp_path / "set")[0]
    assert (told["digest"], told["examples"], told["times"]) == (found.digest(), len(found), "hour")
    expected = read(filled, Rules(until_ms=millis(datetime(2026, 3, 7, tzinfo=UTC))))
    assert len(found) == len(expected.examples)
    again = bespoke("training-set", "export", "--to", folder, settings=filled.settings)
    assert "not empty" in refused(again)
    checked = answered(bespoke("training-set", "check", "--persons", "10", *cut, "--json", settings=filled.settings))
    assert checked == {"examples": len(found), "leaks": []}


def test_a_time_that_is_none_is_refused_without_being_repeated(filled: Wiring) -> None:
    done = bespoke("training-set", "check", "--until", "ann@example.com", settings=filled.settings)
    assert done.returncode == 2
    assert "--until" in done.stderr and "ann@example.com" not in done.stderr


def test_what_is_exported_comes_back_and_tells_nobody(filled: Wiring, tmp_path: Any) -> None:
    found = read(filled, ANY)
    manifest = export(found, tmp_path / "set")
    examples, names, items, stored = load(tmp_path / "set")
    assert stored == json.loads(json.dumps(manifest))
    assert (names, codes(items)) == (found.names, codes(found.items))
    assert examples.target.tolist() == found.examples.target.tolist()
    assert set((examples.at % 3_600_000).tolist()) == set((examples.history_at % 3_600_000).tolist()) == {0}
    content = b"".join(path.read_bytes() for path in (tmp_path / "set").iterdir())
    for word in (b"user-", b"anonymous-", b"o10", b"source"):
        assert word not in content
    assert not any(str(filled.directory.find(who("user", n))).encode() in content for n in (0, 3, 6))


def test_an_export_is_the_same_to_the_byte(filled: Wiring, tmp_path: Any) -> None:
    for name in ("one", "two"):
        export(read(filled, ANY), tmp_path / name, exact=True)
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    assert len(one) == 4


def test_nothing_is_written_over_and_damage_is_seen(filled: Wiring, tmp_path: Any) -> None:
    found = read(filled, ANY)
    (tmp_path / "set").mkdir()
    export(found, tmp_path / "set")
    with pytest.raises(ExportError, match="not empty"):
        export(found, tmp_path / "set")
    with pytest.raises(ExportError, match="no training set"):
        load(tmp_path)
    manifest = tmp_path / "set" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"digest": "', '"digest": "0'))
    with pytest.raises(ExportError, match="not those of the manifest"):
        load(tmp_path / "set")


def test_shards_that_move_meanwhile_are_said_and_not_folded(filled: Wiring) -> None:
    positions = training_set.heads(filled)
    reshard(filled, 2)
    task = training_work.Work(training_work.Persons(()), ANY, positions)
    with pytest.raises(training_work.UnavailableError, match="moved"):
        training_work.work(filled, task)
