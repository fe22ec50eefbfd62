"""Keys and records."""

from uuid import uuid4

from readmodels import catalogue, keys
from readmodels.catalogue import Count, Listing, Price, ProductRecord
from readmodels.customer import CustomerRecord, View, decode, encode
from readmodels.keys import Keys

LISTING = Listing(1, 0, "A skirt", "Skirts", None, "red", None, (), None, True, "p1", "i1")


def test_every_key_is_in_its_namespace_and_a_person_is_on_one_node() -> None:
    person, where = uuid4(), Keys("shop", 7)
    generational = [
        where.person(person),
        where.catalogue,
        where.catalogue_position,
        where.catalogue_changes,
        where.statistics_current,
    ]
    generational += [where.statistics_part(0), where.statistics("ab")]
    assert all(key.startswith("shop:g7:") for key in generational)
    assert where.person(person).endswith(f"{{{person}}}")
    others = [keys.generations, keys.newest_generation, keys.confirmed]
    others += [keys.jobs, keys.job_runs, keys.job_times]
    assert len({key("shop") for key in others}) == len(others)
    assert all(key("shop").startswith("shop:") and not key("shop").startswith("shop:g7") for key in others)


def test_records_begin_with_their_version() -> None:
    record = CustomerRecord(version=258, kind="user", views=(View(1, 2, "A"),))
    assert encode(record)[:4] == b"\x00\x00\x01\x02"
    assert decode(encode(record)) == record
    product = ProductRecord(version=3, sku="A", listing=LISTING)
    assert catalogue.decode(catalogue.encode(product)) == product


def test_counts_of_an_inventory_item_belong_to_the_product_that_names_it() -> None:
    listed = ProductRecord(1, "S", LISTING, Price(1, 0, 900, "USD"))
    item = ProductRecord(1, "inventory:i1", stock={"Berlin": Count(1, 0, 2), "Rome": Count(1, 0, 3)})
    other = ProductRecord(1, "inventory:i2", stock={"": Count(1, 0, 0)})
    (product,) = catalogue.products([item, listed, other]).values()
    assert (product.sku, product.cents, product.available, product.in_stock) == ("S", 900, 5, True)


def test_uncounted_is_for_sale_and_counted_to_nothing_is_not() -> None:
    listed = ProductRecord(1, "S", LISTING)
    assert catalogue.products([listed])["S"].in_stock
    gone = ProductRecord(1, "inventory:i1", stock={"": Count(1, 0, 0)})
    assert not catalogue.products([listed, gone])["S"].in_stock


def test_what_was_taken_off_sale_is_not_listed() -> None:
    off = Listing(2, 0, "A skirt", None, None, None, None, (), None, False, None, None)
    assert catalogue.products([ProductRecord(2, "S", off)]) == {}
