"""The reader of the shop's clicks: a file is read whole, or refused by line and column."""

import gzip
from pathlib import Path

import pytest

from app.demo import eshop

HEAD = ",".join(eshop.Row._fields)
ROW = eshop.Row(2008, 4, 1, 1, 29, 1, 1, 5, 1, 5, 1, 28, 2, 1)
SHARED_FILE = "data/eshop_clothing_2008/eshop_2008-04-01_07-15.csv.gz"


def line(**cells: object) -> str:
    return ",".join(str(cells.get(name, number)) for name, number in ROW._asdict().items())


def read(folder: Path, *lines: str, head: str = HEAD) -> list[eshop.Row]:
    file = folder / "clicks.csv"
    file.write_text("\n".join((head, *lines)) + "\n", encoding="utf-8")
    return list(eshop.csv_rows(file))


def test_the_csv_is_the_published_one(shared: Path) -> None:
    assert eshop.DATA.read_bytes() == (shared / SHARED_FILE).read_bytes()


def test_plain_and_packed_files_read_alike(tmp_path: Path) -> None:
    plain = read(tmp_path, line(), line(order=2))
    packed = tmp_path / "clicks.csv.gz"
    packed.write_bytes(gzip.compress((tmp_path / "clicks.csv").read_bytes()))
    assert list(eshop.csv_rows(packed)) == plain == [ROW, ROW._replace(order=2)]


def test_columns_may_come_in_any_order_beside_others(tmp_path: Path) -> None:
    head, cells = ",".join(reversed(eshop.Row._fields)), ",".join(map(str, reversed(ROW)))
    assert read(tmp_path, cells + ",x", head=head + ",note") == [ROW]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert read(tmp_path, line(), head="\ufeff" + HEAD) == [ROW]


@pytest.mark.parametrize("column", eshop.Row._fields)
@pytest.mark.parametrize("text", ["", "-1", "1.5", "1_0", " 1", "１", "x", "1" * 5_000])  # noqa: RUF001
def test_a_cell_that_is_no_number_is_refused_by_line_and_column(tmp_path: Path, column: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"^clicks\.csv, line 3: {column} is not a whole number"):
        read(tmp_path, line(), line(**{column: text}))


@pytest.mark.parametrize("column", sorted(set(eshop.Row._fields) - {"session_id"}))
def test_a_number_out_of_bounds_is_refused_by_line_and_column(tmp_path: Path, column: str) -> None:
    with pytest.raises(ValueError, match=rf"^clicks\.csv, line 2: {column} is not within "):
        read(tmp_path, line(**{column: 999_999_999_999}))


@pytest.mark.parametrize("column", sorted(set(eshop.Row._fields) - {"price"}))
def test_nothing_counts_from_0_but_prices(tmp_path: Path, column: str) -> None:
    assert read(tmp_path, line(price=0))[0].price == 0
    with pytest.raises(ValueError, match=f"line 2: {column} is not within "):
        read(tmp_path, line(**{column: 0}))


def test_a_refusal_does_not_repeat_what_was_in_the_cell(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 2: price") as refused:
        read(tmp_path, line(price="someone@example.com"))
    assert "someone" not in str(refused.value)


def test_the_letter_codes_of_the_original_are_refused_for_they_count_anew_in_each_category(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="line 2: clothing_model"):
        read(tmp_path, line(clothing_model="B5"))


@pytest.mark.parametrize(
    ("year", "month", "day", "known"), [(2008, 2, 29, 1), (2009, 2, 29, 0), (2008, 4, 31, 0), (2008, 12, 31, 1)]
)
def test_a_day_must_be_in_its_month(tmp_path: Path, year: int, month: int, day: int, known: int) -> None:
    cells = line(year=year, month=month, day=day)
    if known:
        assert len(read(tmp_path, cells)) == 1
    else:
        with pytest.raises(ValueError, match="line 2: day"):
            read(tmp_path, cells)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["2008,4"], "line 2: day is not"),
        ([line() + ",9"], "line 2: more cells than columns"),
        ([line(), "1" * 200_000], "line 3: a cell is too long"),
    ],
)
def test_a_line_of_another_shape_is_refused(tmp_path: Path, lines: list[str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, *lines)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (HEAD.replace("colour,", ""), "no column colour"),
        (HEAD + ",price", "more than one column price"),
        ("", "no column clothing_model"),
    ],
)
def test_a_missing_or_repeated_column_is_named(tmp_path: Path, head: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, line(), head=head)


def test_bytes_that_are_no_text_are_refused_by_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "clicks.csv"
    file.write_bytes(f"{HEAD}\n{line(month='MONTH')}\n".encode().replace(b"MONTH", b"\xff"))
    with pytest.raises(ValueError, match="line 2: month") as refused:
        list(eshop.csv_rows(file))
    assert not isinstance(refused.value, UnicodeError)


@pytest.mark.parametrize("cut", [slice(-9), slice(20), slice(1, None)])
def test_a_broken_gzip_file_is_refused(tmp_path: Path, cut: slice) -> None:
    file = tmp_path / "clicks.csv.gz"
    file.write_bytes(gzip.compress(f"{HEAD}\n{line()}\n".encode())[cut])
    with pytest.raises(ValueError, match=r"clicks\.csv\.gz: not a whole gzip file"):
        list(eshop.csv_rows(file))
