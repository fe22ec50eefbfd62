"""Keys that were made on the command line, on a real PostgreSQL."""

import pytest

from adapters.http import ApiKeys, Scope, generate
from adapters.http.keys import Rate
from app.wiring import Wiring


def test_a_made_key_comes_back_as_it_was_and_opens(wiring: Wiring) -> None:
    text, key = generate([Scope.RECOMMEND_READ, Scope.RULES_READ], id="front", rate=Rate(5, 9))
    wiring.made_keys.add(key)
    keys = ApiKeys([])
    assert keys.find(text) is None
    keys.add(wiring.made_keys.good())
    assert keys.find(text) == key


def test_a_revoked_key_opens_nothing_and_its_id_is_not_given_again(wiring: Wiring) -> None:
    text, key = generate([Scope.RECOMMEND_READ], id="front")
    wiring.made_keys.add(key)
    keys = ApiKeys([])
    keys.add(wiring.made_keys.good())
    assert wiring.made_keys.revoke("front")
    keys.add(wiring.made_keys.good())
    assert keys.find(text) is None
    assert not wiring.made_keys.revoke("front")
    with pytest.raises(ValueError, match=r"^id"):
        wiring.made_keys.add(generate([Scope.RECOMMEND_READ], id="front")[1])
    (listed,) = wiring.made_keys.all()
    assert listed.revoked is not None


def test_keys_of_the_settings_win(wiring: Wiring) -> None:
    text, own = generate([Scope.RULES_READ], id="same")
    other, made = generate([*Scope], id="same")
    keys = ApiKeys([own])
    keys.add([made])
    assert (keys.find(text), keys.find(other)) == (own, None)
