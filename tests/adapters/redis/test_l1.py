"""L1 as a state machine over a server that tracks and a connection that keeps the order: whatever comes between a
request and its reply, what is kept is what the server has, or the word that it is not is under way."""

from collections import deque
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from adapters.redis.l1 import L1, Reading

PEOPLE = range(6)
#: A stream's hash either holds a value, or leads to another stream's hash.
Hash = tuple[str, int]
Message = tuple[str, bytes, Callable[[Hash], None] | None, Hash | None]


def key(who: int) -> bytes:
    return b"person:%d" % who


class Connection:
    """A server's hashes and which of them the client has read since they last changed; requests and messages wait to be
    carried over, each in order."""

    def __init__(self) -> None:
        self.hashes: dict[int, Hash] = dict.fromkeys(PEOPLE, ("value", 0))
        self.tracked: set[bytes] = set()
        self.requests: deque[tuple[int, Callable[[Hash], None]]] = deque()
        self.messages: deque[Message] = deque()

    def ask(self, who: int, answered: Callable[[Hash], None]) -> None:
        self.requests.append((who, answered))

    def serve(self) -> None:
        who, answered = self.requests.popleft()
        self.tracked.add(key(who))
        self.messages.append(("reply", key(who), answered, self.hashes[who]))

    def write(self, who: int, content: Hash) -> None:
        self.hashes[who] = content
        if key(who) in self.tracked:
            self.tracked.discard(key(who))
            self.messages.append(("invalidate", key(who), None, None))

    def flush(self) -> None:
        self.hashes = dict.fromkeys(self.hashes, ("value", 0))
        self.tracked.clear()
        self.messages.append(("flush", b"", None, None))

    def truth(self, who: int) -> Hash:
        """Where the markers lead to."""
        home = who
        for _ in PEOPLE:
            kind, value = self.hashes[home]
            if kind == "value":
                return home, value  # type: ignore[return-value]
            home = value
        return "circle", 0

    def under_way(self) -> set[bytes]:
        if any(kind == "flush" for kind, *_ in self.messages):
            return {key(who) for who in PEOPLE}
        return {name for kind, name, _, _ in self.messages if kind == "invalidate"}


class Reader:
    """Reads a person hash by hash, as markers lead."""

    def __init__(self, l1: L1[Hash], connection: Connection, who: int) -> None:
        self.l1, self.connection, self.home, self.looks = l1, connection, who, 0
        self.reading: Reading = l1.begin(who)
        self.step()

    def step(self) -> None:
        self.looks += 1
        self.l1.reads(self.reading, key(self.home))
        self.connection.ask(self.home, self.answered)

    def answered(self, content: Hash) -> None:
        kind, value = content
        if kind == "moved" and self.looks < len(PEOPLE):
            self.home = value
            self.step()
        else:
            self.l1.end(self.reading, (self.home, value) if kind == "value" else None, 10)  # type: ignore[arg-type]

    def gives_up(self) -> None:
        self.l1.end(self.reading, None)


