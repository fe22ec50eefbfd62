"""Model artefacts: folders of arrays with a manifest, named by the hash of what is in them, and never changed.

A models folder holds ``<digest>/manifest.json`` and ``<digest>/<array>.bin`` for each artefact, with
``<digest>/items.json`` where its item rows have names, and ``in-use/<slot>.json`` for what is in use.
"""

from ml.artefacts.artefact import Artefact, open_
from ml.artefacts.errors import ArtefactError
from ml.artefacts.manifest import Array, Code, Manifest, Position
from ml.artefacts.prune import prune
from ml.artefacts.registry import Promotion, Registry, Slot
from ml.artefacts.store import Draft, digests, find, write
from ml.artefacts.watch import InUse

__all__ = ["Array", "Artefact", "ArtefactError", "Code", "Draft", "InUse", "Manifest", "Position", "Promotion"]
__all__ += ["Registry", "Slot", "digests", "find", "open_", "prune", "write"]
