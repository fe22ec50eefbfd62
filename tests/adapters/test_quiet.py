"""A process that stays quotes no error in what it logs, nor in what ends it or a thread of it."""

import subprocess
import sys
import textwrap

import pytest

CANARY = "ann@canary.example"
BEGIN = f"import logging\nfrom adapters.quiet import quiet\ndef broken():\n    raise ValueError({CANARY!r})\n"
BASIC = "logging.basicConfig(level=logging.WARNING)\n"
LOGGED = """
    quiet()
    try:
        broken()
    except ValueError:
        logging.getLogger("bespoke.x").exception("a command breaks")
"""
THREAD = """
    import threading
    quiet()
    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
"""


@pytest.mark.parametrize("begin", [BEGIN, BEGIN + BASIC])
@pytest.mark.parametrize("what", [LOGGED, THREAD, "quiet()\nbroken()\n"])
def test_where_and_of_what_type_is_told_and_not_what(begin: str, what: str) -> None:
    run = subprocess.run([sys.executable, "-c", begin + textwrap.dedent(what)], capture_output=True, text=True)
    assert "ValueError" in run.stderr and "in broken" in run.stderr
    assert "canary" not in run.stderr
