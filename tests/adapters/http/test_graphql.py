"""GraphQL: what it answers, under which scopes, within which limits, and what its errors do not say."""

import json
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from adapters.http import Metrics, Scope
from adapters.http.graphql.limits import Bounds
from commands.ports import UnavailableError
from tests.adapters.http.fakes import (
    ADMIN,
    DECIDED,
    GONE_ID,
    ONE_SCOPE,
    PERSON,
    MemoryAudit,
    MemoryReader,
    MemoryWriter,
    app,
    bearer,
)

Client = TestClient[Litestar]
CUSTOMER = f'{{ customer(id: "{PERSON}") {{ personId version status }} }}'
DECISION = f'{{ decision(id: "{DECIDED}") {{ placement items {{ slot sku }} generations }} }}'
SECRET = "maria@example.org"
FIELDS = {
    CUSTOMER: Scope.CUSTOMER_READ,
    DECISION: Scope.DECISION_READ,
    "{ recommendations(limit: 3) { items { sku } } }": Scope.RECOMMEND_READ,
    '{ product(sku: "sku-1") { title } }': Scope.RECOMMEND_READ,
    '{ products(skus: ["sku-1"]) { title } }': Scope.RECOMMEND_READ,
}


def ask(client: Client, query: str, key: str = ADMIN, headers: dict[str, str] | None = None, **variables: Any) -> Any:
    response = client.post(
        "/v1/graphql", json={"query": query, "variables": variables}, headers=bearer(key) | (headers or {})
    )
    assert response.status_code == 200, response.text
    return response.json()


def refused(client: Client, query: str, **variables: Any) -> tuple[str, str]:
    answer = ask(client, query, **variables)
    assert answer.get("data") in (None, dict.fromkeys(answer.get("data") or {}))
    assert SECRET not in json.dumps(answer)
    extensions = answer["errors"][0]["extensions"]
    return extensions["code"], extensions["field"]


def test_several_questions_in_one_request(client: Client) -> None:
    answer = ask(
        client,
        """query Page($who: String!, $skus: [String!]!) {
          recommendations(placement: "home", userId: $who, limit: 3) {
            decisionId version items { sku reason product { title priceCents inStock } }
          }
          product(sku: "sku-9") { sku currency }
          products(skus: $skus) { sku }
        }""",
        who="known",
        skus=["sku-2", "gone"],
    )
    assert "errors" not in answer
    (item,) = answer["data"]["recommendations"]["items"]
    assert item["product"] == {"title": "Coat", "priceCents": 4990, "inStock": True}
    assert answer["data"]["products"] == [{"sku": "sku-2"}, None]
    assert answer["data"]["product"] == {"sku": "sku-9", "currency": "USD"}


def test_the_same_question_reaches_the_same_query(client: Client, reader: MemoryReader) -> None:
    ask(client, '{ recommendations(placement: "cart", userId: "known", limit: 7, minVersion: 3) { version } }')
    assert ("min_version", 3) in reader.asked
    assert ("recommend", "cart", PERSON, 7, None) in reader.asked


def test_a_customer_and_a_decision(client: Client) -> None:
    assert ask(client, CUSTOMER)["data"]["customer"] == {"personId": str(PERSON), "version": 7, "status": "known"}
    decision = ask(client, DECISION)["data"]["decision"]
    assert (decision["items"], decision["generations"]["catalogue"]) == ([{"slot": 1, "sku": "sku-1"}], 0)


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize(("query", "needed"), FIELDS.items())
def test_each_field_needs_its_scope(client: Client, query: str, needed: Scope, scope: Scope) -> None:
    answer = ask(client, query, ONE_SCOPE[scope][0])
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert codes == ([] if scope == needed else ["FORBIDDEN"])
    assert (list(answer["data"].values()) == [None]) == (scope != needed)


