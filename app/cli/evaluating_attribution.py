"""``evaluate attribution``."""

from pathlib import Path
from time import perf_counter
from typing import Any

import click
from click.core import ParameterSource

from adapters.datasets.paths import Columns
from app.cli.output import bar, fail, json_option, show
from app.evaluation.attribution import Found, evaluate
from projections.attribution.models import MODELS, ORDERS, Credited, Options
from projections.attribution.paths import MILLION

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("attribution")
@click.argument("file", type=FILE)
@click.option("--models", "names", default="all", show_default=True, metavar="NAME,…", help="Some, or all.")
@click.option("--path", "path_", metavar="COL", default="path", show_default=True)
@click.option("--conversions", metavar="COL", default="total_conversions", show_default=True)
@click.option("--value", metavar="COL", default="total_conversion_value", show_default=True, help='"": no such column.')
@click.option("--nulls", metavar="COL", default="total_null", show_default=True, help='"": no such column.')
@click.option("--separator", default=">", show_default=True, help="Between the channels of a path.")
@click.option("--direct", default="direct", show_default=True, help="The channel that last-non-direct passes over.")
@click.option(
    "--half-life", type=click.IntRange(1, 10_000), default=7, show_default=True, help="Of time-decay, in touches."
)
@click.option("--seed", type=click.IntRange(0, 2**31), default=Options().seed, show_default=True, help="Of sampling.")
@json_option
def attribution(
    file: Path,
    names: str,
    path_: str,
    conversions: str,
    value: str,
    nulls: str,
    separator: str,
    direct: str,
    half_life: int,
    seed: int,
    as_json: bool,
) -> None:
    """Which channels conversions are owed to, by each model.

    \b
    FILE is CSV with a header line (.gz too; commas, semicolons or tabs between columns). A row is
    a path: channels in the order in which they were met, as in "search > e-mail > direct"; how
    many conversions came of it; what these were worth together; how often it came to nothing.
    Values are decimals, counted in millionths; credits sum to their total exactly. The last two
    columns count as 0 where a file has them not.

    \b
    first, last       all to the first or the last touch
    last-non-direct   to the last touch that is not --direct
    linear            the same to each touch
    position          40 % first, 40 % last, 20 % between; two touches 50/50
    time-decay        half as much for each --half-life further from the end
    markov-1 … -4     by removal effects of a Markov chain of that order, solved exactly
    shapley           by which channels are met together; exact
    shapley-markov    Shapley values of the Markov chain of order 1; exact to 15 channels,
                      beyond that sampled, with standard errors

    \b
    Example:
      bespoke evaluate attribution paths.csv --models linear,markov-2 --value revenue --nulls ""
    """
    began = perf_counter()
    models = MODELS if names == "all" else tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    if not separator.strip():
        fail("--separator: one or more characters that are not blank")
    if unknown := [name for name in models if name not in MODELS]:
        fail(f"--models: there is no {unknown[0][:40]}; there are {', '.join(MODELS)}")
    source = click.get_current_context().get_parameter_source
    told = {"value": value, "nulls": nulls}
    optional = tuple(name for option, name in told.items() if source(option) is ParameterSource.DEFAULT)
    columns = Columns(path_, conversions, value or None, nulls or None, separator.strip(), optional)
    try:
        with bar("reading", None) as step:
            found = evaluate(file, columns, models, Options(half_life, direct, seed), step)
    except (ValueError, OSError) as error:
        fail(str(error))
    show(_plain(found, perf_counter() - began), _words(found), as_json=as_json)


def _plain(found: Found, seconds: float) -> dict[str, Any]:
    return {
        "channels": list(found.channels),
        "rows": found.rows,
        "different_paths": found.paths,
        "columns_missing": list(found.missing),
        "values_rounded": found.rounded,
        "total": _amount(found.conversions, found.value),
        "total_null": found.nulls,
        "unattributed": _amount(found.unattributed_conversions, found.unattributed_value),
        "credits_exact": found.exact(),
        "models": {made.model: _model(made) for made in found.models},
        "refused": dict(found.refused),
        "seconds": {
            "read": round(found.read_s, 4),
            "models": round(found.models_s, 4),
            "cpu": round(found.cpu_s, 4),
            "process": round(seconds, 4),
            "each": {made.model: round(made.seconds, 4) for made in found.models},
        },
    }


def _model(made: Credited) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "credits": {channel: _amount(each.conversions, each.value) for channel, each in made.credits.items()}
    }
    if made.model in ORDERS:
        plain["removal_effects"] = {
            channel: {"conversions": each.conversions, "value": each.value} for channel, each in made.effects.items()
        }
    if made.model.startswith("shapley"):
        plain["method"] = "sampled" if made.orders else "exact"
        plain["orders"] = made.orders
        plain["standard_errors"] = {
            channel: {"conversions": each.conversions_error / MILLION, "value": each.value_error / MILLION}
            for channel, each in made.credits.items()
        }
    return plain


def _amount(conversions: int, value: int) -> dict[str, Any]:
    """Decimals as text, exact; and the whole numbers behind them."""
    return {
        "conversions": _decimal(conversions),
        "value": _decimal(value),
        "conversions_micro": conversions,
        "value_micro": value,
    }


def _decimal(millionths: int) -> str:
    whole, part = divmod(abs(millionths), MILLION)
    return f"{'-' if millionths < 0 else ''}{whole}.{part:06d}"


def _words(found: Found) -> str:
    total = f"{_decimal(found.conversions)} conversions worth {_decimal(found.value)}, {found.nulls:,} paths to nothing"
    lines = [f"{found.rows:,} rows, {found.paths:,} different paths: {total}."]
    width = max((len(channel) for channel in found.channels), default=0)
    for made in found.models:
        lines.append(f"\n{made.model}{' '.ljust(width)}conversions           value   removal effects")
        for channel, each in made.credits.items():
            effect = made.effects.get(channel)
            told = f"   {effect.conversions:.4f} {effect.value:.4f}" if effect else ""
            told += f"   ± {each.value_error / MILLION:,.2f}" if made.orders else ""
            amounts = f"{each.conversions / MILLION:>15,.3f} {each.value / MILLION:>15,.3f}"
            lines.append(f"{channel.ljust(width)} {amounts}{told}")
    if found.unattributed_conversions:
        lines.append(f"\nWithout a channel: {_decimal(found.unattributed_conversions)} conversions.")
    lines += [f"Warning: {model} is not computed: {why}." for model, why in found.refused.items()]
    lines += [f"Warning: there is no column {name}; it counts as 0." for name in found.missing]
    if found.rounded:
        lines.append(f"Warning: {found.rounded:,} values had more than six decimals and were rounded.")
    return "\n".join(lines)
