"""The machine and the commit that figures belong to."""

import os
import platform
import subprocess


def where() -> dict[str, str]:
    """For the JSON line of a benchmark."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    cores = len(os.sched_getaffinity(0))
    return {
        "machine": f"{platform.machine()}, {cores} cores, Python {platform.python_version()}",
        "commit": commit or "unknown",
    }
