"""Receipts: small, kept whatever ends, stored once, unreadable with their person's key."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.receipts.form import CERTAIN, REASONS, SOURCES, decode, encode
from adapters.receipts.keeper import Keeper
from adapters.receipts.mover import Mover
from adapters.receipts.spool import LOCK, Spool, is_free
from app.wiring import Wiring
from commands.ports import UnavailableError
from queries.decisions import GONE
from queries.recommend.decision import Decision, Generations, Shown
from queries.recommend.numerics import NUMERICS
from queries.recommender import new_id
from tests.app.looking import wait_for

HASH = "ab" * 32
OF = Generations(123_456, HASH, HASH, HASH, "cd" * 16, HASH, '{"revenue":0.4}', "{}")


def decision(items: int = 20, person: UUID | None = None, streams: int = 5) -> Decision:
    shown = tuple(
        Shown(f"SKU-{n:08d}-M", os.urandom(4), CERTAIN if n % 9 else os.urandom(4), SOURCES[n % 9], REASONS[n % 14])
        for n in range(items)
    )
    named = tuple(msgspec.structs.replace(one, because=shown[n % 5].sku) for n, one in enumerate(shown))
    parts = tuple((uuid4(), 40 + n) for n in range(streams)) if person else ()
    return Decision(
        new_id(),
        "home",
        1_790_000_000_000,
        20,
        person,
        parts,
        OF,
        "full",
        {"exp": "b"},
        named,
        rest=b"r" * 16,
        numerics=NUMERICS,
    )


@given(st.integers(0, 50), st.booleans())
def test_a_decision_comes_back_as_it_was(items: int, known: bool) -> None:
    one = decision(items, uuid4() if known else None)
    assert decode(encode(one)) == one


def test_a_receipt_takes_less_than_1500_bytes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, b"k" * 32)
    spool.append(encode(decision(20, uuid4())))
    assert 500 < next(tmp_path.iterdir()).stat().st_size <= 1_500


@pytest.mark.parametrize("stored", [b"", b"\x02abc", b"\x01", b"\x01\x90", b"\x01" + os.urandom(40)], ids=range(5))
def test_what_is_no_receipt_is_refused(stored: bytes) -> None:
    with pytest.raises(ValueError, match="receipt"):
        decode(stored)


def test_ids_are_of_version_7_and_in_order() -> None:
    first, second = new_id(), new_id()
    assert first.version == second.version == 7 and first.variant == second.variant
    assert first.int >> 80 <= second.int >> 80


def test_what_is_spooled_tells_nothing_and_damage_is_found(tmp_path: Path) -> None:
    spool = Spool(tmp_path, b"k" * 32)
    spool.append(b"secret words")
    (path,) = tmp_path.iterdir()
    assert b"secret" not in path.read_bytes()
    assert [receipt for _, receipt in spool.entries(path)] == [b"secret words"]
    assert spool.files() == [path] and not is_free(path)
    spool.close()
    assert is_free(path)
    path.write_bytes(path.read_bytes() + b"\x00\x00\x01\x00torn")
    assert len(list(spool.entries(path))) == 1
    path.write_bytes(path.read_bytes()[:30] + b"!" + path.read_bytes()[31:])
    assert list(spool.entries(path)) == [] and spool.damaged == {path}


def test_what_is_damaged_holds_up_nothing_and_is_kept(wiring: Wiring, tmp_path: Path) -> None:
    key, answers = os.urandom(32), [decision(3) for _ in range(3)]
    spool = Spool(tmp_path, key)
    spool.append(encode(answers[0]))
    first = next(tmp_path.iterdir()).stat().st_size
    for one in answers[1:]:
        spool.append(encode(one))
    spool.append(b"no receipt")
    spool.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[: first + 30] + b"!" + path.read_bytes()[first + 31 :])
    Mover(Spool(tmp_path, key), wiring.receipts).move()
    assert wiring.receipts.some([one.decision_id for one in answers]).keys() == {a.decision_id for a in answers[::2]}
    assert {path.suffix or path.name for path in tmp_path.iterdir()} == {".damaged", LOCK}


def test_a_file_that_cannot_be_begun_closes_nobody_else_s(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, b"k" * 32, file_bytes=100)
    spool.append(b"x" * 200)
    folder.rename(tmp_path / "away")
    folder.write_text("no folder")
    with pytest.raises(OSError):
        spool.append(b"y")
    with (tmp_path / "other").open("w") as other:
        with pytest.raises(OSError):
            spool.append(b"y")
        other.write("still open")
    folder.unlink()
    spool.append(b"z")
    assert len(list(folder.iterdir())) == 1


def test_files_are_changed_when_they_are_long(tmp_path: Path) -> None:
    spool = Spool(tmp_path, b"k" * 32, file_bytes=200)
    for _ in range(10):
        spool.append(b"x" * 90)
    assert len(list(tmp_path.iterdir())) > 3 and sum(map(is_free, spool.files())) == len(spool.files()) - 1


WRITER = """
import sys
import threading
from pathlib import Path
from adapters.receipts.spool import Spool
spool = Spool(Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))
for line in sys.stdin:
    spool.append(bytes.fromhex(line))
    print("kept", flush=True)
