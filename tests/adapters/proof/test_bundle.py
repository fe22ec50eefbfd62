"""Bundles: what holds, what is found out, and that no byte of one can be changed."""

import subprocess
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.proof.bundle import seal, verify
from adapters.proof.signing import PublicKeyError, Signer, Verifier
from domain.proof import Difference, RetiredEpoch, Stage, Sweep
from tests.adapters.proof.proofs import DESTROYED, EPOCH, RETIRED, SIGNER, statement

OTHER = Signer(bytes(32))


@cache
def bundle() -> bytes:
    return seal(statement(), SIGNER)


def verified(**changes: Any) -> tuple[str, ...]:
    """What is wrong with a proof that was signed with these changes."""
    return verify(seal(statement(**changes), SIGNER), SIGNER.verifier).wrong


def test_a_proof_holds_and_says_what_was_sealed() -> None:
    found = verify(bundle(), SIGNER.verifier)
    assert found.wrong == ()
    assert found.statement == statement()


def test_the_same_proof_is_the_same_bytes() -> None:
    assert seal(statement(), SIGNER) == bundle()


def test_a_flipped_bit_of_any_byte_is_found_out() -> None:
    whole = bundle()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        assert not verify(bytes(changed), SIGNER.verifier).holds


@given(data=st.data())
def test_any_other_byte_anywhere_is_found_out(data: st.DataObject) -> None:
    whole = bundle()
    place = data.draw(st.integers(0, len(whole) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    assert not verify(whole[:place] + bytes([other]) + whole[place + 1 :], SIGNER.verifier).holds


@given(cut=st.integers(1, 200), more=st.binary(min_size=1, max_size=20), at=st.integers(0, 4000))
def test_bytes_more_or_fewer_are_found_out(cut: int, more: bytes, at: int) -> None:
    whole = bundle()
    for changed in (whole[:-cut], whole[cut:], whole[:at] + more + whole[at:], whole[: at % 300], b""):
        assert not verify(changed, SIGNER.verifier).holds


def test_another_key_verifies_nothing() -> None:
    assert verify(bundle(), OTHER.verifier).wrong == ("it was signed with another key",)
    renamed = bundle().replace(SIGNER.verifier.key_id.encode(), OTHER.verifier.key_id.encode(), 1)
    assert verify(renamed, OTHER.verifier).wrong == ("the signature is not of this content",)


def test_heads_must_be_signed_by_the_same_key() -> None:
    head = statement().head
    forged = OTHER.sign_head(head.size, bytes.fromhex(head.root), head.at)
    assert "the tree head is not signed by this key" in verified(head=forged)
    assert "the previous tree head is not signed by this key" in verified(previous=forged)
    later = head.model_copy(update={"at": head.at + timedelta(seconds=1)})
    assert "the tree head is not signed by this key" in verified(head=later)


def test_a_stream_that_is_not_in_the_tree_is_found_out() -> None:
    one, other = statement().streams
    for wrong in ({"digest": "0" * 64}, {"salt": "0" * 32}, {"rows": 3}, {"leaf": 2}, {"path": one.path[1:]}):
        changed = one.model_copy(update=wrong)
        assert verified(streams=(changed, other)) == (f"stream {one.stream} is not in the tree",)
    assert verified(streams=(one, one)) == ("a stream is named twice",)


def test_a_tree_that_does_not_go_on_from_the_one_before_is_found_out() -> None:
    said = statement()
    broken = ("the tree does not go on from the previous head",)
    assert verified(consistency=said.consistency[1:]) == broken
    assert verified(previous=SIGNER.sign_head(3, bytes(32), said.requested_at)) == broken
    assert verified(previous=None) == ("there is a consistency proof, but no previous head",)
    assert verified(previous=None, consistency=()) == ()


def test_what_is_left_or_differs_is_told() -> None:
    assert verified(sweeps=(Sweep(store="redis", removed=2, left=1),)) == ("1 entries are left in redis",)
    assert verified(sweeps=()) == ("no store was swept",)
    other = Difference(model="customers", expected="ab" * 32, found="cd" * 32)
    assert verified(differences=(other,)) == ("customers is not what it would be without the person",)


def test_unrecoverable_needs_the_wrapping_keys_of_the_time_destroyed_for_good() -> None:
    early = RetiredEpoch(epoch=EPOCH, service="key", destroyed_at=DESTROYED - timedelta(days=1))
    other = RetiredEpoch(epoch=EPOCH + 1, service="key", destroyed_at=RETIRED)
    for epochs in ((), (other,), (early,)):
        (wrong,) = verified(epochs=epochs)
        assert "not all wrapping keys" in wrong
        assert verified(epochs=epochs, stage=Stage.UNREADABLE) == ()
    recalled = RetiredEpoch(epoch=EPOCH, service="aws", destroyed_at=RETIRED, final_at=RETIRED + timedelta(days=7))
    (wrong,) = verified(epochs=(recalled,))
    assert "could still be brought back" in wrong
    assert verified(epochs=(recalled,), made_at=RETIRED + timedelta(days=8)) == ()


def test_a_key_destroyed_before_it_was_asked_for_is_told() -> None:
    assert len(verified(requested_at=DESTROYED + timedelta(days=1))) == 2


def test_a_public_key_goes_through_its_file() -> None:
    pem = SIGNER.verifier.pem()
    assert Verifier.from_pem(pem).key_id == SIGNER.verifier.key_id
    for wrong in (b"", b"x", pem[:-40]):
        with pytest.raises(PublicKeyError):
            Verifier.from_pem(wrong)


def test_the_command_needs_no_server_no_setting_and_no_secret(tmp_path: Path) -> None:
    proof, key = tmp_path / "proof", tmp_path / "key.pem"
    proof.write_bytes(bundle())
    key.write_bytes(SIGNER.verifier.pem())
    away = {"BESPOKE_NAMESPACE": "NOT A NAMESPACE", "BESPOKE_POSTGRES_URL": "nonsense", "BESPOKE_VAR": "/nowhere"}
    command = [sys.executable, "-m", "app.cli", "privacy", "verify", str(proof), "--public-key", str(key)]
    root = str(Path(__file__).parents[3])

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=tmp_path, env=away | {"PYTHONPATH": root}, capture_output=True, text=True)

    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert "unrecoverable" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.pem", "proof"]
    proof.write_bytes(bundle()[:-1] + b" ")
    assert run().returncode == 1
