"""``evaluate identity``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.output import fail, json_option, show, steps

if TYPE_CHECKING:
    from app.evaluation.identity import Found

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("identity")
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE [FILE2]")
@click.option("--truth", required=True, metavar="COLUMN[:REGEX]", help="Column that tells the person; see below.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column not to be used. May be repeated.")
@click.option("--map", "mapped", multiple=True, metavar="FIELD=COLUMN", help="What a column holds. May be repeated.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True, help="Of random pairs.")
@click.option("--no-rival", is_flag=True, help="Leave out Splink's own figure.")
@json_option
def identity(
    files: tuple[Path, ...],
    truth: str,
    drop: tuple[str, ...],
    mapped: tuple[str, ...],
    seed: int,
    no_rival: bool,
    as_json: bool,
) -> None:
    """Which records are one person? Find out without being told, then compare with the truth.

    \b
    FILE is CSV with a header line (.gz too) or .parquet; a row is a record of a person. With FILE2
    the two are linked: only pairs with a record in each are looked at, and counted.

    \b
    --truth names the column that is the same for all records of a person. Where only a part of it
    is, a regular expression with one group takes it out: rec_id:rec-(\\d+). It is hidden from
    matching, and so are columns of --drop and all whose names mean nothing here.

    \b
    Fields, and how columns are called that hold them (case, blanks, dashes do not matter):
      given       given_name, first_name, forename    surname   last_name, family_name
      name        full_name (in place of the two)     born      date_of_birth, dob, birthday
      number      street_number, house_number         street    address, address_1, street_name
      locality    address_2, unit, apartment          city      suburb, town, municipality
      postcode    zip, postal_code                    state     province, county
      phone       telephone, mobile, phone_number     email     e_mail, email_address
      personal_id soc_sec_id, ssn, national_id        loyalty   loyalty_id, card_number
      gender      sex                                 born too  birth_year, birth_month, birth_day
    Any other name: --map FIELD=COLUMN.

    \b
    Prints, from 0 to 1:
      precision recall f1   of pairs of records in the persons found, at the threshold of the
                            highest F1, which only the truth can tell (threshold, in bits)
      bcubed_f1             of records; false_merge_rate: persons found that are several people
      auto_…                the same where records are merged without asking: match probability
                            of at least .999, whatever the truth
      splink_f1             Splink as its guide sets it up, on the same file, at its best threshold

    \b
    Example:
      bespoke evaluate identity people.csv --truth 'rec_id:rec-(\\d+)' --drop soc_sec_id --json
    """
    from adapters.datasets.people import asked_for
    from adapters.datasets.table import MissingPackageError
    from adapters.splink.engine import MissingPackageError as NoSplinkError
    from app.evaluation.identity import evaluate

    if len(files) > 2:
        fail("one file, or two to be linked")
    try:
        with steps() as step:
            found = evaluate(files, asked_for(truth, drop, mapped), step, seed, rival=not no_rival)
    except (ValueError, OSError, MissingPackageError, NoSplinkError) as error:
        fail(str(error))
    show(_plain(found), _words(found), as_json=as_json)


def _plain(found: "Found") -> dict[str, Any]:
    best = {name: round(value, 6) for name, value in found.best._asdict().items()}
    auto = {f"auto_{name}": round(value, 6) for name, value in found.automatic._asdict().items()}
    asked = {f"asked_{name}": round(value, 6) for name, value in found.asked._asdict().items()}
    return {
        **best,
        "threshold": found.threshold,
        **auto,
        "auto_probability": 0.999,
        **asked,
        "incremental_equals_batch": found.same,
        "splink_f1": None if found.splink_f1 is None else round(found.splink_f1, 6),
        "seconds": round(found.seconds, 2),
        "records": found.records,
        "people": found.people,
        "pairs_compared": found.compared,
        "columns": found.columns,
        "model": found.version,
    }


def _words(found: "Found") -> str:
    best, auto = found.best, found.automatic
    theirs = "not measured" if found.splink_f1 is None else f"{found.splink_f1:.4f}"
    same = "the same persons" if found.same else "OTHER persons"
    return "\n".join(
        (
            f"{found.records:,} records of {found.people:,} people, {found.compared:,} pairs compared, "
            f"by {', '.join(f'{f} ({c})' for f, c in found.columns.items())}",
            f"best threshold ({found.threshold:+.1f} bits): F1 {best.f1:.4f}, precision {best.precision:.4f}, "
            f"recall {best.recall:.4f}, B-cubed F1 {best.bcubed_f1:.4f}, false merges {best.false_merge_rate:.2%}",
            f"merged automatically (probability .999): F1 {auto.f1:.4f}, precision {auto.precision:.4f}, "
            f"recall {auto.recall:.4f}, false merges {auto.false_merge_rate:.2%}",
            f"one record at a time gives {same}; Splink's own F1 {theirs}; {found.seconds:.1f} s",
        )
    )