def test_one_forbidden_field_leaves_the_others(client: Client) -> None:
    query = f'{{ customer(id: "{PERSON}") {{ version }} product(sku: "sku-1") {{ sku }} }}'
    answer = ask(client, query, ONE_SCOPE[Scope.RECOMMEND_READ][0])
    assert answer["data"] == {"customer": None, "product": {"sku": "sku-1"}}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (f'{{ customer(id: "{UUID(int=5)}") {{ version }} }}', ("NOT_FOUND", "id")),
        (f'{{ decision(id: "{UUID(int=5)}") {{ placement }} }}', ("NOT_FOUND", "id")),
        (f'{{ decision(id: "{GONE_ID}") {{ placement }} }}', ("GONE", "id")),
        (f'{{ customer(id: "{SECRET}") {{ version }} }}', ("BAD_INPUT", "id")),
        (f'{{ recommendations(userId: "{SECRET}") {{ version }} }}', ("BAD_INPUT", "user_id")),
        (f'{{ recommendations(placement: "{SECRET}") {{ version }} }}', ("BAD_INPUT", "placement")),
        (f'{{ recommendations(personId: "{SECRET}") {{ version }} }}', ("BAD_INPUT", "person_id")),
        ("{ recommendations(limit: 51) { version } }", ("BAD_INPUT", "limit")),
        ('{ recommendations(userId: "a", anonymousId: "b") { version } }', ("BAD_INPUT", "anonymous_id")),
        (f'{{ recommendations(limit: "{SECRET}") {{ version }} }}', ("BAD_QUERY", "limit")),
        ("{ customer { version } }", ("BAD_QUERY", "customer")),
        (f'{{ product(sku: "a", mail: "{SECRET}") {{ sku }} }}', ("BAD_QUERY", "mail")),
        ('{ product(sku: "a") { wrong } }', ("BAD_QUERY", "wrong")),
        (f'{{ product(sku: "{SECRET}" ', ("SYNTAX", "query")),
        ("mutation { erase }", ("FORBIDDEN", "operation")),
        ("subscription { live }", ("FORBIDDEN", "operation")),
        ("query A { __typename } query B { __typename }", ("BAD_QUERY", "operationName")),
        ("fragment F on Query { __typename }", ("BAD_QUERY", "operationName")),
        ("", ("SYNTAX", "query")),
    ],
)
def test_errors_name_the_field_and_quote_nothing(client: Client, query: str, told: tuple[str, str]) -> None:
    assert refused(client, query) == told


def test_a_wrong_variable_is_named(client: Client) -> None:
    query = "query A($limit: Int) { recommendations(limit: $limit) { version } }"
    assert refused(client, query, limit=SECRET) == ("BAD_QUERY", "$limit")


@pytest.mark.parametrize("error", [UnavailableError(SECRET), RuntimeError(SECRET)])
def test_what_goes_wrong_inside_stays_inside(
    client: Client, reader: MemoryReader, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    reader.fails = error
    answer = ask(client, CUSTOMER)
    code = answer["errors"][0]["extensions"]["code"]
    assert code == ("UNAVAILABLE" if isinstance(error, UnavailableError) else "INTERNAL")
    out, err = capsys.readouterr()
    assert SECRET not in json.dumps(answer) + out + err
    assert "Traceback" not in json.dumps(answer) + out + err


# ---- limits

DEEP = "{ recommendations { items { product { sku } } } }"
CIRCLE = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"


def test_depth(writer: MemoryWriter, reader: MemoryReader) -> None:
    with TestClient(app(writer, reader, Metrics(), graphql=Bounds(depth=3))) as client:
        assert refused(client, DEEP) == ("TOO_DEEP", "query")
        hidden = "{ ...A } fragment A on Query { recommendations { ...B } } "
        hidden += "fragment B on Recommendations { items { ... { product { sku } } } }"
        assert refused(client, hidden) == ("TOO_DEEP", "query")
        assert "errors" not in ask(client, "{ recommendations { items { sku } } }")


@pytest.mark.parametrize(
    "query",
    [
        " ".join(["{"] + [f"a{n}: customer(id: 1) {{ version }}" for n in range(20)] + ["}"]),
        "{ " + "recommendations(limit: 50) { items { product { sku title brand } } } " * 5 + "}",
        "{ recommendations { items { ...F ...F } } ...G ...G ...G }"
        " fragment F on Item { product { sku title brand } } fragment G on Query"
        " { recommendations { items { ...F } } }",
    ],
)
def test_cost_counts_lists_and_fragments(client: Client, query: str) -> None:
    assert refused(client, query) == ("TOO_COSTLY", "query")


def test_cost_is_known_from_variables_and_their_defaults(client: Client) -> None:
    query = "query A($n: Int%s) { recommendations(limit: $n) { items { product { sku title } } } " + (
        "b: recommendations(limit: $n) { items { product { sku title brand image } } } "
        "c: recommendations(limit: $n) { items { product { sku title brand image } } } "
        "d: recommendations(limit: $n) { items { product { sku title brand image category } } } }"
    )
    assert refused(client, query % "") == ("TOO_COSTLY", "query")
    assert "errors" not in ask(client, query % "", n=3)
    assert "errors" not in ask(client, query % " = 3")
    assert refused(client, query % " = 3", n=50) == ("TOO_COSTLY", "query")


def test_a_query_that_unfolds_is_judged_at_once(client: Client) -> None:
    chain = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(60))
    query = f"{{ ...F0 }} {chain} fragment F60 on Query {{ __typename }}"
    assert refused(client, query) == ("TOO_COSTLY", "query")