class Interleavings(RuleBasedStateMachine):
    """Every order of requests, writes, answers, pushes and lost connections."""

    @initialize()
    def begin(self) -> None:
        self.now = 0.0
        self.l1: L1[Hash] = L1(4, 1_000, stale_s=5.0, clock=lambda: self.now)
        self.connection = Connection()
        self.readers: list[Reader] = []
        self.written = 0

    @rule(who=st.sampled_from(PEOPLE))
    def read(self, who: int) -> None:
        if self.l1.get(who) is None:
            self.readers.append(Reader(self.l1, self.connection, who))

    @rule(who=st.sampled_from(PEOPLE))
    def write(self, who: int) -> None:
        self.written += 1
        self.connection.write(who, ("value", self.written))

    @rule(who=st.sampled_from(PEOPLE), to=st.sampled_from(PEOPLE))
    def move(self, who: int, to: int) -> None:
        self.connection.write(who, ("moved", to))

    @rule()
    def flush(self) -> None:
        self.connection.flush()

    @precondition(lambda self: self.connection.requests)
    @rule()
    def serve(self) -> None:
        self.connection.serve()

    @precondition(lambda self: self.connection.messages)
    @rule()
    def deliver(self) -> None:
        kind, name, answered, content = self.connection.messages.popleft()
        if kind == "invalidate":
            self.l1.invalidate(name)
        elif kind == "flush":
            self.l1.empty()
        elif answered is not None and content is not None:
            answered(content)

    @rule(passed=st.sampled_from([0.0, 3.0]))
    def lose(self, passed: float) -> None:
        """The connection, all that was on its way, and then some time."""
        hashes = self.connection.hashes
        waiting = {answered for _, answered in self.connection.requests}
        waiting |= {answered for _, _, answered, _ in self.connection.messages if answered is not None}
        self.l1.empty(lost=True)
        for answered in waiting:
            answered.__self__.gives_up()  # type: ignore[attr-defined]
        self.connection = Connection()
        self.connection.hashes = hashes
        self.lost_at, self.now = self.now, self.now + passed
        assert len(self.l1) == 0

    @invariant()
    def what_is_kept_is_so_or_the_word_is_under_way(self) -> None:
        told = self.connection.under_way()
        for who in PEOPLE:
            kept = self.l1.get(who)
            if kept is not None and kept != self.connection.truth(who):
                assert told & set(self.l1._kept[who].keys), f"{who}: {kept} but {self.connection.truth(who)}"

    @invariant()
    def it_stays_within_its_bounds(self) -> None:
        assert len(self.l1) <= 4
        assert self.l1.bytes == sum(kept.size for kept in self.l1._kept.values())
        watched = {(name, who) for name, those in self.l1._watching.items() for who in those}
        assert watched == {(name, who) for who, kept in self.l1._kept.items() for name in kept.keys}

    def teardown(self) -> None:
        """When all has come over, all that is kept is so."""
        while self.connection.requests or self.connection.messages:
            self.deliver() if self.connection.messages else self.connection.serve()
        for who in PEOPLE:
            assert self.l1.get(who) in (None, self.connection.truth(who))
        assert self.l1._reading == {}


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def kept(l1: L1[str], who: int, size: int = 10) -> bool:
    reading = l1.begin(who)
    l1.reads(reading, key(who))
    return l1.end(reading, f"v{who}", size)


def test_what_was_used_last_stays() -> None:
    l1: L1[str] = L1(3, 100)
    assert [kept(l1, who) for who in (1, 2, 3)] == [True] * 3
    assert l1.get(1) == "v1"
    kept(l1, 4)
    assert [l1.get(who) for who in (1, 2, 3, 4)] == ["v1", None, "v3", "v4"]
    assert not kept(l1, 5, size=101)
    kept(l1, 6, size=95)
    assert (len(l1), l1.get(6), l1.bytes) == (1, "v6", 95)


def test_an_invalidation_between_request_and_reply_voids_the_reply() -> None:
    l1: L1[str] = L1(3, 100)
    reading = l1.begin(1)
    l1.reads(reading, b"marker")
    l1.reads(reading, b"home")
    l1.invalidate(b"marker")
    assert not l1.end(reading, "old", 1)
    assert (l1.get(1), l1.voided) == (None, 1)
    assert kept(l1, 1)


def test_all_that_is_being_read_when_all_is_emptied_is_void() -> None:
    l1: L1[str] = L1(3, 100)
    reading = l1.begin(1)
    l1.reads(reading, b"marker")
    l1.empty()
    l1.reads(reading, b"home")
    assert not l1.end(reading, "old", 1)
    assert l1.get(1) is None


def test_stale_is_told_for_a_while_and_not_what_is_known_to_have_changed() -> None:
    now = 0.0
    l1: L1[str] = L1(9, 100, stale_s=30, clock=lambda: now)
    for who in (1, 2, 3):
        kept(l1, who)
    l1.invalidate(key(3))
    l1.empty(lost=True)
    assert (len(l1), [l1.stale(who) for who in (1, 2, 3)]) == (0, ["v1", "v2", None])
    kept(l1, 2)
    l1.invalidate(key(2))
    assert [l1.stale(who) for who in (1, 2)] == ["v1", None]
    now = 30.0
    assert l1.stale(1) is None
    now = 0.0
    l1.empty()
    assert l1.stale(1) is None


def test_who_waits_is_woken_once_by_what_changes() -> None:
    l1: L1[str] = L1(9, 100)
    woken: list[str] = []
    first, second = (lambda: woken.append("first")), (lambda: woken.append("second"))
    assert not l1.wake(1, first)
    kept(l1, 1)
    assert l1.wake(1, first) and l1.wake(1, second)
    l1.sleep(1, second)
    l1.invalidate(key(2))
    assert woken == []
    l1.invalidate(key(1))
    l1.invalidate(key(1))
    assert woken == ["first"]
    kept(l1, 1)
    l1.wake(1, second)
    l1.empty()
    assert woken == ["first", "second"]
