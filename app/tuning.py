"""How the interpreter is set for processes that take events by the thousand."""

import gc
import sys

from threadpoolctl import threadpool_limits

#: Every batch makes ten thousand objects, none of them in a cycle; with Python's own thresholds a third of the time
#: goes into looking for cycles among them, and among the caches.
THRESHOLDS = (100_000, 50, 100)
#: A thread that hears from PostgreSQL, or has answered, waits this long for one that computes; 5 ms by default.
SWITCH_S = 0.000_3


def for_answers() -> None:
    """One thread for arithmetic, whatever the machine: it is as fast, and the same sum has the same bytes. Cycles are
    looked for rarely: a catalogue of objects is long to look through. Threads take turns soon: numpy and faiss let go
    of the interpreter many times an answer, and would wait 5 ms each time while another thread stores a batch."""
    threadpool_limits(1)
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)


def for_batches() -> None:
    """Looks for cycles a hundred times less often, and switches threads sooner. Call at the start of a process."""
    gc.set_threshold(*THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