def test_circles_of_fragments(client: Client) -> None:
    assert refused(client, CIRCLE) == ("BAD_QUERY", "query")


def test_aliases(client: Client) -> None:
    many = " ".join(f"a{n}: __typename" for n in range(21))
    assert refused(client, f"{{ {many} }}") == ("TOO_MANY_ALIASES", "query")
    nested = " ".join(f'... {{ a{n}: product(sku: "x") {{ b{n}: sku }} }}' for n in range(11))
    assert refused(client, f"{{ {nested} }}") == ("TOO_MANY_ALIASES", "query")


def test_length_and_nesting(client: Client) -> None:
    assert refused(client, "{ " + "__typename " * 1_000 + "}") == ("TOO_LONG", "query")
    assert refused(client, "{ a " * 499) in {("TOO_DEEP", "query"), ("SYNTAX", "query")}
    assert refused(client, "{ product(sku: " + "[" * 900 + "]" * 90) in {("TOO_DEEP", "query"), ("SYNTAX", "query")}


def test_introspection_only_where_it_is_set(client: Client, writer: MemoryWriter, reader: MemoryReader) -> None:
    query = "{ __schema { types { name fields { name } } } }"
    assert refused(client, query) == ("FORBIDDEN", "__schema")
    assert refused(client, '{ ...F } fragment F on Query { __type(name: "Query") { name } }') == ("FORBIDDEN", "__type")
    assert ask(client, "{ __typename }")["data"] == {"__typename": "Query"}
    with TestClient(app(writer, reader, Metrics(), graphql=Bounds(introspection=True))) as open_:
        names = {each["name"] for each in ask(open_, query)["data"]["__schema"]["types"]}
    assert {"Customer", "Recommendations", "Product", "Decision"} <= names


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"{", 400, "body"),
        (b"[]", 422, "body"),
        (b"{}", 422, "query"),
        (b'{"query": 1}', 422, "query"),
        (b'{"query": "{__typename}", "variables": []}', 422, "variables"),
        (b'{"query": "' + b"a" * 33_000 + b'"}', 413, "body"),
        (b'{"query": "{__typename}", "variables": ' + b'{"a":' * 9_000, 413, "body"),
    ],
)
def test_bodies_that_are_no_request(client: Client, body: bytes, status: int, field: str) -> None:
    headers = bearer(ADMIN) | {"Content-Type": "application/json"}
    response = client.post("/v1/graphql", content=body, headers=headers)
    assert (response.status_code, response.json()["field"]) == (status, field)


def test_there_is_no_page_and_no_get(client: Client) -> None:
    assert client.get("/v1/graphql", headers=bearer(ADMIN)).status_code == 405


# ---- audit


def test_customers_and_decisions_are_audited_and_nothing_else(writer: MemoryWriter, reader: MemoryReader) -> None:
    audit = MemoryAudit()
    with TestClient(app(writer, reader, Metrics(), audit=audit)) as client:
        for query in FIELDS:
            ask(client, query, headers={"X-Purpose": "ticket 7"})
    told = {(each.action, each.stream, each.purpose) for each in audit.told}
    assert told == {("graphql.customer", PERSON, "ticket 7"), ("graphql.decision", PERSON, "ticket 7")}
    assert all(each.actor.startswith("key:") for each in audit.told)


def test_without_the_audit_log_nobody_is_shown(writer: MemoryWriter, reader: MemoryReader) -> None:
    audit = MemoryAudit(fails=UnavailableError("PostgreSQL does not answer"))
    with TestClient(app(writer, reader, Metrics(), audit=audit)) as client:
        answer = ask(client, f'{{ customer(id: "{PERSON}") {{ version }} product(sku: "sku-1") {{ sku }} }}')
    assert answer["data"] == {"customer": None, "product": {"sku": "sku-1"}}
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
