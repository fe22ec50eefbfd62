"""Writes docs/events.md, docs/read-models.md and docs/record-of-processing.md from the code.

``python docs/generate.py`` writes them; with ``--check`` it only says whether they are up to date (exit code 1 if not).
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

import msgspec  # noqa: E402
from pydantic import BaseModel  # noqa: E402

from app.rights.processing import KEPT, code, record_of_processing, table  # noqa: E402
from app.settings import Settings  # noqa: E402
from domain import customer, experiment, identity, privacy, product, values  # noqa: E402
from domain.event import Event, Visibility, visibility  # noqa: E402
from domain.merchandising import actions, conditions, rulebook  # noqa: E402
from domain.merchandising import rules as ruleset  # noqa: E402
from domain.merchandising import values as rule_values  # noqa: E402
from readmodels import catalogue, keys, statistics  # noqa: E402
from readmodels import customer as records  # noqa: E402
from readmodels import merchandising as live_rules  # noqa: E402

GENERATED = "<!-- Written by docs/generate.py from the code. Change the code, then run: python docs/generate.py -->\n"
AGGREGATES = ((customer, customer.Customer), (product, product.Product), (experiment, experiment.Experiment))
AGGREGATES += ((rulebook, rulebook.RuleBook), (privacy, privacy.ErasureRequest))
KEY = re.compile(r"(?P<type>[A-Z]+) (?P<value>.+?)\. Writer: (?P<writer>.+?)\. (?P<expiry>.+)\.", re.DOTALL)
WORDS = {Visibility.LEDGER: "Ledger", Visibility.OPEN: "Open", Visibility.SEALED: "Sealed"}


class UndocumentedError(Exception):
    """Something in the code has no description of the form that these pages need."""


def words(thing: Any) -> str:
    """A docstring on one line, as Markdown."""
    return " ".join((thing.__dict__.get("__doc__") or "").split()).replace("``", "`")


def annotations(module: ModuleType) -> dict[str, dict[str, ast.AnnAssign]]:
    """Qualified class name → field → its declaration in the source."""
    found: dict[str, dict[str, ast.AnnAssign]] = {}

    def walk(body: Sequence[ast.stmt], outer: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                fields = {
                    part.target.id: part
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                }
                found[f"{outer}{node.name}"] = fields
                walk(node.body, f"{outer}{node.name}.")

    walk(ast.parse(inspect.getsource(module)).body, "")
    return found


def declared(node: ast.AnnAssign) -> tuple[str, str]:
    """Type and default of a field as they are written, without the visibility around the type."""
    kind = node.annotation
    if isinstance(kind, ast.Subscript) and isinstance(kind.value, ast.Name) and kind.value.id in WORDS.values():
        kind = kind.slice
    return ast.unparse(kind), ast.unparse(node.value) if node.value else ""


def events_page() -> str:
    """docs/events.md."""
    return "\n".join(
        [
            GENERATED,
            "# Events\n",
            "Every event class that the log can hold. How they are stored: [encryption.md](encryption.md).\n",
            "- **Ledger** fields stay readable for ever, also after a person's key is destroyed. **Open** fields are",
            "  about nobody. **Sealed** fields are encrypted. A field or class that declares nothing does not import.",
            "- The retention class decides which period key an event is encrypted with. `PUBLIC` events are in clear.",
            "- Every event also has, in clear: stream id, version in the stream, topic, and the time it was recorded.",
            "- Types that are not Python's own are listed [at the end](#value-types).\n",
            *(part for module, aggregate in AGGREGATES for part in _aggregate(module, aggregate)),
            "## Value types\n",
            table(("type", "declared as"), [(code(name), code(text)) for name, text in _aliases()]),
            "",
            *_values(),
        ]
    )


def _aggregate(module: ModuleType, aggregate: type) -> Iterator[str]:
    source = annotations(module)
    yield f"## {aggregate.__name__}\n"
    yield f"{words(aggregate)}\n"
    for cls in aggregate.__dict__.values():
        if inspect.isclass(cls) and issubclass(cls, Event) and hasattr(cls, "TOPIC"):
            yield from _event(cls, source)


def _event(cls: type[Event], source: dict[str, dict[str, ast.AnnAssign]]) -> Iterator[str]:
    written = next(c for c in cls.__mro__ if "TOPIC" in c.__dict__)  # the library derives classes from some
    yield f"### `{written.__dict__['TOPIC']}`\n"
    if words(written):
        yield f"{words(written)}\n"
    yield f"Version {cls.class_version}, retention `{cls.RETENTION.name}`.\n"
    yield table(("field", "type", "visibility", "default"), _fields(cls, source))
    yield ""


def _fields(cls: type[Event], source: dict[str, dict[str, ast.AnnAssign]]) -> Iterator[tuple[str, ...]]:
    for name, field in cls.model_fields.items():
        mark = visibility(field)
        if mark is not None:
            node = next(source[c.__qualname__][name] for c in cls.__mro__ if name in source.get(c.__qualname__, {}))
            kind, default = declared(node)
            yield code(name), code(kind), WORDS[mark], code(default)


def _aliases() -> Iterator[tuple[str, str]]:
    for module in (values, product, rule_values, conditions, actions, ruleset, rulebook):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Annotated"):
                yield ast.unparse(node.targets[0]), ast.unparse(node.value)


def _values() -> Iterator[str]:
    for module in (values, identity, experiment, ruleset, conditions, actions):
        source = annotations(module)
        for name, cls in vars(module).items():
            if not inspect.isclass(cls) or cls.__module__ != module.__name__:
                continue
            if issubclass(cls, StrEnum):
                yield f"`{name}`: {words(cls)} " + ", ".join(code(member.value) for member in cls) + ".\n"
            elif issubclass(cls, BaseModel) and cls.model_fields and not issubclass(cls, Event):
                yield f"### {name}\n\n{words(cls)}\n"
                rows = ((code(field), *map(code, declared(node))) for field, node in source[name].items())
                yield table(("field", "type", "default"), (row for row in rows if row[0] != "`model_config`"))
                yield ""


def read_models_page() -> str:
    """docs/read-models.md."""
    return "\n".join(
        [
            GENERATED,
            "# Read models\n",
            "Every key that Bespoke writes to Redis, from [readmodels/keys.py](../readmodels/keys.py), and the records",
            "in them. How they are written: [projections.md](projections.md).\n",
            "`<namespace>` is `BESPOKE_NAMESPACE`; `<generation>` is a number that a rebuild raises. Braces are part",
            "of the key: they hold what a Redis Cluster hashes.\n",
            "## Keys\n",
            table(("key", "type", "value", "writer", "expiry"), _keys()),
            "",
            "## Records\n",
            "Records are MessagePack, written by [msgspec](https://jcristharif.com/msgspec/). All but `Product`",
            "are arrays: fields have no names there, and stand in the order given here. A stored",
            "`CustomerRecord`, `ProductRecord` or `PublishedRules` is preceded by its version, 4 bytes, big endian,",
            "which the compare-and-set in the server reads. `Product` is not stored; queries make it from product",
            "records.\n",
            *(part for module in (records, catalogue, live_rules, statistics) for part in _records(module)),
        ]
    )


def _keys() -> Iterator[tuple[str, ...]]:
    for node in ast.walk(ast.parse(inspect.getsource(keys))):
        if isinstance(node, ast.FunctionDef):
            found = KEY.fullmatch(" ".join((ast.get_docstring(node) or "").split()))
            if found is None:
                raise UndocumentedError(f"readmodels.keys.{node.name}: TYPE value. Writer: who. Expiry.")
            value, writer = found["value"].replace("``", "`"), found["writer"]
            yield code(_pattern(node)), found["type"], value, writer, found["expiry"]


def _pattern(function: ast.FunctionDef) -> str:
    """The key as text, with ``<name>`` for what is filled in."""
    made = next(node.value for node in ast.walk(function) if isinstance(node, ast.Return))
    if not isinstance(made, ast.JoinedStr):
        raise UndocumentedError(f"readmodels.keys.{function.name} does not return a formatted text")
    return "".join(map(_part, made.values))


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.FormattedValue):
        return f"<{ast.unparse(part.value).removeprefix('self.')}>"
    return str(part.value) if isinstance(part, ast.Constant) else ""


def _records(module: ModuleType) -> Iterator[str]:
    source = annotations(module)
    for name, cls in vars(module).items():
        own = inspect.isclass(cls) and cls.__module__ == module.__name__
        if own and issubclass(cls, msgspec.Struct):
            yield f"### {name}\n\n{words(cls)}\n"
            rows = ((code(field), *map(code, declared(node))) for field, node in source[name].items())
            yield table(("field", "type", "default"), rows)
            yield ""


def processing_page() -> str:
    """docs/record-of-processing.md: with the periods that count where nothing is set."""
    kept = Settings.model_construct(**{name: Settings.model_fields[name].default for name in KEPT})
    shown = (
        "The periods here are the defaults. `bespoke privacy record` prints this page with those of an installation.\n"
    )
    return f"{GENERATED}\n{record_of_processing(kept, shown)}"


def pages() -> dict[Path, str]:
    """Each generated file and what it should hold."""
    return {
        DOCS / "events.md": events_page(),
        DOCS / "read-models.md": read_models_page(),
        DOCS / "record-of-processing.md": processing_page(),
    }


def main(arguments: Sequence[str]) -> int:
    """Exit code: 1 if ``--check`` finds a page that differs."""
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        if "--check" in arguments:
            print(f"{path.name} is not up to date. Run: python docs/generate.py")
        else:
            path.write_text(text)
            print(f"{path.name} written")
    return int("--check" in arguments and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
