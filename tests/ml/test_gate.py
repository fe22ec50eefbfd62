"""Which new model may replace the one in use."""

from ml.gate import Worse, worse

USED = {"ndcg@10": 0.2, "hr@20": 0.5, "ece": 0.001}


def test_what_is_as_good_within_the_tolerance_passes() -> None:
    assert worse(USED, USED, 0.0) == []
    assert worse({"ndcg@10": 0.19, "hr@20": 0.475, "mrr@20": 0.0, "ece": 1.0}, USED, 0.05) == []
    assert worse({}, USED, 0.0) == [] and worse(USED, {}, 0.0) == []
    assert worse({"hr@20": 0.0}, USED, 1.0) == []


def test_each_metric_that_fell_too_far_is_named() -> None:
    assert worse({"ndcg@10": 0.1, "hr@20": 0.6}, USED, 0.05) == [Worse("ndcg@10", 0.1, 0.2)]
    assert [each.metric for each in worse({"ndcg@10": 0.18, "hr@20": 0.4}, USED, 0.05)] == ["ndcg@10", "hr@20"]
