"""``decision`` and ``receipts``: answers of before, found, made again, explained."""

import asyncio
import signal
import threading
import time
from collections import Counter
from typing import Any, NoReturn
from uuid import UUID

import click
import msgspec

from app.cli.customers import accounted
from app.cli.output import bar, fail, json_option, show
from app.settings import Settings
from app.starting import started
from app.wiring import Wiring
from queries.decisions import FIRST, LAST, Gone, told
from queries.recommend.decide import EVERYTHING, Without
from queries.recommend.decision import Decision

MOST = 1_000_000
DAY_S = 86_400


@click.group()
def decision() -> None:
    """Look at answers that were given, make them again, and ask why."""


@decision.command("show")
@click.argument("decision_id", type=click.UUID)
@json_option
def show_(decision_id: UUID, as_json: bool) -> None:
    """Show what was answered, to whom, and of what it was made."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        found = told(_found(wiring, decision_id))
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    who = found.person_id or "a stranger"
    click.echo(f"{found.placement} for {who}, served {found.served}, at {found.at_ms}")
    for item in found.items:
        because = f" ({item.because})" if item.because else ""
        click.echo(f"{item.slot:>3}. {item.sku:<20} {item.score:.6g}  {item.source}: {item.reason}{because}")


@decision.command("list")
@click.option("--person", type=click.UUID, required=True, help="Any stream's id of the person.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20)
@click.option("--before", type=click.UUID, default=LAST, help="Those given before this one: the last of a page.")
@json_option
def list_(person: UUID, limit: int, before: UUID, as_json: bool) -> None:
    """List a person's latest answers."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        streams = asyncio.run(_streams(wiring, person))
        found = [one for _, one in wiring.receipts.between(streams, FIRST, before, limit, oldest=False)]
        if found:
            accounted(wiring, "decision.list", person)
    readable = [told(one) for one in found if not isinstance(one, Gone)]
    if as_json:
        click.echo(msgspec.json.encode({"decisions": readable, "gone": len(found) - len(readable)}).decode())
        return
    for one in readable:
        click.echo(f"{one.decision_id}  {one.placement:<18} {', '.join(item.sku for item in one.items[:5])}")


