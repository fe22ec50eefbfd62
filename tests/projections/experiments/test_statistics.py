"""Worked examples, and what must hold for any arms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from projections.experiments import bandit, bayesian, capping, cuped, frequentist, moments, power, sequential, srm
from projections.experiments.correction import benjamini_hochberg, holm
from projections.experiments.moments import Sample

values = st.lists(st.floats(-1e6, 1e6).map(lambda each: round(each, 3)), min_size=2, max_size=30)


@given(values, values)
def test_parts_added_are_the_whole(first: list[float], second: list[float]) -> None:
    a, b = np.array([*first, 0.5]), np.array(second)
    whole, added = moments.of_values(np.concatenate((a, b))), moments.add(moments.of_values(a), moments.of_values(b))
    assert added.n == whole.n and added.mean == pytest.approx(whole.mean, rel=1e-9, abs=1e-6)
    assert added.variance == pytest.approx(whole.variance, rel=1e-6, abs=1e-6)


def test_whole_sums_lose_no_digit() -> None:
    exact = moments.of_sums(3, 3 * 10**15 + 3, sum((10**15 + i) ** 2 for i in range(3)))
    assert exact.variance == 1.0


def test_means_are_compared_as_welch_did() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(10, 2, 40), random.normal(11, 5, 25)
    found = frequentist.compare(moments.of_values(a), moments.of_values(b))
    expected = stats.ttest_ind(b, a, equal_var=False)
    low, high = expected.confidence_interval()
    assert found is not None and found.test == "t"
    assert (found.statistic, found.p_value, found.degrees) == pytest.approx(
        (expected.statistic, expected.pvalue, expected.df)
    )
    assert (found.absolute.low, found.absolute.high) == pytest.approx((low, high))


def test_proportions_are_compared_with_pooled_variance() -> None:
    found = frequentist.compare(moments.proportion(1000, 100), moments.proportion(1000, 130))
    assert found is not None and found.test == "z"
    assert found.statistic**2 == pytest.approx(
        stats.chi2_contingency([[100, 900], [130, 870]], correction=False).statistic
    )


def test_what_cannot_be_computed_is_none() -> None:
    same = moments.proportion(10, 0)
    assert frequentist.compare(same, same) is None and bayesian.absolute(same, same) is None
    assert sequential.at(same, same) is None
    nothing = frequentist.compare(same, moments.proportion(10, 5))
    assert nothing is not None and nothing.relative is None
    assert frequentist.compare(moments.of_values(np.array([1.0])), moments.proportion(10, 5)) is None
    with pytest.raises(ValueError, match="no unit"):
        moments.of_values(np.array([]))


def test_a_ratio_has_the_variance_that_it_has() -> None:
    """Against 4,000 samples drawn anew."""
    random = np.random.default_rng(2)
    ratios, claimed = [], []
    for _ in range(4000):
        views = random.poisson(8, 300) + 1.0
        clicks = random.binomial(views.astype(int), 0.2).astype(float)
        found = moments.ratio(moments.of_pairs(clicks, views))
        ratios.append(found.mean)
        claimed.append(found.squared_error)
    assert np.mean(claimed) == pytest.approx(np.var(ratios), rel=0.06)


def test_cuped_leaves_what_the_covariate_does_not_explain() -> None:
    random = np.random.default_rng(3)
    x = random.standard_normal(50_000)
    y = 0.8 * x + 0.6 * random.standard_normal(50_000)
    a, b = moments.of_pairs(y[:25_000], x[:25_000]), moments.of_pairs(y[25_000:] + 0.1, x[25_000:])
    assert cuped.kept(a, b) == pytest.approx(1 - 0.64, abs=0.02)
    first, second = cuped.adjusted(a, b)
    assert second.mean - first.mean == pytest.approx(0.1, abs=0.02)
    useless = moments.of_pairs(y[:100], np.ones(100))
    assert cuped.adjusted(useless, useless) == (useless.y, useless.y)


def test_a_prior_draws_to_its_mean() -> None:
    control, treatment = moments.proportion(500, 50), moments.proportion(500, 70)
    flat, shy = bayesian.relative(control, treatment), bayesian.relative(control, treatment, bayesian.Prior(0, 0.1))
    assert flat is not None and shy is not None
    assert 0 < shy.mean < flat.mean and shy.chance < flat.chance and shy.deviation < flat.deviation
    assert flat.loss_control - flat.loss_treatment == pytest.approx(flat.mean)


def test_sequences_are_wider_than_a_fixed_horizon_and_narrowest_where_tuned() -> None:
    spreads = {tuned: sequential.spread(10_000, 0.05, tuned) for tuned in (100, 10_000, 1_000_000)}
    assert min(spreads, key=spreads.__getitem__) == 10_000
    assert 1.96 < spreads[10_000] < 3.5


def test_the_sequence_and_its_p_value_agree() -> None:
    control, treatment = Sample(400, 10.0, 9.0), Sample(400, 10.7, 9.0)
    for alpha in (0.01, 0.05, 0.2):
        found = sequential.at(control, treatment, alpha, 1000)
        assert found is not None
        assert (found.absolute.low > 0) == (found.absolute.p_value < alpha)


def test_corrections_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert benjamini_hochberg([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.04, 0.04])
    raw = [0.2, 0.001, 0.9, 0.04]
    assert benjamini_hochberg(raw) == pytest.approx(list(stats.false_discovery_control(raw)))


def test_a_mismatch_and_its_power() -> None:
    found = srm.check((51_000, 49_000), (50, 50))
    assert found is not None and found.found and found.statistic == pytest.approx(40)
    assert found.p_value == pytest.approx(stats.chisquare([51_000, 49_000]).pvalue)
    fine = srm.check((50_100, 49_900), (1, 1))
    assert fine is not None and not fine.found and fine.power > 0.99
    z = math.sqrt(100_000) * 0.01  # 50.5 against 50 of 100,000
    by_hand = stats.norm.cdf(z - stats.norm.isf(0.0005)) + stats.norm.cdf(-z - stats.norm.isf(0.0005))
    assert srm.power(100_000, (1, 1), (50.5, 49.5)) == pytest.approx(by_hand, abs=1e-6)
    shifted = 0.5 * (1 - fine.smallest)
    assert srm.power(100_000, (1, 1), (shifted, 1 - shifted)) == pytest.approx(0.8, abs=0.001)
    empty = srm.check((500, 500, 3), (1, 1, 0))
    assert empty is not None and empty.found
    assert srm.check((0, 0), (1, 1)) is None
    with pytest.raises(ValueError, match="share"):
        srm.check((1, 2), (1,))


def chance(counts: tuple[int, int]) -> float:
    found = srm.check(counts, (1, 1))
    assert found
    return found.p_value


def test_looks_at_shares_may_be_daily() -> None:
    random = np.random.default_rng(5)
    daily = random.binomial(400, 0.5, size=(2_000, 60)).cumsum(axis=1)
    arms = [[(int(left), 400 * (day + 1) - int(left)) for day, left in enumerate(life)] for life in daily]
    at_all = sum(any(srm.at_any_look(look, (1, 1)) < 0.05 for look in life) for life in arms)
    one_after_the_other = sum(any(chance(look) < 0.05 for look in life) for life in arms)
    assert at_all <= 0.05 * len(arms) < 0.2 * len(arms) < one_after_the_other
    assert srm.at_any_look((51_000, 49_000), (50, 50)) < srm.ALPHA
    assert srm.at_any_look((0, 0), (1, 1)) == 1.0
    assert srm.at_any_look((5, 1), (1, 0)) == 0.0
    with pytest.raises(ValueError, match="two or more arms"):
        srm.at_any_look((1,), (1,))


def test_a_sample_size_has_the_power_it_claims() -> None:
    """By simulation: a rate of 10 %, +12 %."""
    asked = power.Asked()
    baseline = power.proportion(0.1)
    plan = power.sample_size(baseline, 0.12, asked)
    random = np.random.default_rng(4)
    finds = 0
    for _ in range(2000):
        a = moments.proportion(plan.control, int(random.binomial(plan.control, 0.1)))
        b = moments.proportion(plan.treatment, int(random.binomial(plan.treatment, 0.112)))
        compared = frequentist.compare(a, b)
        finds += compared is not None and compared.p_value < 0.05
    assert finds / 2000 == pytest.approx(0.8, abs=0.03)
    assert power.achieved(baseline, 0.12, plan.units, asked) == pytest.approx(0.8, abs=0.005)
    assert power.detectable(baseline, plan.units, asked) == pytest.approx(0.12, rel=1e-3)
    assert power.duration_days(plan, 1000) == math.ceil(plan.units / 1000)


def test_what_makes_an_experiment_longer_or_shorter() -> None:
    plain = power.sample_size(power.Baseline(50, 900), 0.05, power.Asked()).units
    assert power.sample_size(power.Baseline(50, 900, rho=0.7), 0.05, power.Asked()).units == pytest.approx(
        plain * 0.51, abs=3
    )
    for longer in (power.Asked(sequential=True), power.Asked(comparisons=3), power.Asked(share=0.1)):
        assert power.sample_size(power.Baseline(50, 900), 0.05, longer).units > plain
    for wrong in (0.0, 1.0):
        with pytest.raises(ValueError):
            power.proportion(wrong)
    with pytest.raises(ValueError, match="effect"):
        power.sample_size(power.Baseline(50, 900), 0, power.Asked())


def test_capping_is_alike_for_all_arms() -> None:
    a, b = np.array([0.0, 1, 2, 3]), np.array([0.0, 4, 5, 1000])
    limit, (first, second) = capping.winsorised([a, b], 80)
    assert limit == pytest.approx(np.percentile([0, 0, 1, 2, 3, 4, 5, 1000], 80))
    assert second.max() == pytest.approx(limit) and (first == a).all()
    assert capping.cap(a, 50, zeros=False) == 2


def test_a_bandits_arms_are_told_apart_without_its_bias() -> None:
    """Arm 1 is shown to those who buy anyway, and earns nothing by itself."""
    random = np.random.default_rng(5)
    keen = random.random(60_000) < 0.5
    chance = np.where(keen, 0.8, 0.2)
    arms = (random.random(60_000) < chance).astype(np.int64)
    rewards = (random.random(60_000) < np.where(keen, 0.3, 0.1)).astype(float)
    rounds = bandit.Rounds(arms, rewards, np.where(arms == 1, chance, 1 - chance))
    assert rewards[arms == 1].mean() - rewards[arms == 0].mean() > 0.1
    found = bandit.compare(rounds, 0, 1)
    assert found is not None and found.low < 0 < found.high and found.high - found.low < 0.04
    one = bandit.value(rounds, 1)
    assert one.ipw.mean == pytest.approx(0.2, abs=0.01) and one.snipw is not None
    assert one.snipw.mean == pytest.approx(0.2, abs=0.01) and 10_000 < one.effective < 60_000 and not one.thin
    assert bandit.value(rounds, 7).snipw is None and bandit.compare(rounds, 0, 7) is None
    with pytest.raises(ValueError, match="propensities"):
        bandit.Rounds(arms, rewards, np.zeros(60_000))


def test_an_even_choice_is_found_from_one_that_was_not_and_whose_rounds_they_are_counts() -> None:
    """A bandit shows the better of two most of the time. What half and half would earn is asked."""
    random = np.random.default_rng(8)
    better = random.random(20_000) < 0.9
    rewards = (random.random(20_000) < np.where(better, 0.4, 0.1)).astype(float)
    arms, chance = np.zeros(20_000, np.int64), np.where(better, 0.9, 0.1)
    even = np.full(20_000, 0.5)
    one = bandit.value(bandit.Rounds(arms, rewards, chance, even), 0)
    assert rewards.mean() > 0.36 and one.snipw is not None
    assert (one.ipw.mean, one.snipw.mean) == pytest.approx((0.25, 0.25), abs=0.01)
    twice = np.repeat(np.arange(20_000), 2)
    rounds = bandit.Rounds(arms[twice], rewards[twice], chance[twice], even[twice], twice)
    again = bandit.value(rounds, 0)
    assert again.ipw.squared_error == pytest.approx(one.ipw.squared_error, rel=1e-9)
    with pytest.raises(ValueError, match="targets"):
        bandit.Rounds(arms, rewards, chance, 3 * even)


def test_a_difference_of_rounds_told_twice_is_no_surer() -> None:
    random = np.random.default_rng(9)
    arms, rewards = random.integers(0, 2, 3_000), (random.random(3_000) < 0.3).astype(float)
    once, twice = np.arange(3_000), np.repeat(np.arange(3_000), 2)
    found = [
        bandit.compare(bandit.Rounds(arms[at], rewards[at], np.full(len(at), 0.5), None, at), 0, 1)
        for at in (once, twice)
    ]
    first, second = found
    assert first is not None and second is not None
    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high))


def test_intervals_of_places_cover_the_truth_where_plain_rates_never_do() -> None:
    """500 persons of three places each; in the arm that is looked at, a bandit has learnt. 400 times over."""
    random, rates, likes = np.random.default_rng(3), np.array([0.5, 0.1, 0.1, 0.1]), np.array([0.85, 0.05, 0.05, 0.05])
    units, covered, plain = np.repeat(np.arange(500), 3), 0, 0
    for _ in range(400):
        arms = np.repeat(random.integers(0, 2, 500), 3)
        items = np.where(arms == 1, random.choice(4, 1500, p=likes), random.integers(0, 4, 1500))
        keen = np.repeat(random.normal(0, 0.05, 500), 3)
        rewards = (random.random(1500) < rates[items] + keen).astype(float)
        chance = np.where(arms == 1, likes[items], 0.25) / 2
        found = bandit.value(bandit.Rounds(arms, rewards, chance, np.full(1500, 0.25), units), 1).snipw
        assert found is not None
        covered += abs(found.mean - rates.mean()) < 1.96 * found.squared_error**0.5
        shown = moments.of_values(rewards[arms == 1])
        plain += abs(shown.mean - rates.mean()) < 1.96 * shown.squared_error**0.5
    assert 0.92 < covered / 400 < 0.98 and plain == 0
