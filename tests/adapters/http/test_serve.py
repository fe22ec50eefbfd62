"""The real server on a loopback port: it answers, refuses what is too large unread, and stops when told."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.http.fakes import SHOPIFY_SECRET

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys, uvloop
from litestar import get
from adapters.http import Metrics, logs
from adapters.http.serve import serve
from tests.adapters.http import fakes
logs.configure(sys.stdout)
print(fakes.ADMIN, flush=True)
@get("/slow")
async def slow() -> dict[str, bool]:
    print("asked", flush=True)
    while True:
        try:
            _, probe = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
        except ConnectionRefusedError:
            return {"done": True}
        probe.close()
app = fakes.app(fakes.MemoryWriter(), fakes.MemoryReader(), Metrics(), [slow])
uvloop.run(serve(app, port=int(sys.argv[1])))
print("stopped", flush=True)
"""


class Running:
    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        command = [sys.executable, "-c", PROGRAM, str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self.process.stdout
        self.key = self.process.stdout.readline().strip()
        self.connection = self._connected()

    def _connected(self) -> http.client.HTTPConnection:
        deadline = time.monotonic() + 20
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.connect()
                return connection
            except ConnectionError:
                assert time.monotonic() < deadline and self.process.poll() is None
                self.wait_briefly()

    def wait_briefly(self) -> None:
        try:
            self.process.wait(0.02)
        except subprocess.TimeoutExpired:
            return

    def stop(self, how: signal.Signals) -> tuple[int, str, str]:
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture
def running() -> Iterator[Running]:
    server = Running()
    yield server
    server.connection.close()
    if server.process.poll() is None:
        server.process.kill()
        server.process.communicate()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_answers_then_stops_clean(running: Running, how: signal.Signals) -> None:
    headers = {"Authorization": f"Bearer {running.key}"}
    running.connection.request("GET", "/v1/recommendations?user_id=canary", headers=headers)
    response = running.connection.getresponse()
    assert (response.status, json.loads(response.read())["served"]) == (200, "full")
    code, out, err = running.stop(how)
    line, last = out.splitlines()
    assert (code, last) == (0, "stopped")
    assert json.loads(line)["route"] == "/v1/recommendations"
    assert "canary" not in out + err


def test_ten_megabytes_are_refused_by_their_length_before_they_are_sent(running: Running) -> None:
    running.connection.putrequest("POST", "/v1/webhooks/shopify")
    running.connection.putheader("Content-Length", "10000000")
    running.connection.putheader("Content-Type", "application/json")
    running.connection.endheaders()
    response = running.connection.getresponse()
    assert response.status == 413
    assert json.loads(response.read())["field"] == "body"
    assert SHOPIFY_SECRET.decode() not in str(response.headers)


def test_a_body_that_breaks_off_does_no_harm(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port)) as half:
        half.sendall(b"POST /v1/webhooks/shopify HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    running.connection.request("GET", "/health/live")
    assert running.connection.getresponse().read() == b'{"status":"ok"}'
    code, out, _ = running.stop(signal.SIGTERM)
    assert code == 0
    assert '"status":500' not in out


def test_a_request_that_runs_longer_than_the_port_is_open_is_answered(running: Running) -> None:
    running.connection.request("GET", "/slow")
    assert running.process.stdout and running.process.stdout.readline().strip() == "asked"
    running.process.send_signal(signal.SIGTERM)
    response = running.connection.getresponse()
    assert (response.status, json.loads(response.read())) == (200, {"done": True})
    assert response.headers["Connection"] == "close"
    running.process.communicate(timeout=20)
    assert running.process.returncode == 0
