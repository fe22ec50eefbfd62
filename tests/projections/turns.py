"""Several projectors at work at once, one step of the store at a time, in any order that a test draws."""

import threading
from collections.abc import Callable
from random import Random

from tests.projections.memory import DiedError

LIMIT_S = 20


class Worker:
    """Runs in a thread of its own, a step whenever it is told to."""

    def __init__(self, work: Callable[["Worker"], None]) -> None:
        self.dead = False
        self._go, self._waits = threading.Semaphore(0), threading.Semaphore(0)
        self._kill = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()
        assert self._waits.acquire(timeout=LIMIT_S)

    def step(self, *, kill: bool = False) -> None:
        """Lets it do one thing, or die before it. Raises what it raised."""
        self._kill = kill
        self._go.release()
        assert self._waits.acquire(timeout=LIMIT_S), "a step takes too long"
        if self._error:
            raise self._error

    def turn(self) -> None:
        """Called in the thread: waits for its next turn."""
        if threading.current_thread() is not self._thread:
            return
        self._waits.release()
        self._go.acquire()
        if self._kill:
            raise DiedError

    def _run(self, work: Callable[["Worker"], None]) -> None:
        try:
            self.turn()
            work(self)
        except DiedError:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.dead = True
            self._waits.release()


def interleave(chance: Random, works: list[Callable[[Worker], None]], kills: int, between: Callable[[], None]) -> None:
    """All at once until all are done; ``kills`` times one dies and begins again. ``between`` is called now and then."""
    running = [(work, Worker(work)) for work in works]
    while running:
        which = chance.randrange(len(running))
        work, worker = running[which]
        for _ in range(chance.choice((1, 1, 2, 5, 30))):
            if worker.dead:
                break
            killed = kills > 0 and chance.random() < 0.02
            worker.step(kill=killed)
            if killed:
                kills -= 1
                running[which] = work, Worker(work)
                break
        else:
            if chance.random() < 0.02:
                between()
        if worker.dead and running[which][1] is worker:
            del running[which]
