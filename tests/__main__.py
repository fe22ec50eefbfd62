"""All tests, in two halves at once: most of them wait for servers and processes, not for the processor. Each half
has servers of its own. What the second half says is shown when the first is over.

``python -m tests``; arguments go to pytest, for all tests in one run.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SHOWN = ("app", "browser")


def main() -> int:
    """The worse of both exit codes."""
    command = [sys.executable, "-m", "pytest"]
    if len(sys.argv) > 1:
        return subprocess.call([*command, *sys.argv[1:]])
    folders = sorted(path.name for path in HERE.iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    shown, others = ([f"tests/{name}" for name in folders if (name in SHOWN) is wanted] for wanted in (True, False))
    with tempfile.TemporaryFile("w+") as said:
        beside = subprocess.Popen([*command, *others], stdout=said, stderr=subprocess.STDOUT)
        code = subprocess.call([*command, *shown])
        other = beside.wait()
        said.seek(0)
        sys.stdout.write(said.read())
    return max(code, other)


if __name__ == "__main__":
    sys.exit(main())
