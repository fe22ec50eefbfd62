"""The record of processing (Art. 30 GDPR): what each personal field is for, on which basis, and how long the settings
keep it. As Markdown, for people; as rows, for machines."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.keeping.periods import months_kept
from app.settings import Settings
from domain.customer import Customer
from domain.event import Event, Retention, Visibility, uses_of, visibility
from domain.experiment import Experiment
from domain.merchandising.rulebook import RuleBook
from domain.privacy import ErasureRequest
from domain.processing import Uses
from domain.product import Product

AGGREGATES: tuple[type, ...] = (Customer, Product, Experiment, RuleBook, ErasureRequest)
#: What each class of retention holds.
HOLDS = {
    Retention.BEHAVIOUR: "what somebody did",
    Retention.IDENTITY: "who somebody is",
    Retention.TRANSACTION: "orders and returns",
    Retention.CONSENT: "proof of what was agreed to and asked for",
}
#: The settings that say how long.
KEPT = tuple(name for name in Settings.model_fields if name.startswith("keep_"))
FIELDS = ("event", "field", "data", "basis", "retention", "kept as", "kept for")
LEDGER = "for good, as the books"


def record_of_processing(settings: Settings, note: str = "") -> str:
    """Markdown. ``note``: said of the periods."""
    return "\n".join(
        [
            "# Record of processing\n",
            "What personal data the log holds, field by field: what for, on which basis in law, for how long (Art. 30",
            "GDPR). Each event class says so itself under `USES`",
            "([domain/processing.py](../domain/processing.py) has the uses); a field that does not say it fails the",
            "build. All else that holds personal data (Redis, records in PostgreSQL, receipts, training sets, models)",
            "is made from these events and is deleted or made anew with them.\n",
            "- **Data subjects**: customers and visitors of the shop, in every channel. Of nobody known to be under 16",
            "  a profile is made.",
            "- **Recipients**: none outside the shop. Nothing is sold or shared; the engine sends nothing to others.",
            "- **Transfers to third countries**: none by the engine. Where its servers stand is the operator's choice.",
            "- **Security**: fields marked *encrypted* are sealed, one by one, with a key of the person and one of the",
            "  month ([encryption.md](encryption.md)); readings of records are audited ([access.md](access.md)).",
            "- **For how long**: by [retention class](#retention). Fields marked *ledger* stay as long as law wants",
            "  the books kept, also after erasure, and then name nobody.",
            "- **The person's say**: purposes that somebody may refuse or withdraw ([consent.md](consent.md)); a dash",
            "  where law or contract leaves no choice.\n",
            "## Uses\n",
            table(("data", "what for", "basis (Art. 6(1))", "purposes that can be refused"), map(_use, Uses)),
            "",
            "## Retention\n",
            "In whole months by when a fact happened, the present month not counted ([retention.md](retention.md)).",
            note,
            table(("class", "holds", "kept for", "setting", "events"), retention_rows(settings)),
            "",
            "## Fields\n",
            table(FIELDS, field_rows(settings)),
            "",
        ]
    )


def retention_rows(settings: Settings) -> Iterator[Sequence[str]]:
    """Class, what it holds, how long that is kept, by which setting, how many events are of it."""
    events = [*personal_events()]
    for kind, holds in HOLDS.items():
        setting = f"`BESPOKE_KEEP_{kind.name}_MONTHS`"
        count = str(sum(cls.RETENTION is kind for cls in events))
        yield f"`{kind.name}`", holds, _months(settings, kind), setting, count
    away = f"{settings.keep_anonymous_months} months without an event"
    yield "anonymous visitors", "all of theirs", away, "`BESPOKE_KEEP_ANONYMOUS_MONTHS`", "—"
    days = f"{settings.keep_receipts_days} days"
    yield "receipts", "what was recommended, and why", days, "`BESPOKE_KEEP_RECEIPTS_DAYS`", "—"


def field_rows(settings: Settings) -> Iterator[Sequence[str]]:
    """As ``FIELDS`` names them."""
    for cls in personal_events():
        known, topic = uses_of(cls), str(cls.TOPIC)  # type: ignore[attr-defined]
        for name, field in cls.model_fields.items():
            mark = visibility(field)
            if mark is not None:
                use, ledger = known[name].value, mark is Visibility.LEDGER
                basis, form = use.basis.value.replace("_", " "), "ledger" if ledger else "encrypted"
                kept = LEDGER if ledger else _months(settings, cls.RETENTION)
                yield code(topic), code(name), use.category, basis, cls.RETENTION.name, form, kept


def as_data(settings: Settings) -> dict[str, Any]:
    """The same for machines."""

    def plain(rows: Iterable[Sequence[str]], names: Sequence[str]) -> list[dict[str, str]]:
        return [{name: cell.strip("`") for name, cell in zip(names, row, strict=True)} for row in rows]

    return {
        "uses": plain(map(_use, Uses), ("data", "why", "basis", "refusable")),
        "retention": plain(retention_rows(settings), ("class", "holds", "kept_for", "setting", "events")),
        "fields": plain(field_rows(settings), [name.replace(" ", "_") for name in FIELDS]),
    }


def personal_events() -> Iterator[type[Event]]:
    """The event classes that are about somebody."""
    for aggregate in AGGREGATES:
        for cls in aggregate.__dict__.values():
            named = inspect.isclass(cls) and issubclass(cls, Event) and hasattr(cls, "TOPIC")
            if named and cls.RETENTION is not Retention.PUBLIC:
                yield cls


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def code(text: str) -> str:
    """Text as code, or nothing."""
    return f"`{text}`" if text else ""


def _months(settings: Settings, kind: Retention) -> str:
    return f"{months_kept(settings)[kind]} months"


def _use(use: Uses) -> tuple[str, ...]:
    of = use.value
    basis, purposes = of.basis.value.replace("_", " "), ", ".join(purpose.value for purpose in of.purposes)
    return of.category, of.why, basis, purposes or "—"
