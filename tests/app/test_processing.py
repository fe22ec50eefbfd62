"""The record of processing says how long this installation keeps what."""

import json
from typing import Any

from click.testing import CliRunner

from app.cli import bespoke
from app.keeping.periods import months_kept
from app.rights.processing import as_data, personal_events, record_of_processing
from app.settings import Settings
from domain.event import Visibility, visibility

KEPT: dict[str, Any] = {
    "keep_behaviour_months": 7,
    "keep_identity_months": 11,
    "keep_anonymous_months": 17,
    "keep_transaction_months": 130,
    "keep_consent_months": 33,
    "keep_receipts_days": 99,
}


def test_every_personal_field_has_the_period_of_its_class(settings: Settings) -> None:
    own = settings.model_copy(update=KEPT)
    found = {(each["event"], each["field"]): each for each in as_data(own)["fields"]}
    months = months_kept(own)
    looked = 0
    for cls in personal_events():
        for name, field in cls.model_fields.items():
            if (mark := visibility(field)) is None:
                continue
            told, looked = found[cls.TOPIC, name], looked + 1  # type: ignore[attr-defined]
            period = "for good, as the books" if mark is Visibility.LEDGER else f"{months[cls.RETENTION]} months"
            assert (told["retention"], told["kept_for"]) == (cls.RETENTION.name, period)
    assert looked == len(found) > 100


def test_classes_are_told_with_what_expiry_does(settings: Settings) -> None:
    own = settings.model_copy(update=KEPT)
    told = {each["class"]: each["kept_for"] for each in as_data(own)["retention"]}
    assert told == {
        "BEHAVIOUR": "7 months",
        "IDENTITY": "17 months",  # never shorter than that of visitors, who are known by it
        "TRANSACTION": "130 months",
        "CONSENT": "33 months",
        "anonymous visitors": "17 months without an event",
        "receipts": "99 days",
    }
    assert "| `BEHAVIOUR` | what somebody did | 7 months |" in record_of_processing(own)


def test_the_command_prints_it_with_the_settings_that_count() -> None:
    run = CliRunner().invoke(bespoke, ["privacy", "record", "--json"], env={"BESPOKE_KEEP_CONSENT_MONTHS": "41"})
    (consent,) = (each for each in json.loads(run.stdout)["retention"] if each["class"] == "CONSENT")
    assert (consent["kept_for"], consent["setting"]) == ("41 months", "BESPOKE_KEEP_CONSENT_MONTHS")
    words = CliRunner().invoke(bespoke, ["privacy", "record"], env={"BESPOKE_KEEP_CONSENT_MONTHS": "41"})
    assert words.stdout.startswith("# Record of processing") and "| 41 months |" in words.stdout
