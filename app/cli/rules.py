"""``rules``: merchandising rules, drafted, tried on a customer, published, taken back."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import click
from msgspec import to_builtins
from pydantic import ValidationError

from app.cli.customers import accounted, identified
from app.cli.output import fail, json_option, show
from app.projecting import process as project
from app.settings import Settings
from app.wiring import Wiring
from commands.merchandising import PublishRules, RollBackRules, RulesCommand, SaveRules, WithdrawRules
from domain.merchandising import RuleSet, read, read_json
from domain.merchandising.problems import told
from queries.merchandising import Book, Change, Merchandising
from queries.moment import read_time
from queries.preview import Did, Line, Preview
from queries.reader import Queries
from queries.recommend.ask import Ask

T = TypeVar("T")
SHORT = 12
NOBODY = "stranger"
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

actor_option = click.option(
    "--actor", default="cli", metavar="ID", help="Who does it, as an id that says nothing to outsiders."
)
expected_option = click.option(
    "--expected", metavar="HASH", help="The draft that was looked at; nothing is done if it has changed."
)


@click.group()
def rules() -> None:
    """Draft, preview, publish and take back merchandising rules."""


@rules.command("list")
@json_option
def list_(as_json: bool) -> None:
    """The rules of the draft and those that are live; * marks what is live as it is in the draft."""
    book = _ask(lambda merchandising, _: merchandising.book())
    show(to_builtins(book), _listed(book), as_json=as_json)


@rules.command("show")
@click.argument("key")
@json_option
def show_(key: str, as_json: bool) -> None:
    """A rule of the draft, or else of what is live, as JSON."""
    book = _ask(lambda merchandising, _: merchandising.book())
    for where, some in (("draft", book.rules), ("live", book.live)):
        for rule in some:
            if rule["key"] == key:
                show({"in": where, "rule": rule}, _json(rule), as_json=as_json)
                return
    fail("there is no rule with this key")


@rules.command()
@click.argument("file", type=FILE)
@json_option
def check(file: Path, as_json: bool) -> None:
    """Say whether the rules in FILE can be saved, and what they name that no item has. Saves nothing."""
    found = _read(file)
    unknown = _ask(lambda merchandising, _: merchandising.unknown(found))
    lines = [f"{len(found.rules)} rules, all well ({found.digest[:SHORT]})", *_unknown(unknown)]
    result = {"rules": len(found.rules), "digest": found.digest, "unknown": [p._asdict() for p in unknown]}
    show(result, "\n".join(lines), as_json=as_json)


@rules.command()
@click.argument("file", type=FILE)
@expected_option
@actor_option
@json_option
def save(file: Path, expected: str | None, actor: str, as_json: bool) -> None:
    """Make the rules in FILE the draft, all of them. Nothing goes live."""
    found = _read(file)
    _told(SaveRules, as_json, "The draft is", actor, rules=found.rules, expected=expected)


@rules.command()
@expected_option
@actor_option
@json_option
def publish(expected: str | None, actor: str, as_json: bool) -> None:
    """The draft goes live in all processes, all of it at once."""
    _told(PublishRules, as_json, "Live is", actor, expected=expected)


@rules.command()
@click.argument("keys", nargs=-1)
@actor_option
@json_option
def withdraw(keys: tuple[str, ...], actor: str, as_json: bool) -> None:
    """Take rules with these KEYS out of what is live, and out of the draft; without KEYS all that are live."""
    _told(WithdrawRules, as_json, "Live is", actor, keys=keys)


@rules.command()
@click.argument("digest", required=False)
@actor_option
@json_option
def rollback(digest: str | None, actor: str, as_json: bool) -> None:
    """Make the set live again that was before, or the one whose hash begins with DIGEST. The draft stays."""
    _told(RollBackRules, as_json, "Live is", actor, to=digest)


@rules.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, help="How many of the latest.")
@json_option
def history(limit: int, as_json: bool) -> None:
    """What was saved, published, withdrawn and rolled back, when and by whom, the last one first."""
    changes = _ask(lambda merchandising, _: merchandising.history(limit))
    words = "\n".join(map(_changed, changes)) or "Nothing yet."
    show({"changes": to_builtins(changes)}, words, as_json=as_json)


@rules.command()
@click.argument("who")
@click.option("--file", type=FILE, help="Rules to try instead of the draft.")
@click.option("--placement", default="home", help="Where the answer is to stand.")
@click.option("--limit", type=click.IntRange(1, 50), default=20, help="How many items.")
@click.option("--item", metavar="SKU", help="The product whose page is shown.")
@click.option("--channel", help="web, mobile, store, email or service.")
@click.option("--store", help="The store that the answer is for.")
@click.option("--device", help="The device that asks.")
@click.option("--at", metavar="TIME", help="The time of the request, ISO 8601 with an offset; now by default.")
@json_option
def preview(who: str, file: Path | None, limit: int, at: str | None, as_json: bool, **where: Any) -> None:
    """Show WHO's answer under the live rules and under the draft, and which rule did what. Records nothing.

    WHO is a person's or stream's id, KIND:VALUE as in loyalty:1042, or the word stranger.
    """
    tried = _read(file) if file else None
    ask = Ask(decision_id=uuid4(), at_ms=_millis(at), limit=limit, **where)

    async def run(merchandising: Merchandising, queries: Queries) -> tuple[UUID | None, Preview | None]:
        stream = await _stream(queries, who)
        return stream, await merchandising.preview(stream, ask, tried)

    with Wiring(Settings()) as wiring:
        wiring.provision()
        stream, found = asyncio.run(_answer(wiring, run))
        if found is not None and stream is not None:
            accounted(wiring, "rules.preview", stream)
    if found is None:
        fail("nobody is known by that")
    show(to_builtins(found), _previewed(found), as_json=as_json)


def _read(file: Path) -> RuleSet:
    return read_json(file.read_bytes())


def _millis(at: str | None) -> int:
    try:
        moment = datetime.now(UTC) if at is None else read_time(at)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from None
    return int(moment.timestamp() * 1000)


async def _stream(queries: Queries, who: str) -> UUID | None:
    if who == NOBODY:
        return None
    identifier = identified(who)
    stream = identifier if isinstance(identifier, UUID) else await queries.find(identifier)
    return stream or fail("nobody is known by that")


def _ask(question: Callable[[Merchandising, Queries], Awaitable[T]]) -> T:
    with Wiring(Settings()) as wiring:
        wiring.provision()
        return asyncio.run(_answer(wiring, question))


async def _answer(wiring: Wiring, question: Callable[[Merchandising, Queries], Awaitable[T]]) -> T:
    reader = wiring.reader()
    try:
        return await question(wiring.merchandising(reader), wiring.queries(reader))
    finally:
        await reader.close()


def _told(kind: type[RulesCommand], as_json: bool, words: str, actor: str, **fields: Any) -> None:
    """Asks the book, and says what is so now."""
    now = datetime.now(UTC)
    given = {"source_id": f"cli:{uuid4()}", "occurred_at": now, "actor": actor, **fields}
    try:
        command = kind(**given)
    except ValidationError as error:
        raise click.BadParameter(str(told(error, given))) from None
    with Wiring(Settings()) as wiring:
        wiring.provision()
        (outcome,) = wiring.bus().dispatch([command])
        if outcome.refused:
            fail(outcome.refused)
        book = asyncio.run(_answer(wiring, lambda merchandising, _: merchandising.book()))
        running = project.is_running(wiring)
    digest = book.digest if kind is SaveRules else book.live_digest
    lines = [f"{words} {digest[:SHORT] or 'without rules'}" + " already" * (not outcome.events)]
    if kind is not SaveRules and not running:
        lines.append("No projector is running: it counts once one is. Start it: bespoke project --follow")
    result = {"recorded": outcome.events, "digest": book.digest, "live_digest": book.live_digest, "projector": running}
    show(result, "\n".join(lines), as_json=as_json)


def _unknown(unknown: Sequence[Any]) -> list[str]:
    return [f"  {problem.field}: {problem.reason}" for problem in unknown]


def _listed(book: Book) -> str:
    live = {rule["key"]: rule for rule in book.live}
    drafted = {rule["key"]: rule for rule in book.rules}
    lines = [f"draft {book.digest[:SHORT] or 'empty'}, live {book.live_digest[:SHORT] or 'nothing'}"]
    for rule in read(list({**live, **drafted}.values())).rules:
        here, there = drafted.get(rule.key), live.get(rule.key)
        mark = "*" if here == there else "+" if there is None else "-" if here is None else "~"
        lines.append(f"{mark} {rule.key:<30} {rule.priority:>5}  {rule.then.kind:<7} {rule.title or ''}".rstrip())
    return "\n".join([*lines, "* live, + new in the draft, ~ changed in the draft, - live and not in the draft"])


def _changed(change: Change) -> str:
    when = datetime.fromtimestamp(change.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    keys = f"  {', '.join(change.keys)}" if change.keys else ""
    return f"{when}  {change.does:<12} {change.digest[:SHORT] or '-':<12} {change.rules:>3} rules  {change.actor}{keys}"


def _previewed(found: Preview) -> str:
    lines = [f"{found.placement}: live {found.live[:SHORT] or 'nothing'}, tried {found.draft[:SHORT] or 'nothing'}"]
    lines += [_line(line) for line in found.after]
    lines += [f"{'gone':>4}  {_line(line)[6:]}" for line in found.gone]
    if found.idle:
        lines.append(f"did nothing here: {', '.join(found.idle)}")
    return "\n".join(lines)


def _line(line: Line) -> str:
    was = "new" if line.before is None else "same" if line.before == line.after else f"was {line.before}"
    did = "; ".join(map(_did, line.rules))
    return f"{line.after or '':>4}  {was:<7} {line.sku:<16} {line.title or '':<32} {did}".rstrip()


def _did(did: Did) -> str:
    return f"{did.rule}: {did.does}" + ("" if did.amount is None else f" {did.amount:g}")


def _json(rule: dict[str, Any]) -> str:
    return json.dumps(rule, indent=2, ensure_ascii=False)
