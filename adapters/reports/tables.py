"""Reports as one flat table: CSV, and Parquet where pyarrow is."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

Row = dict[str, Any]
TEXT = ("part", "by", "segment", "step", "metric", "kind", "arm", "family")
WHOLE = ("control_n", "arm_n")
NUMBERS = (
    *("control", "value", "change", "change_low", "change_high", "relative", "relative_low", "relative_high"),
    *("p_value", "p_corrected", "chance", "value_low", "value_high", "effective"),
)
COLUMNS = (*TEXT, *WHOLE, *NUMBERS, "shown")
ATTRIBUTION = {
    **dict.fromkeys(("currency", "model", "heading", "channel"), "text"),
    "cents": "whole",
    **dict.fromkeys(("conversions", "share", "removal_effect", "cents_error"), "number"),
    **dict.fromkeys(("from_ms", "to_ms"), "whole"),
    "positions": "text",
}
#: What no model decides, by its name in JSON.
BOOKS = {"net_revenue": "net revenue", "unattributed": "unattributed", "erased_revenue": "erased revenue"}
#: A cell that begins so is a formula to spreadsheets.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class MissingPackageError(Exception):
    """Parquet needs a package that is not installed."""

    def __init__(self) -> None:
        super().__init__("Parquet needs pyarrow: pip install 'bespoke[report]'")


def experiment_rows(plain: Mapping[str, Any]) -> list[Row]:
    """``part``: arm, metric, board, segment, bandit or look. Money in minor units; intervals are those that decide."""
    rows = [_row(part="arm", arm=arm, arm_n=persons) for arm, persons in plain["arms"].items()]
    rows += [_result("metric", each) for each in plain["results"]]
    rows += [_result("board", each) for each in plain["outcome_board"]]
    for dimension in plain["segments"]:
        for segment in dimension["segments"]:
            named = {"by": dimension["by"], "segment": segment["segment"]}
            rows += [_result("segment", each) | named for each in segment["results"]]
    for arm in (plain["bandit"] or {"arms": ()})["arms"]:
        rows += _places(arm)
    for path in plain["paths"]:
        for look in path["looks"]:
            about = {"step": look["step"], "metric": plain["primary_metric"], "arm": path["arm"]}
            rows.append(_row(part="look", **about, **_change(look["estimate"], look["relative"])))
    return rows


def attribution_rows(plain: Mapping[str, Any]) -> list[Row]:
    """A row for each channel of each model (heading: credit), and three for what no model decides. Money in minor
    units."""
    shared = {"from_ms": plain["from_ms"], "to_ms": plain["to_ms"], "positions": ",".join(map(str, plain["positions"]))}
    empty, found = dict.fromkeys(ATTRIBUTION) | shared, list[Row]()
    for each in plain["currencies"]:
        about = empty | {"currency": each["currency"]}
        found += [about | {"heading": heading, "cents": each[name]} for name, heading in BOOKS.items()]
        for model, channels in each["models"].items():
            credit = about | {"model": model, "heading": "credit"}
            found += [credit | {"channel": channel} | told for channel, told in channels.items()]
    return found


def deciding(result: Mapping[str, Any]) -> tuple[Any, Any]:
    """(absolute, relative) estimates that decide: of the sequence, where there is one."""
    found = result["sequential"] or result
    return found.get("absolute"), found.get("relative")


def _result(part: str, result: Mapping[str, Any]) -> Row:
    posterior = result["bayesian"]
    return _row(
        part=part,
        metric=result["metric"],
        kind=result["kind"],
        arm=result["arm"],
        family=result.get("family"),
        control_n=result["control"]["n"],
        arm_n=result["treatment"]["n"],
        control=result["control"]["mean"],
        value=result["treatment"]["mean"],
        p_value=result.get("p_value"),
        p_corrected=result.get("p_corrected"),
        chance=posterior["chance"] if posterior else None,
        shown=result.get("significant"),
        **_change(*deciding(result)),
    )


def _places(arm: Mapping[str, Any]) -> list[Row]:
    """Of an arm whose places a bandit filled: as chosen, and at an even choice. The change is that of SNIPW."""
    about = {"part": "bandit", "arm": arm["arm"], "arm_n": arm["places"], "effective": arm["effective"]}
    rows = [_row(**about, metric="as_chosen", value=arm["shown"])]
    for name in ("ipw", "snipw"):
        of = arm[name] or {"value": None, "low": None, "high": None}
        rows.append(_row(**about, metric=name, value=of["value"], value_low=of["low"], value_high=of["high"]))
    difference = arm["difference"]
    if difference:
        asked = {"p_value": difference["p_value"], "p_corrected": arm["p_corrected"], "shown": arm["significant"]}
        rows[-1] |= asked | _change(difference, None)
    return rows


def _change(absolute: Mapping[str, float] | None, relative: Mapping[str, float] | None) -> Row:
    found: Row = {}
    for name, estimate in (("change", absolute), ("relative", relative)):
        if estimate:
            found |= {name: estimate["value"], f"{name}_low": estimate["low"], f"{name}_high": estimate["high"]}
    return found


def _row(**cells: Any) -> Row:
    return dict.fromkeys(COLUMNS) | cells


def to_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = COLUMNS) -> bytes:
    """UTF-8 with a header; nothing for what is not known. Texts that a spreadsheet would compute get a quote before."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def to_parquet(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str] | None = None) -> bytes:
    """``types``: column → "text", "whole", "number" or "flag"; those of an experiment if nothing is said. Raises
    MissingPackageError."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingPackageError from None
    kinds = {
        "text": pyarrow.string(),
        "whole": pyarrow.int64(),
        "number": pyarrow.float64(),
        "flag": pyarrow.bool_(),
    }
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in (types or TYPES).items()])
    out = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows], schema), out)
    return out.getvalue()


TYPES = {
    **dict.fromkeys(TEXT, "text"),
    **dict.fromkeys(WHOLE, "whole"),
    **dict.fromkeys(NUMBERS, "number"),
    "shown": "flag",
}
