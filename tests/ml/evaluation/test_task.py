"""How lessons, what chooses, and the test are cut out of sequences: nothing later is in what is learnt."""

from ml.evaluation.task import from_clicks, from_histories, from_sequences, from_sessions, next_items
from ml.sequences import Queries, Sequences


def named(names: tuple[str, ...], sequences: Sequences) -> list[str]:
    return ["".join(names[i] if i >= 0 else "?" for i in each) for each in sequences]


def asked(names: tuple[str, ...], queries: Queries) -> list[tuple[str, str]]:
    return list(zip(named(names, queries.history), named(names, queries.targets), strict=True))


def test_leave_one_out_asks_the_last_and_chooses_by_the_one_before() -> None:
    task = from_sequences([("p", "abcd"), ("q", "xa"), ("r", "z")])
    assert asked(task.names, task.queries) == [("abc", "d"), ("x", "a")]
    assert named(task.names, task.lessons.sequences) == ["abc", "x", ""]
    assert named(task.names, task.earlier.sequences) == ["ab", "", ""]
    assert asked(task.names, task.later) == [("ab", "c")]
    assert task.lessons.items == task.earlier.items == len(task.names) == 6
    assert task.queries.hidden == "history"


def test_a_test_file_asks_each_persons_last_after_what_training_knows() -> None:
    train = [("p", "abc"), ("q", "xy")]
    task = from_sequences(train, [("p", "abcd"), ("q", "b"), ("new", "cba"), ("r", "zz")])
    assert asked(task.names, task.queries) == [("abc", "?"), ("xy", "b"), ("cb", "a"), ("", "?")]
    assert named(task.names, task.lessons.sequences) == ["abc", "xy"]


def test_the_same_file_for_both_is_leave_one_out() -> None:
    lines = [("p", "abcd"), ("q", "xab")]
    one, two = from_sequences(lines), from_sequences(lines, lines)
    assert named(one.names, one.lessons.sequences) == named(two.names, two.lessons.sequences)
    assert asked(one.names, one.queries) == asked(two.names, two.queries)


def test_the_latest_tenth_of_the_sessions_chooses() -> None:
    task = from_sessions([*["ab"] * 9, "bca"], [("ab", "c"), ("a", "b"), ("c", "n")])
    assert named(task.names, task.earlier.sequences) == ["ab"] * 9
    assert asked(task.names, task.later) == [("b", "c"), ("bc", "a")]
    assert len(task.lessons.sequences) == 10
    assert asked(task.names, task.queries) == [("ab", "c"), ("a", "b"), ("c", "?")]


def test_test_lines_that_shorten_one_another_are_one_session() -> None:
    task = from_sessions(["abcd", "ab"], [("abc", "d"), ("ab", "c"), ("a", "b"), ("a", "b"), ("cd", "a")])
    assert task.queries.persons.tolist() == [0, 0, 0, 1, 2]


def test_clicks_ask_for_the_next_different_item() -> None:
    task = from_clicks(["ab", "ba"], ["aab", "cb"])
    assert asked(task.names, task.queries) == [("aa", "b"), ("", "b")]
    assert task.queries.hidden == "latest"


def test_next_items_of_sequences() -> None:
    lists = Sequences.of([[1, 1, 2], [], [3], [4, 5]])
    every = next_items(lists, "none", different=False)
    assert [(h.tolist(), t.tolist()) for h, t in zip(every.history, every.targets, strict=True)] == [
        ([1], [1]),
        ([1, 1], [2]),
        ([4], [5]),
    ]
    assert every.persons.tolist() == [0, 0, 3]
    assert len(next_items(lists, "none", different=True)) == 2


def test_histories_learn_choose_and_ask_each_in_the_order_of_time() -> None:
    task = from_histories([([(4, "b"), (1, "a")], [(2, "c")], [(3, "d"), (9, "e")]), ([(1, "a")], [], [])])
    assert named(task.names, task.earlier.sequences) == ["ab", "a"]
    assert asked(task.names, task.later) == [("ab", "c")]
    assert named(task.names, task.lessons.sequences) == ["acb", "a"]
    assert asked(task.names, task.queries) == [("acb", "de")]
