"""What processes that stay tell of errors: where they were and of what type. Their texts may quote somebody."""

import logging
import sys
import threading
import traceback
from types import TracebackType

LOGGER = logging.getLogger("bespoke")


def without_values(record: logging.LogRecord) -> bool:
    """A filter for handlers: keeps where an error was and of what type; its text may hold what is in the events."""
    if record.exc_info and record.exc_info[0] is not None:
        kind, _, where = record.exc_info
        record.exc_text = "".join(traceback.format_tb(where)) + kind.__name__
        record.exc_info = None
    return True


def quiet() -> None:
    """From now on this process' logs quote no error, nor do those that end it or a thread; whoever else looks after
    the latter, such as a test, goes on to."""
    for handler in (*logging.getLogger().handlers, logging.lastResort):
        if handler is not None:
            handler.addFilter(without_values)
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = _ended
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = lambda given: _ended(given.exc_type, given.exc_value, given.exc_traceback)


def _ended(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if issubclass(kind, Exception) and error is not None:
        LOGGER.critical("ended by an error", exc_info=(kind, error, where))
