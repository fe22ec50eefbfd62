"""Training that goes on where it was killed: its state, saved now and then, whole or not at all."""

import io
import json
import logging
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.artefacts import files
from ml.artefacts.errors import ArtefactError

LOGGER = logging.getLogger("bespoke.models")
RUN = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
MOST_BYTES = 1 << 36


class Checkpoints:
    """The latest state of one run: named arrays, among them the step and the states of random generators.

    A run's id says all that its course depends on (model, configuration, seed, data), so that no other run goes on
    from it. One process at a time saves a run.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        if not RUN.fullmatch(run_id):
            raise ArtefactError("run_id: lower-case letters, digits and . _ - between, at most 100")
        self._path = folder / f"{run_id}.npz"

    def load(self) -> dict[str, NDArray[Any]] | None:
        """The state saved last; None where there is none, or where it is damaged: then training starts anew."""
        try:
            content = files.read(self._path, "checkpoint", MOST_BYTES)
            with np.load(io.BytesIO(content), allow_pickle=False) as found:
                return {name: found[name] for name in found.files}
        except FileNotFoundError:
            return None
        except (ArtefactError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
            LOGGER.warning("a checkpoint is damaged, training starts anew: %s", type(error).__name__)
            return None

    def save(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Replaces the state; it is on disk when this returns. Raises ArtefactError for what is no plain array, OSError
        when the disk does not take it; then the state before is still there."""
        if any(array.dtype.hasobject for array in state.values()):
            raise ArtefactError("state: an array of objects")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            for name, array in state.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)
        files.make_folder(self._path.parent)
        files.replace(self._path, content.getbuffer())

    def clear(self) -> None:
        """Forgets the run, which is over."""
        self._path.unlink(missing_ok=True)


def rng_state(generator: np.random.Generator) -> NDArray[np.uint8]:
    """The state of a numpy generator as an array, to be saved."""
    return np.frombuffer(json.dumps(generator.bit_generator.state).encode(), np.uint8)


def restore_rng(generator: np.random.Generator, state: NDArray[np.uint8]) -> None:
    """Sets a generator of the same kind back to a saved state."""
    generator.bit_generator.state = json.loads(state.tobytes())
