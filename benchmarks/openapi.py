"""Made-up requests, good and bad ones, to every route of the OpenAPI description, against the real web process and its
servers: ``make bench-openapi``. No answer may be a 5xx, or have a status, content type, header or shape that is not
described.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from app.children import Children
from app.projecting import folding
from app.settings import Settings
from app.wiring import Wiring
from benchmarks.freshness import free_port
from benchmarks.where import where
from domain.identity import Identifier, IdentifierKind

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
#: About so many share the cases of a run.
OPERATIONS = 20
WORKERS, MOST_RUNS, SHOWN = 2, 20, 3
#: So that no key is over its limit, which would hide all other answers.
RATE = {"rate_per_s": 500_000, "rate_burst": 1_000_000}
VISITOR = "5f0c6f4e-7a7b-4b0e-9d43-0d6d3f5b8a11"


def main() -> None:
    """Prints the figures; exit code 1 where anything was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="bespoke-bench-") as folder:
        settings = Settings(var=Path(folder), port=free_port(), postgres_url=None, redis_url=None, **RATE)
        with Wiring(settings) as wiring, Children(settings) as children:
            wiring.provision()
            folding.start_generation(wiring)
            children.start("project", "--follow")
            children.start("serve")
            found = attacked(wiring, given.cases, given.seed, Path(folder))
    print(json.dumps(found | where()))
    sys.exit(1 if found["found"] else 0)


#: What schemathesis itself could not finish, such as a request that a busy machine had no time for.
UNFINISHED = ""


def attacked(wiring: Wiring, cases: int, seed: int, folder: Path) -> dict[str, Any]:
    """At least so many cases against the web process of these settings. Every other run asks for a person and a
    decision that there are."""
    url = f"http://{wiring.settings.host}:{wiring.settings.port}"
    key = wiring.settings.generated_keys()["server"]
    known = _known(wiring, url, key)
    statuses: Counter[int] = Counter()
    found, unfinished = list[str](), list[str]()
    kinds: Counter[str] = Counter()
    routes: Counter[str] = Counter()
    runs, began = 0, time.perf_counter()
    while statuses.total() < cases and runs < MOST_RUNS:
        parameters = "".join(f'{name} = "{value}"\n' for name, value in known.items()) if runs % 2 else ""
        (folder / "schemathesis.toml").write_text(f"[parameters]\n{parameters}" if parameters else "")
        for route, status, failures in _run(url, key, cases - statuses.total(), seed + runs, folder):
            if route == UNFINISHED:
                unfinished += failures
                continue
            statuses[status] += 1
            routes[route] += 1
            found += failures
            kinds.update(failure.partition("{")[0] for failure in failures)
        runs += 1
    return {
        "cases": statuses.total(),
        "routes": len(routes),
        "found": len(found),
        "unfinished": unfinished,
        "server_errors": sum(count for status, count in statuses.items() if status >= 500),
        "statuses": dict(sorted(statuses.items())),
        "kinds": dict(kinds),
        "first": found[:SHOWN],
        "seconds": round(time.perf_counter() - began, 1),
        "seed": seed,
    }


def _run(url: str, key: str, cases: int, seed: int, folder: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Route, status and what is wrong of each answer."""
    report = folder / f"openapi-{seed}.ndjson"
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/schema/openapi.json"),
        *("--header", f"Authorization: Bearer {key}", "--header", f"X-API-Key: {key}"),
        *("--checks", ",".join(CHECKS), "--phases", "coverage,fuzzing"),
        *("--max-examples", str(max(1, min(500, cases // OPERATIONS))), "--seed", str(seed)),
        *("--workers", str(WORKERS), "--continue-on-failure", "--no-shrink", "--suppress-health-check", "all"),
        *("--request-timeout", "20", "--report", "ndjson", "--report-ndjson-path", str(report)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode not in (0, 1) or not report.is_file():
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    for line in report.read_text().splitlines():
        event = json.loads(line)
        if "ScenarioFinished" in event:
            yield from _answers(event["ScenarioFinished"]["recorder"])
        elif "NonFatalError" in event:
            yield UNFINISHED, 0, [json.dumps(event)[:500]]


def _answers(recorder: dict[str, Any]) -> Iterator[tuple[str, int, list[str]]]:
    for case, interaction in recorder.get("interactions", {}).items():
        failed = [check for check in recorder.get("checks", {}).get(case, ()) if check["status"] != "success"]
        status = (interaction["response"] or {}).get("status_code", 0)
        told = [f"{recorder['label']}: {status}: {check['name']}: {json.dumps(check)[:500]}" for check in failed]
        yield recorder["label"], status, told if status else [*told, f"{recorder['label']}: no answer"]


def _known(wiring: Wiring, url: str, key: str) -> dict[str, str]:
    """The ids of a person and of a decision for them."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    event = {"event": "Product Viewed", "anonymousId": VISITOR, "messageId": "m", "properties": {"sku": "sku-1"}}

    def call(path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=20) as answer:
            return json.loads(answer.read())

    _patiently(lambda: call("/v1/track", event))
    person = wiring.directory.find(Identifier(kind=IdentifierKind.ANONYMOUS, value=VISITOR))
    _patiently(lambda: call(f"/v1/customers/{person}"))
    decision = UUID(call(f"/v1/recommendations?person_id={person}")["decision_id"])
    _patiently(lambda: call(f"/v1/decisions/{decision}"))
    return {"person_id": str(person), "decision_id": str(decision)}


def _patiently(ask: Any, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            ask()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    main()
