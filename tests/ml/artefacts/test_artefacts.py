"""Artefacts: the same bytes after saving and loading, mapped, and nothing taken from a file that is not as written."""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from ml.artefacts import Artefact, ArtefactError, Code, Draft, Position, digests, find, open_, write
from ml.artefacts.code import commit_of
from ml.artefacts.manifest import DTYPES

DTYPE = st.sampled_from([np.dtype(name) for name in DTYPES] + [np.dtype(">f4"), np.dtype(">i8")])
ARRAY = DTYPE.flatmap(lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0, max_side=4)))
#: Many small files are written: in memory, where there is such a place.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
SECRET = "ada@canary.example"


class Config(msgspec.Struct, frozen=True):
    factors: int = 128
    rate: float = 0.1
    layers: tuple[int, ...] = (256, 128)


DRAFT = Draft(
    "next-item",
    Config(),
    {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "tower.0.bias": np.ones(3, np.float64)},
    ("M001", "M002"),
    Position((7, 8), 1, 3),
    {"hr@20": 0.5, "predictions": 12},
    origin={"by": "a test"},
    code=Code("0.1.0", "a" * 40),
)


def files(artefact: Artefact) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artefact.folder.iterdir()}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.from_regex(r"\A[a-z0-9_]{1,8}(\.[a-z]{1,3})?\Z"), ARRAY, max_size=4))
def test_saved_loaded_and_saved_again_is_byte_for_byte_the_same(given_arrays: dict[str, Any]) -> None:
    with TemporaryDirectory(dir=MEMORY) as one, TemporaryDirectory(dir=MEMORY) as other:
        first = write(Path(one), Draft("any", arrays=given_arrays))
        second = write(Path(other), Draft.of(open_(Path(one), first.digest)))
        assert second.digest == first.digest
        assert files(second) == files(first)
        second.verify()
        for name, array in given_arrays.items():
            np.testing.assert_array_equal(second.arrays[name], array)
            assert second.arrays[name].dtype == array.dtype.newbyteorder("<")


def test_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    artefact = open_(tmp_path, write(tmp_path, DRAFT).digest)
    weights = artefact.arrays["weights"]
    assert isinstance(weights, np.memmap) and weights is artefact.arrays["weights"]
    assert weights.flags.c_contiguous and weights.ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="read-only"):
        weights[0, 0] = 1
    assert set(artefact.arrays) == {"tower.0.bias", "weights"}
    assert artefact.size == 6 * 4 + 3 * 8


def test_fortran_order_and_slices_are_written_in_c_order(tmp_path: Path) -> None:
    matrix = np.asfortranarray(np.arange(12, dtype=np.int32).reshape(3, 4))
    artefact = write(tmp_path, Draft("any", arrays={"f": matrix, "s": matrix[::2, 1:3]}))
    assert (artefact.folder / "f.bin").read_bytes() == matrix.tobytes("C")
    np.testing.assert_array_equal(artefact.arrays["s"], [[1, 2], [9, 10]])


def test_its_name_is_the_hash_of_what_it_is(tmp_path: Path) -> None:
    artefact = write(tmp_path, DRAFT)
    manifest = (artefact.folder / "manifest.json").read_bytes()
    assert artefact.digest == sha256(manifest).hexdigest()
    said = msgspec.json.decode(manifest)
    assert said["arrays"][1] == {
        "name": "weights",
        "dtype": "<f4",
        "shape": [2, 3],
        "sha256": sha256((artefact.folder / "weights.bin").read_bytes()).hexdigest(),
    }
    assert said["position"] == {"shards": [7, 8], "epoch": 1, "catalogue": 3, "dataset": None}
    assert said["code"] == {"version": "0.1.0", "commit": "a" * 40}
    assert not any(word in manifest.decode() for word in ("time", str(tmp_path), "_at"))
    changed = [
        msgspec.structs.replace(Config(), rate=0.2),
        {"factors": 128},
    ]
    others = [Draft(**_fields(DRAFT) | {"config": config}) for config in changed]
    others.append(Draft(**_fields(DRAFT) | {"code": Code("0.1.0", "b" * 40)}))
    others.append(Draft(**_fields(DRAFT) | {"names": ("M002", "M001")}))
    others.append(Draft(**_fields(DRAFT) | {"members": {"self": artefact.digest}}))
    assert len({write(tmp_path, other).digest for other in others} | {artefact.digest}) == 6


