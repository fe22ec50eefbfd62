"""What is in use: switching, going back, being noticed, and what is never deleted."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from ml.artefacts import Artefact, ArtefactError, Draft, InUse, Promotion, Registry, digests, open_, prune, write
from ml.artefacts.registry import STEPS
from tests.app.looking import wait_for

SLOT = "next-item"


def made(folder: Path, number: int, **more: object) -> Artefact:
    arrays = {"w": np.full(4, number, np.float32)}
    return write(folder, Draft("next-item", {"number": number}, arrays, **more))  # type: ignore[arg-type]


def _whole(artefact: Artefact) -> Artefact:
    return artefact


def test_promoted_promoted_and_back_again(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    one, two = made(tmp_path, 1).digest, made(tmp_path, 2).digest
    assert (registry.in_use(SLOT), registry.slots()) == (None, [])
    registry.promote(one, at_ms=5, by="a test")
    registry.promote(two)
    registry.promote(two)  # in use already
    assert registry.in_use(SLOT) == two
    assert registry.roll_back(SLOT).digest == one == registry.in_use(SLOT)
    with pytest.raises(ArtefactError, match="nothing was in use before"):
        registry.roll_back(SLOT)
    assert registry.slot(SLOT).log == (
        Promotion(one, False, 5, "a test"),
        Promotion(two),
        Promotion(one, rollback=True),
    )
    blend = write(tmp_path, Draft("blend", members={"next": one})).digest
    registry.promote(blend)
    assert registry.slots() == ["blend", SLOT]
    assert (registry.in_use("blend"), registry.in_use(SLOT)) == (blend, one)


def test_what_is_damaged_or_unknown_is_not_promoted(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    good, bad = made(tmp_path, 1), made(tmp_path, 2)
    registry.promote(good.digest)
    (bad.folder / "w.bin").write_bytes(b"\0" * 16)
    for digest in (bad.digest, "0" * 64, "../x"):
        with pytest.raises(ArtefactError):
            registry.promote(digest)
    blend = write(tmp_path, Draft("blend", members={"ncf": bad.digest}))
    with pytest.raises(ArtefactError):
        registry.promote(blend.digest)
    assert (registry.in_use(SLOT), registry.in_use("blend")) == (good.digest, None)
    with pytest.raises(ArtefactError, match=r"^slot"):
        registry.in_use("../slot")


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"stack":["..\\/x"]}', b'{"stack":1}', b'{"more":1}'])
def test_a_damaged_slot_is_told_and_not_written_over(tmp_path: Path, content: bytes) -> None:
    registry = Registry(tmp_path)
    one = made(tmp_path, 1).digest
    (tmp_path / "in-use").mkdir()
    (tmp_path / "in-use" / f"{SLOT}.json").write_bytes(content)
    for ask in (lambda: registry.in_use(SLOT), lambda: registry.promote(one), lambda: prune(tmp_path)):
        with pytest.raises(ArtefactError, match=f"slot {SLOT}"):
            ask()
    assert digests(tmp_path) == [one]


def test_promotions_at_once_are_all_in_the_log(tmp_path: Path) -> None:
    artefacts = [made(tmp_path, number) for number in range(8)]
    threads = [threading.Thread(target=Registry(tmp_path).promote, args=(each.digest,)) for each in artefacts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Registry(tmp_path).slot(SLOT)
    assert sorted(found.stack) == sorted(entry.digest for entry in found.log) == digests(tmp_path)


def test_a_switch_is_noticed_when_next_asked(tmp_path: Path) -> None:
    serving, registry = InUse(tmp_path, SLOT, _whole), Registry(tmp_path)
    assert serving.get() is None
    one, two = made(tmp_path, 1), made(tmp_path, 2)
    registry.promote(one.digest)
    first = serving.get()
    assert first is not None and first.digest == one.digest
    assert serving.get() is first
    registry.promote(two.digest)
    second = serving.get()
    assert second is not None and second.arrays["w"].tolist() == [2] * 4
    registry.roll_back(SLOT)
    third = serving.get()
    assert third is not None and third.digest == one.digest


def test_what_cannot_be_read_leaves_what_is_served_until_it_can(tmp_path: Path) -> None:
    serving, registry = InUse(tmp_path, SLOT, _whole), Registry(tmp_path)
    one, two = made(tmp_path, 1), made(tmp_path, 2)
    registry.promote(one.digest)
    first = serving.get()
    registry.promote(two.digest)
    two.folder.rename(tmp_path / "away")
    assert serving.get() is first
    (tmp_path / "away").rename(two.folder)
    wait_for(lambda: getattr(serving.get(), "digest", None) == two.digest)
    (tmp_path / "in-use" / f"{SLOT}.json").unlink()
    assert getattr(serving.get(), "digest", None) == two.digest


def test_another_kind_is_never_served(tmp_path: Path) -> None:
    blend = write(tmp_path, Draft("blend")).digest
    Registry(tmp_path).promote(blend)
    (tmp_path / "in-use" / "blend.json").rename(tmp_path / "in-use" / f"{SLOT}.json")
    assert InUse(tmp_path, SLOT, _whole).get() is None


def test_only_what_nobody_can_come_back_to_is_deleted(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    member, unwanted = made(tmp_path, 100), made(tmp_path, 200)
    blend = write(tmp_path, Draft("blend", members={"ncf": member.digest}))
    registry.promote(blend.digest)
    history = [made(tmp_path, number).digest for number in range(STEPS + 2)]
    for digest in history:
        registry.promote(digest)
    assert prune(tmp_path) == [], "all of it is new"
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    made(tmp_path, 200)  # written again just now
    assert sorted(prune(tmp_path)) == sorted(history[:2])
    assert sorted(prune(tmp_path, spared_s=0)) == [unwanted.digest]
    open_(tmp_path, member.digest).verify()
    for digest in reversed(history[2:-1]):
        assert registry.roll_back(SLOT).digest == digest


def test_what_a_writer_left_that_was_killed_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".new-killed").mkdir()
    (tmp_path / ".new-killed" / "w.bin").write_bytes(b"half")
    one = made(tmp_path, 1).digest
    assert prune(tmp_path) == []
    assert {path.name for path in tmp_path.iterdir()} == {one}