"""


def test_a_killed_process_loses_none(wiring: Wiring, tmp_path: Path) -> None:
    key, last, *answers = os.urandom(32), *(decision(3) for _ in range(51))
    command = [sys.executable, "-c", WRITER, str(tmp_path), key.hex()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdin is not None
        for one in answers:
            child.stdin.write(encode(one).hex() + "\n")
            child.stdin.flush()
            assert child.stdout.readline() == "kept\n"
        mover = Mover(Spool(tmp_path, key), wiring.receipts)
        assert mover.move() == 50, "what is in a file that is still written is stored as well"
        child.stdin.write(encode(last).hex() + "\n")
        child.stdin.flush()
        assert child.stdout.readline() == "kept\n"
        child.send_signal(signal.SIGKILL)
    assert Mover(Spool(tmp_path, key), wiring.receipts).move() == 1, "from where it was left"
    assert wiring.receipts.some([one.decision_id for one in answers]).keys() == {one.decision_id for one in answers}
    assert wiring.receipts.find(last.decision_id) == last
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def test_receipts_are_stored_beside_the_answers_once(wiring: Wiring) -> None:
    keeper = wiring.keeper()
    keeper.start()
    given_ = [decision() for _ in range(30)]
    for one in given_:
        keeper.keep(one)
    wait_for(lambda: keeper.waiting == 0)
    wiring.receipts.add([encode(one) for one in given_[:5]])
    assert wiring.receipts.counts().receipts == 30
    assert wiring.receipts.find(given_[3].decision_id) == given_[3]
    keeper.close()
    assert [path.name for path in (wiring.settings.var / "spool").glob("*")] == [LOCK]


def test_while_postgresql_is_away_they_wait(wiring: Wiring, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = wiring.keeper()
    away = True
    store = wiring.receipts.add

    def add(receipts: list[bytes]) -> None:
        if away:
            raise UnavailableError("PostgreSQL does not answer")
        store(receipts)

    monkeypatch.setattr(wiring.receipts, "add", add)
    keeper.start()
    for _ in range(10):
        keeper.keep(decision())
    assert keeper.waiting == 10
    away = False
    wait_for(lambda: keeper.waiting == 0)
    assert wiring.receipts.counts().receipts == 10
    keeper.close()


def test_without_its_person_s_key_a_receipt_is_gone(wiring: Wiring) -> None:
    before, after = uuid4(), uuid4()
    wiring.keyring.add_streams([before, after])
    mine, theirs = decision(3, before), decision(3, after)
    wiring.receipts.add([encode(mine), encode(theirs)])
    assert wiring.receipts.of_person([before], 5) == [mine]
    with wiring.keyring.database.connection() as connection:
        connection.execute("DELETE FROM stream_key WHERE stream = %s", (before,))
    fresh = Wiring(wiring.settings, own_servers=False)
    with fresh:
        assert fresh.receipts.find(mine.decision_id) is GONE
        assert fresh.receipts.find(theirs.decision_id) == theirs
        fresh.receipts.add([encode(decision(3, before))])
        assert fresh.receipts.counts().erased == 1
        assert fresh.receipts.find(uuid4()) is None


def test_one_process_moves_for_all_while_it_runs(wiring: Wiring) -> None:
    keeper, stop = wiring.keeper(), threading.Event()
    alone = threading.Thread(target=wiring.mover().follow_for_all, args=(stop,))
    alone.start()
    keeper.keep(decision())
    wait_for(lambda: keeper.waiting == 0)
    assert wiring.mover().move() == 0, "nobody else may"
    keeper.keep(decision())
    wait_for(lambda: keeper.stored == 2)
    stop.set()
    alone.join()
    keeper.start()
    keeper.keep(decision())
    wait_for(lambda: keeper.waiting == 0)
    keeper.close()
    assert wiring.receipts.counts().receipts == 3


def test_a_spool_that_is_full_is_told_and_has_room_again(wiring: Wiring, tmp_path: Path) -> None:
    spool = Spool(tmp_path, b"k" * 32, file_bytes=1_000, most_bytes=3_000)
    keeper = Keeper(spool, Mover(spool, wiring.receipts))
    kept = [keeper.keep(decision(20)) for _ in range(10)]
    assert kept == [True] * 3 + [False] * 7
    assert (keeper.failed, keeper.waiting, keeper.stored) == (7, 3, 0)
    assert Mover(Spool(tmp_path, b"k" * 32), wiring.receipts).move() == 3
    wait_for(lambda: keeper.keep(decision(20)))
    spool.close()
    assert Mover(spool, wiring.receipts).move() == 1
    assert wiring.receipts.counts().receipts == 4