def test_the_same_again_is_the_same_artefact(tmp_path: Path) -> None:
    first = write(tmp_path, DRAFT)
    before = (first.folder / "weights.bin").stat()
    assert write(tmp_path, DRAFT).digest == first.digest
    assert (first.folder / "weights.bin").stat() == before
    assert digests(tmp_path) == [first.digest]


def test_a_configuration_comes_back_as_what_it_was(tmp_path: Path) -> None:
    artefact = open_(tmp_path, write(tmp_path, DRAFT).digest)
    assert artefact.config(Config) == Config()
    assert artefact.item_names() == ("M001", "M002")

    class Other(msgspec.Struct, frozen=True):
        factors: str

    with pytest.raises(ArtefactError, match="config: not a Other"):
        artefact.config(Other)


def test_it_is_found_by_the_beginning_of_its_digest(tmp_path: Path) -> None:
    artefact = write(tmp_path, DRAFT)
    assert find(tmp_path, artefact.digest[:4]) == artefact.digest
    for prefix, said in (("abc", "4 digits"), ("no such", "no artefact"), ("", "4 digits")):
        with pytest.raises(ArtefactError, match=said):
            find(tmp_path, prefix)
    twin = tmp_path / (artefact.digest[:-1] + ("0" if artefact.digest[-1] != "0" else "1"))
    twin.mkdir()
    with pytest.raises(ArtefactError, match="several"):
        find(tmp_path, artefact.digest[:8])


def test_a_damaged_one_is_made_whole_by_writing_it_again(tmp_path: Path) -> None:
    artefact = write(tmp_path, DRAFT)
    mapped = artefact.arrays["weights"]
    (artefact.folder / "tower.0.bias.bin").write_bytes(b"x" * 24)
    write(tmp_path, DRAFT).verify()
    assert mapped.tolist() == [[0, 1, 2], [3, 4, 5]], "what is mapped stays"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": f"../{SECRET}"}, "kind"),
        ({"config": {"rate": float("nan")}}, "config"),
        ({"config": {"rate": object()}}, "config"),
        ({"config": [1]}, "config"),
        ({"config": {"n": 2**70}}, "config"),
        ({"config": {1: 2}}, "config"),
        ({"arrays": {f"../{SECRET}": np.zeros(1)}}, "arrays"),
        ({"arrays": {"w": np.zeros(1), "W": np.zeros(1)}}, "arrays"),
        ({"arrays": {"w": np.array([SECRET])}}, "array w"),
        ({"arrays": {"w": np.array([{}])}}, "array w"),
        ({"arrays": {"w": np.zeros(1, complex)}}, "array w"),
        ({"names": ("A", "A")}, "items"),
        ({"metrics": {"hr@20": float("inf")}}, "metrics"),
        ({"metrics": {SECRET * 9: 1.0}}, "metrics"),
        ({"members": {"ncf": SECRET}}, "members.ncf"),
        ({"members": {"ncf": "0" * 64}}, "members.ncf"),
        ({"origin": {"by": SECRET * 20}}, "origin"),
        ({"position": Position((-1,))}, "position"),
        ({"position": Position(dataset=SECRET)}, "position.dataset"),
        ({"code": Code("1", SECRET)}, "code.commit"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_field(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    with pytest.raises(ArtefactError, match=rf"^{field}") as told:
        write(tmp_path, Draft(**_fields(DRAFT) | change))
    assert SECRET not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def _fields(draft: Draft) -> dict[str, Any]:
    return {name: getattr(draft, name) for name in Draft.__slots__}


def forge(folder: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """An artefact whose manifest is changed, under the right name."""
    honest = write(folder, DRAFT)
    said = msgspec.json.decode((honest.folder / "manifest.json").read_bytes())
    change(said)
    content = msgspec.json.encode(said)
    digest = sha256(content).hexdigest()
    honest.folder.rename(folder / digest)
    (folder / digest / "manifest.json").write_bytes(content)
    return digest


def nested(depth: int) -> Any:
    found: Any = 1
    for _ in range(depth):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda said: said.update(format=2), "format"),
        (lambda said: said.update(kind=SECRET), "kind"),
        (lambda said: said.pop("kind"), "kind: missing"),
        (lambda said: said.update({SECRET: 1}), "manifest"),
        (lambda said: said.update(config=SECRET), "config"),
        (lambda said: said.update(config={"deep": nested(900)}), "config"),
        (lambda said: said.update(metrics={"hr@20": SECRET}), "metrics"),
        (lambda said: said.update(metrics={"hr@20": 1}), "canonical"),
        (lambda said: said["arrays"].reverse(), "arrays"),
        (lambda said: said["arrays"].append(said["arrays"][1]), "arrays"),
        (lambda said: said["arrays"][0].update(name="../../etc/passwd"), r"arrays\[0\].name"),
        (lambda said: said["arrays"][0].update(name=7), r"arrays\[...\].name|arrays\[0\].name"),
        (lambda said: said["arrays"][1].update(dtype="|O"), r"arrays\[1\].dtype"),
        (lambda said: said["arrays"][1].update(dtype=">f4"), r"arrays\[1\].dtype"),
        (lambda said: said["arrays"][1].update(shape=[-1, -6]), r"arrays\[1\].shape"),
        (lambda said: said["arrays"][1].update(shape=[2**39, 2**39]), r"arrays\[1\].shape"),
        (lambda said: said["arrays"][1].update(shape=[0, 2**62]), r"arrays\[1\].shape"),
        (lambda said: said["arrays"][1].update(shape=[1] * 99), r"arrays\[1\].shape"),
        (lambda said: said["arrays"][1].update(shape=[2, 4]), "array weights: .*size"),
        (lambda said: said["arrays"][1].update(sha256=SECRET), r"arrays\[1\].sha256"),
        (lambda said: said.update(items=SECRET), "items"),
        (lambda said: said.update(members={"ncf": SECRET}), "members"),
        (lambda said: said["position"].update(shards=[SECRET]), "position.shards"),
        (lambda said: said["position"].update(epoch=-1), "position"),
        (lambda said: said["code"].update(commit=SECRET), "code.commit"),
    ],
)
def test_a_forged_manifest_is_refused_by_its_field(tmp_path: Path, change: Any, field: str) -> None:
    digest = forge(tmp_path, change)
    with pytest.raises(ArtefactError, match=field) as told:
        open_(tmp_path, digest)
    assert SECRET not in str(told.value) and "passwd" not in str(told.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b" " * (5 << 20)])
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    digest = sha256(content).hexdigest()
    (tmp_path / digest).mkdir()
    (tmp_path / digest / "manifest.json").write_bytes(content)
    with pytest.raises(ArtefactError, match="manifest"):
        open_(tmp_path, digest)


