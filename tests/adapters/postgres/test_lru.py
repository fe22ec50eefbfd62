"""The bounded mapping that the adapters cache in."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.lru import Lru

KEYS = st.integers(0, 9)


@given(st.lists(st.tuples(st.sampled_from(("get", "put", "drop")), KEYS)), st.integers(2, 6))
def test_it_keeps_what_was_used_last(steps: list[tuple[str, int]], size: int) -> None:
    lru, used, dropped = Lru[int, str](size), list[int](), set[int]()
    for step, key in steps:
        if step == "put":
            lru.put(key, str(key))
            used, dropped = [*(k for k in used if k != key), key], dropped - {key}
        elif step == "drop":
            lru.drop(key)
            used, dropped = [k for k in used if k != key], dropped | {key}
        else:
            found = lru.get(key)
            assert found in (str(key), None)
            assert not (found and key in dropped)
            assert found or key not in used[-(size // 2) :]
            used = [*(k for k in used if k != key), *([key] if found else [])]
        assert len(lru) <= size


def test_clear_forgets_all() -> None:
    lru = Lru[int, int](4)
    lru.put(1, 1)
    lru.clear()
    assert (len(lru), lru.get(1)) == (0, None)


def test_threads_may_share_it() -> None:
    lru = Lru[int, int](4)

    def use(seed: int) -> None:
        random = Random(seed)
        for _ in range(20_000):
            key = random.randrange(6)
            lru.put(key, key)
            assert lru.get(random.randrange(6)) in (*range(6), None)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(8)))
    assert len(lru) <= 4