@decision.command()
@click.argument("decision_id", type=click.UUID, required=False)
@click.option("--all", "everything", is_flag=True, help="All that are kept.")
@click.option("--days", type=click.IntRange(1, 400), help="Those of the last days.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100_000, show_default=True)
@json_option
def replay(decision_id: UUID | None, everything: bool, days: int | None, limit: int, as_json: bool) -> None:
    """Make answers again from the log and what is kept, and compare them with their receipts to the byte."""
    from app.replay.replaying import Replayer, Verdict, present

    if (decision_id is not None) + everything + (days is not None) != 1:
        fail("name one decision, or give --all or --days")
    with Wiring(Settings()) as wiring:
        wiring.provision()
        if decision_id is not None:
            decisions, gone = [_found(wiring, decision_id)], 0
        else:
            since = 0 if days is None else int(time.time()) // DAY_S - days
            found = [one for _, one in wiring.receipts.since(since, limit)]
            decisions = present(found)
            gone = len(found) - len(decisions)
        verdicts: Counter[str] = Counter({Verdict.ERASED.value: gone} if gone else {})
        differing: list[str] = []
        began = time.perf_counter()
        with bar("replaying", len(decisions)) as advance:
            for again in Replayer(wiring).replay(decisions):
                verdicts[again.verdict.value] += 1
                if again.verdict in (Verdict.DIFFERS, Verdict.UNKNOWN):
                    differing.append(str(again.decision.decision_id))
                advance(1)
        rate = round(len(decisions) / max(time.perf_counter() - began, 1e-9), 1)
    result = {"decisions": len(decisions), **verdicts, "replays_per_s": rate, "differing": differing[:20]}
    words = ", ".join(f"{count:,} {verdict}" for verdict, count in verdicts.items()) or "no decisions"
    show(result, f"{words}; {rate:,.0f} a second", as_json=as_json)
    if differing:
        raise SystemExit(1)


@decision.command()
@click.argument("decision_id", type=click.UUID)
@click.option("--item", required=True, help="The SKU that is asked about.")
@click.option("--without", "left_out", metavar="WHAT", help="rule:KEY, model:NAME, arm:EXPERIMENT or event:STREAM:N.")
@json_option
def why(decision_id: UUID, item: str, left_out: str | None, as_json: bool) -> None:
    """Say why an item stood where it stood, or did not stand there: what each step made of it. With --without, where
    it would have stood."""
    from app.replay.replaying import Replayer
    from queries.recommend.trace import Trace

    with Wiring(Settings()) as wiring:
        wiring.provision()
        receipt, replayer, trace = _found(wiring, decision_id), Replayer(wiring), Trace()
        row = replayer.row_of(receipt, item)
        if row is None:
            fail("there was no such item")
        made = replayer.made(receipt, trace=trace)
        other = replayer.made(receipt, **_left_out(left_out)) if left_out else None
    steps = [{"step": s, "value": v, "rank": r, "note": n} for s, v, r, n in trace.of(row)]
    said = [{"step": step, "says": words} for step, words in trace.said.get(row, [])]
    result: dict[str, Any] = {"item": item, "slot": _slot(made, item), "steps": steps, "said": said}
    if other is not None:
        result |= {"without": left_out, "slot_without": _slot(other, item)}
        result["list_without"] = [one.sku for one in other.items]
    show(result, _in_words(result), as_json=as_json)


@decision.command()
@click.argument("first", type=click.UUID)
@click.argument("second", type=click.UUID)
@json_option
def diff(first: UUID, second: UUID, as_json: bool) -> None:
    """Compare two answers: what moved, and what they were made of differently."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        one, other = (_found(wiring, each) for each in (first, second))
    skus = list(dict.fromkeys(item.sku for d in (one, other) for item in d.items))
    moved = [{"sku": sku, "first": _slot(one, sku), "second": _slot(other, sku)} for sku in skus]
    moved = [each for each in moved if each["first"] != each["second"]]
    sides = [msgspec.to_builtins(told(d)) for d in (one, other)]
    names = [name for name in sides[0] if name not in ("items", "decision_id") and sides[0][name] != sides[1][name]]
    differs = {name: [side[name] for side in sides] for name in names}
    lines = [f"{each['sku']:<20} {each['first'] or '-':>3} → {each['second'] or '-'}" for each in moved]
    show({"moved": moved, "differs": differs}, "\n".join([*lines, *differs]) or "the same", as_json=as_json)


@click.group()
def receipts() -> None:
    """Look after the receipts of answers."""


@receipts.command()
@json_option
def status(as_json: bool) -> None:
    """Say how many there are, and how much waits on this machine."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        counted = wiring.receipts.counts()
        waiting = wiring.spool().unstored_bytes()
    result = {"receipts": counted.receipts, "erased": counted.erased, "waiting_bytes": waiting}
    show(result, f"{counted.receipts:,} receipts; {waiting:,} bytes of others wait here", as_json=as_json)


@receipts.command()
@click.option("--follow", is_flag=True, help="Go on until stopped; no web process of this machine does it meanwhile.")
@json_option
def drain(follow: bool, as_json: bool) -> None:
    """Store what waits on this machine in PostgreSQL."""
    if follow:
        return _follow()
    with Wiring(Settings()) as wiring:
        wiring.provision()
        moved = wiring.mover().move()
    show({"stored": moved}, f"{moved:,} receipts stored", as_json=as_json)


@receipts.command()
@click.option("--days", type=click.IntRange(1, 4000), default=400, show_default=True, help="How long they are kept.")
@json_option
def expire(days: int, as_json: bool) -> None:
    """Delete receipts that are older, and the statistics that only they were made of."""
    with Wiring(Settings()) as wiring:
        wiring.provision()
        gone = wiring.receipts.expire(int(time.time()) // DAY_S - days)
        wiring.kept_generations.prune(days)
    show({"deleted": gone}, f"{gone:,} receipts deleted", as_json=as_json)


def _follow() -> None:
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with started(Settings()) as wiring:
        wiring.mover().follow_for_all(stop)


async def _streams(wiring: Wiring, person: UUID) -> list[UUID]:
    """All streams of a person: an answer was given under the id that the person had then."""
    reader = wiring.reader()
    try:
        known, _ = await reader.person(person, patient=True)
        return list(dict.fromkeys((person, *known.streams)))
    finally:
        await reader.close()


def _found(wiring: Wiring, decision_id: UUID) -> Decision:
    found = wiring.receipts.find(decision_id)
    if found is None:
        fail("there is no such decision; it may wait on the machine that answered: bespoke receipts drain")
    if isinstance(found, Gone):
        fail("the person of this decision was erased, or its key has expired")
    if found.person_id is not None:
        accounted(wiring, "decision", found.person_id)
    return found


def _left_out(what: str) -> dict[str, Any]:
    kind, _, name = what.partition(":")
    match kind:
        case "rule" if name:
            return {"without": Without(rule=name)}
        case "model" if name == "exploration":
            return {"without": Without(exploration=True)}
        case "model" if name:
            return {"without": Without(model=name)}
        case "arm" if name:
            return {"without": EVERYTHING, "without_arm": name}
        case "event":
            return {"without_event": _event(name)}
    _refuse()


def _event(name: str) -> tuple[UUID, int]:
    stream, _, version = name.rpartition(":")
    try:
        return UUID(stream), int(version)
    except ValueError:
        _refuse()


def _refuse() -> NoReturn:
    fail("--without: must be rule:KEY, model:NAME, arm:EXPERIMENT or event:STREAM:N")


def _slot(decision: Decision, sku: str) -> int | None:
    return next((slot for slot, item in enumerate(decision.items, 1) if item.sku == sku), None)


def _in_words(result: dict[str, Any]) -> str:
    slot = result["slot"]
    lines = [f"{result['item']} stood at {slot}" if slot else f"{result['item']} was not shown"]
    lines += [f"  {step['step']:<20} {step['value']:.6g}, rank {step['rank']}" for step in result["steps"]]
    lines += [f"  {said['step']}: {said['says']}" for said in result["said"]]
    if not result["steps"]:
        lines.append("  no source found it, or it could not be sold")
    if "without" in result:
        lines.append(f"without {result['without']}: {result['slot_without'] or 'not shown'}")
    return "\n".join(lines)