def _truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _elsewhere(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [_truncated, _elsewhere, _pipe, Path.unlink])
@pytest.mark.parametrize("name", ["manifest.json", "weights.bin"])
def test_a_file_that_is_not_as_it_was_is_refused_at_once(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    artefact = write(tmp_path, DRAFT)
    damage(artefact.folder / name)
    with pytest.raises(ArtefactError, match=r"manifest|array weights|there is no artefact"):
        open_(tmp_path, artefact.digest)
    if name == "weights.bin":
        with pytest.raises(ArtefactError, match="array weights"):
            artefact.arrays["weights"]


@pytest.mark.parametrize(("name", "field"), [("weights.bin", r"arrays\[1\]"), ("items.json", "items")])
def test_a_flipped_bit_is_found_by_reading_all(tmp_path: Path, name: str, field: str) -> None:
    artefact = write(tmp_path, DRAFT)
    content = bytearray((artefact.folder / name).read_bytes())
    content[5] ^= 1
    (artefact.folder / name).write_bytes(content)
    with pytest.raises(ArtefactError, match=field):
        open_(tmp_path, artefact.digest).verify()


def test_a_name_is_no_path(tmp_path: Path) -> None:
    for name in ("..", "/etc", "A" * 64, "a" * 63):
        with pytest.raises(ArtefactError, match=r"^digest"):
            open_(tmp_path, name)


def test_the_commit_is_read_from_the_repository(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert commit_of(tmp_path) is None
    (git / "packed-refs").write_text(f"# pack-refs\n{'c' * 40} refs/heads/main\n")
    assert commit_of(tmp_path) == "c" * 40
    (git / "refs/heads/main").write_text("d" * 40 + "\n")
    assert commit_of(tmp_path) == "d" * 40
    (git / "worktrees/room").mkdir(parents=True)
    (git / "worktrees/room/HEAD").write_text("ref: refs/heads/main")
    (git / "worktrees/room/commondir").write_text("../..")
    (tmp_path / "room").mkdir()
    (tmp_path / "room/.git").write_text(f"gitdir: {git / 'worktrees/room'}\n")
    assert commit_of(tmp_path / "room") == "d" * 40
    (git / "HEAD").write_text("e" * 40)
    assert commit_of(tmp_path) == "e" * 40
