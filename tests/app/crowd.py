"""A shop with something to sell, that a crowd has looked at."""

from uuid import uuid4

from app.projecting import folding, runners
from app.wiring import Wiring
from tests.app.test_remaking import SKUS, listed, view


def crowded(wiring: Wiring) -> list[str]:
    """Twenty products, and twelve visitors who looked at eight each, projected; the visitors."""
    bus = wiring.bus()
    for number in range(20):
        bus.dispatch(listed(number))
    crowd = [str(uuid4()) for _ in range(12)]
    bus.dispatch([view(v, SKUS[(n + i) % 12], 10 * n + i) for n, v in enumerate(crowd) for i in range(8)])
    runners.catch_up(wiring, folding.start_generation(wiring))
    return crowd
