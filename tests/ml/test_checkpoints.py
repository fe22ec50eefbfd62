"""Training that is killed and goes on: the same weights, byte for byte."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ml.artefacts import ArtefactError
from ml.checkpoints import Checkpoints, restore_rng, rng_state

ROOT = Path(__file__).parents[2]
NUMPY = """
import os, signal, sys
from pathlib import Path
import numpy as np
from ml.checkpoints import Checkpoints, restore_rng, rng_state

kept, random = Checkpoints(Path(sys.argv[1]), "toy"), np.random.default_rng(7)
weights, momentum, step = np.zeros(50), np.zeros(50), 0
if state := kept.load():
    weights, momentum, step = state["weights"], state["momentum"], int(state["step"])
    restore_rng(random, state["random"])
begun = step
while step < 60:
    x = random.normal(size=(8, 50))
    momentum = 0.9 * momentum + x.T @ (x @ (weights - 1)) / 8
    weights = weights - 0.01 * momentum
    step += 1
    if step % 7 == 0:
        kept.save({"weights": weights, "momentum": momentum, "step": np.array(step), "random": rng_state(random)})
    if step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
kept.clear()
sys.stdout.buffer.write(bytes([begun]) + weights.tobytes())
"""
TORCH = """
import os, signal, sys
from pathlib import Path
import numpy as np
import torch
from ml.checkpoints import Checkpoints

torch.manual_seed(7)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))
optimiser = torch.optim.Adagrad(model.parameters(), lr=0.1)
kept, step = Checkpoints(Path(sys.argv[1]), "toy"), 0

def saved():
    state = {f"model.{name}": value.numpy() for name, value in model.state_dict().items()}
    for number, values in optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{number}.{name}": value.numpy() for name, value in values.items()}
    return state | {"random": torch.get_rng_state().numpy(), "step": np.array(step)}

def restored(state):
    named = {name.removeprefix("model."): torch.tensor(v) for name, v in state.items() if name.startswith("model.")}
    model.load_state_dict(named)
    whole, per = optimiser.state_dict(), {}
    for name, value in state.items():
        if name.startswith("optimiser."):
            _, number, field = name.split(".")
            per.setdefault(int(number), {})[field] = torch.tensor(value)
    optimiser.load_state_dict(whole | {"state": per})
    torch.set_rng_state(torch.from_numpy(state["random"]))
    return int(state["step"])

if state := kept.load():
    step = restored(state)
begun = step
while step < 40:
    x = torch.randn(16, 8)
    loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    step += 1
    if step % 7 == 0:
        kept.save(saved())
    if step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
sys.stdout.buffer.write(bytes([begun]) + b"".join(v.numpy().tobytes() for v in model.state_dict().values()))
"""


def trained(script: str, folder: Path, *kills: int) -> tuple[int, bytes]:
    """The step that the last run began at, and its weights; runs before it are killed at these steps."""
    for kill in kills:
        assert run(script, folder, kill).returncode == -signal.SIGKILL
    done = run(script, folder, 0)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout[0], done.stdout[1:]


def run(script: str, folder: Path, kill: int) -> "subprocess.CompletedProcess[bytes]":
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    words: Sequence[str] = (sys.executable, "-c", script, str(folder), str(kill))
    return subprocess.run(words, env=environment, capture_output=True, timeout=60)


def test_a_numpy_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    whole = trained(NUMPY, tmp_path / "whole")
    assert whole[0] == 0
    assert trained(NUMPY, tmp_path / "killed", 5, 20, 33) == (28, whole[1])
    assert list((tmp_path / "killed").iterdir()) == []


def test_a_torch_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    whole = trained(TORCH, tmp_path / "whole")
    assert trained(TORCH, tmp_path / "killed", 17) == (14, whole[1])


def test_what_is_saved_comes_back_with_types_and_shapes(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path / "not there yet", "ncf-beauty-1")
    assert kept.load() is None
    state = {"w.0": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(3), "file": np.zeros(0, bool)}
    kept.save(state)
    found = kept.load()
    assert found is not None and set(found) == set(state)
    for name, array in state.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
    kept.clear()
    kept.clear()
    assert kept.load() is None


def test_a_generator_goes_on_where_it_stood() -> None:
    random = np.random.default_rng(1)
    random.normal(size=5)
    state = rng_state(random)
    expected = random.normal(size=5)
    other = np.random.default_rng(2)
    restore_rng(other, state)
    np.testing.assert_array_equal(other.normal(size=5), expected)


def test_a_damaged_one_begins_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Checkpoints(tmp_path, "run")
    kept.save({"w": np.arange(100.0)})
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[300] ^= 1
    for content in (b"", b"no zip", whole[:-1], whole[:400], bytes(flipped)):
        path.write_bytes(content)
        assert kept.load() is None
    assert caplog.messages.count(caplog.messages[0]) >= 1 and "starts anew" in caplog.text
    kept.save({"w": np.arange(3.0)})
    assert kept.load() is not None


def test_objects_and_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"^state"):
        Checkpoints(tmp_path, "run").save({"w": np.array([{}])})
    with pytest.raises(ArtefactError, match=r"^run_id"):
        Checkpoints(tmp_path, "../run")
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_objects_is_never_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "run.npz", w=np.array([{}]), allow_pickle=True)
    assert Checkpoints(tmp_path, "run").load() is None
