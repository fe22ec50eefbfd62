"""How often a wrong key may be tried."""

import pytest

from adapters.channels.channel import RejectedError
from adapters.http.compliance.doors import ATTEMPTS, WITHIN_S, Attempts


def test_after_some_wrong_keys_an_address_has_to_wait_and_others_have_not() -> None:
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(ATTEMPTS):
        attempts.check("10.0.0.1")
        attempts.failed("10.0.0.1")
        now[0] += 1
    with pytest.raises(RejectedError) as refused:
        attempts.check("10.0.0.1")
    assert refused.value.status == 429
    attempts.check("10.0.0.2")
    now[0] = WITHIN_S + 0.5
    attempts.check("10.0.0.1")
