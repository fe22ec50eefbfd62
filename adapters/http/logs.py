"""Logs as one JSON object a line. Nothing that a caller sent is ever logged."""

import sys
import traceback
from typing import Any, TextIO

import msgspec
import structlog

_NAME = "bespoke.http"


def logger() -> Any:
    """The logger of this adapter, in whatever form ``configure`` chose."""
    return structlog.get_logger(_NAME)


def configure(stream: TextIO = sys.stdout) -> None:
    """Structured logs of the whole process go to ``stream``. Call it once, when a process starts."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_serialize),
        ],
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


def where(error: BaseException) -> list[str]:
    """Where an error passed, innermost last: ``file:line function``. Not its message: it may quote."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]


def _serialize(record: Any, **_: Any) -> str:
    return msgspec.json.encode(record).decode()
