"""Jobs in the background: dramatiq on our Redis, its keys within our namespace."""

from adapters.jobs.broker import HEARTBEAT_MS, connect
from adapters.jobs.look import Job, Queues
from adapters.jobs.runs import Run, Runs
from adapters.jobs.times import Times

__all__ = ["HEARTBEAT_MS", "Job", "Queues", "Run", "Runs", "Times", "connect"]
