"""Where the servers' sockets lie: their paths end at 107 bytes, and a project may lie deeper."""

import hashlib
import os
import re
import tempfile
from pathlib import Path

from adapters.embedded.errors import EmbeddedServerError

LIMIT = 107 - len("/.s.PGSQL.5432.lock")
PLAIN = re.compile(r"[A-Za-z0-9/._+-]+")


def socket_folder(var: Path) -> Path:
    """A short folder of this data's own, in the first temporary one that fits. Raises EmbeddedServerError."""
    name = f"bespoke-{hashlib.sha256(os.fsencode(var)).hexdigest()[:16]}"
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        folder = Path(base) / name
        if PLAIN.fullmatch(str(folder)) and len(str(folder)) <= LIMIT and os.access(base, os.W_OK | os.X_OK):
            return folder
    raise EmbeddedServerError("No temporary folder for sockets. Set TMPDIR to a short path that you may write to")
