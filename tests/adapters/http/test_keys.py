import hmac
import json
from hashlib import sha256

import pytest

from adapters.http import ApiKey, ApiKeys, Scope, generate


def test_a_key_is_found_by_its_text_alone() -> None:
    text, kept = generate([Scope.CHANNEL_WRITE])
    keys = ApiKeys([kept, generate([Scope.BACKFILL])[1]])
    assert keys.find(text) is kept
    assert keys.find(text + "x") is keys.find("") is keys.find("é" * 5_000) is None


def test_prefix_says_secret_or_public_and_the_record_does_not_hold_the_key() -> None:
    secret, _ = generate([Scope.CUSTOMER_READ])
    public, kept = generate([Scope.CHANNEL_WRITE], True, id="web")
    assert secret.startswith("bsk_")
    assert public.startswith("bpk_")
    assert (kept.id, kept.public) == ("web", True)
    assert public not in ApiKeys([kept]).to_json()


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope != Scope.CHANNEL_WRITE])
def test_a_public_key_has_channel_write_alone(scope: Scope) -> None:
    with pytest.raises(ValueError, match="scopes"):
        generate([Scope.CHANNEL_WRITE, scope], True)


@pytest.mark.parametrize("position", range(4))
def test_every_key_is_compared_wherever_the_right_one_stands(position: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [generate([Scope.CHANNEL_WRITE]) for _ in range(4)]
    compared: list[bytes] = []
    original = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counting)
    assert ApiKeys(kept for _, kept in made).find(made[position][0]) is made[position][1]
    assert compared == [kept.digest for _, kept in made]


def test_json_there_and_back() -> None:
    made = [generate([Scope.BACKFILL, Scope.CHANNEL_WRITE]), generate([Scope.CHANNEL_WRITE], True)]
    again = ApiKeys.from_json(ApiKeys(kept for _, kept in made).to_json())
    assert [again.find(text) for text, _ in made] == [kept for _, kept in made]


GOOD = {"id": "a", "sha256": sha256(b"x").hexdigest(), "scopes": ["channel:write"]}


@pytest.mark.parametrize(
    "records",
    [
        "not a list",
        [GOOD | {"scopes": ["canary-scope"]}],
        [GOOD | {"scopes": []}],
        [GOOD | {"sha256": "canary"}],
        [GOOD | {"id": "canary canary"}],
        [GOOD | {"canary": 1}],
        [GOOD, GOOD],
        [GOOD | {"scopes": ["customer:read"], "public": True}],
    ],
)
def test_wrong_records_are_refused_without_repeating_them(records: object) -> None:
    with pytest.raises(ValueError) as error:
        ApiKeys.from_json(json.dumps(records))
    assert "canary" not in str(error.value)


def test_a_digest_has_its_length() -> None:
    with pytest.raises(ValueError, match="sha256"):
        ApiKey("a", b"short", frozenset({Scope.BACKFILL}))
