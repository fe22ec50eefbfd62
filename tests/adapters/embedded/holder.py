"""A process that starts (or joins) the servers on a folder, says so, and stops when it is told to.

Arguments: the folder; `main` or `thread` (where it starts them: those of a thread outlive a killed process);
the user to become first, or `-`.
"""

import json
import os
import pwd
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from adapters.embedded import EmbeddedServers


def become(name: str) -> None:
    """For good. The clients' late imports come first: that user may not be let in where Python lies."""
    with suppress(psycopg.OperationalError):
        psycopg.connect("host=/nowhere")
    with suppress(redis.ConnectionError):
        redis.Redis(unix_socket_path="/nowhere", retry=Retry(NoBackoff(), 0)).ping()
    user = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)


def main(var: str, where: str, user: str) -> None:
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the test to judge
    if user != "-":
        become(user)
    servers = EmbeddedServers(Path(var))
    if where == "thread":
        thread = threading.Thread(target=servers.start)
        thread.start()
        thread.join()
    else:
        servers.start()
    said = {
        "owned": servers.owned,
        "postgres": servers.postgres.pid,
        "valkey": servers.valkey.pid,
        "postgres_url": servers.postgres_url,
        "redis_url": servers.redis_url,
    }
    print(json.dumps(said), flush=True)
    sys.stdin.readline()
    servers.stop()
    print("stopped", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
