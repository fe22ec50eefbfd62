"""Are the statistics of experiments what they say they are? Simulated on sufficient statistics, with the product's own
functions:

- A/A experiments with a look each day: how often a difference is found that is not there, by the confidence sequence at
  any look, by the fixed horizon at the last one, and by a fixed-horizon test that peeks, as a warning
- with an effect planted: how often the 95 % interval covers it, absolute and relative
- CUPED: the variance that is left, against 1 - ρ²
- sample ratio mismatch: false alarms of one look, and what is found of 51/49 and 50.5/49.5 at 100,000 units
- some A/A experiments through the log: does the report tell what was drawn?
- how long it takes to find the arms of a person in three experiments, by hash version
"""

import argparse
import json
import math
import time
from collections.abc import Iterator
from uuid import UUID, uuid4

import msgspec
import numpy as np

from app.cli.output import bar
from benchmarks.experiments_log import through_the_log
from benchmarks.where import where
from domain.arm import Arm, Objectives
from domain.assignment.hashing import BUCKETS, HashVersion
from domain.design import Design, Variant
from domain.experiment import State
from projections.experiments import cuped, frequentist, moments, sequential, srm
from projections.experiments.moments import Sample
from projections.experiments.steps import cumulated
from queries.recommend.arms import arms_of, test_of
from readmodels.experiment import ExperimentRecord

DAYS, DAILY, RATE = 28, 500, 0.05
#: Of the logarithm of an order's value.
LOCATION, SCALE = 4.0, 0.8
RHOS = (0.3, 0.5, 0.7, 0.9)
SRM_UNITS = 100_000


def conversions(random: np.random.Generator, lift: float) -> list[tuple[str, dict[str, Sample]]]:
    """Day → arm → that day's units. Rates, by the binomial itself."""
    return [(str(day), {"a": _rate(random, RATE), "b": _rate(random, RATE * (1 + lift))}) for day in range(DAYS)]


def revenue(random: np.random.Generator, lift: float) -> list[tuple[str, dict[str, Sample]]]:
    """As ``conversions``: money a visitor, nothing for most, log-normal for who buys."""
    return [(str(day), {"a": _money(random, 1.0), "b": _money(random, 1 + lift)}) for day in range(DAYS)]


def _rate(random: np.random.Generator, rate: float) -> Sample:
    return moments.proportion(DAILY, int(random.binomial(DAILY, rate)))


def _money(random: np.random.Generator, factor: float) -> Sample:
    orders = random.lognormal(LOCATION, SCALE, int(random.binomial(DAILY, RATE))) * factor
    mean = float(orders.sum()) / DAILY
    return Sample(DAILY, mean, (float(orders @ orders) - DAILY * mean * mean) / (DAILY - 1))


WORLDS = {"conversion": conversions, "revenue": revenue}
TRUTH = {"conversion": RATE, "revenue": RATE * math.exp(LOCATION + SCALE**2 / 2)}


def false_finds(world: str, experiments: int, seed: int) -> dict[str, float]:
    """Shares of A/A experiments in which a difference is found."""
    found = np.array([_finds(WORLDS[world](random, 0.0)) for random in _each(world, experiments, seed)])
    sequence, last, peeked = found.mean(axis=0)
    return {"sequential": float(sequence), "fixed_horizon": float(last), "peeking": float(peeked)}


def _finds(increments: list[tuple[str, dict[str, Sample]]]) -> tuple[bool, bool, bool]:
    sequence, fixed = [], []
    for _, arms in cumulated(increments):
        looked = sequential.at(arms["a"], arms["b"], tuned=2 * DAYS * DAILY)
        compared = frequentist.compare(arms["a"], arms["b"])
        sequence.append(looked is not None and looked.absolute.p_value < 0.05)
        fixed.append(compared is not None and compared.p_value < 0.05)
    return any(sequence), fixed[-1], any(fixed)


def coverage(world: str, experiments: int, seed: int, lift: float = 0.1) -> dict[str, float]:
    """Shares of experiments whose interval at the end covers the planted effect."""
    covered = []
    for random in _each(f"{world} with an effect", experiments, seed):
        arms = cumulated(WORLDS[world](random, lift))[-1][1]
        compared = frequentist.compare(arms["a"], arms["b"])
        assert compared is not None and compared.relative is not None
        absolute = compared.absolute.low <= TRUTH[world] * lift <= compared.absolute.high
        covered.append((absolute, compared.relative.low <= lift <= compared.relative.high))
    absolute, relative = np.mean(covered, axis=0)
    return {"absolute": float(absolute), "relative": float(relative)}


def cuped_left(experiments: int, seed: int, units: int = 2_000) -> dict[str, dict[str, float]]:
    """Correlation → variance left as CUPED says, as the estimates of many experiments really vary, and 1 - ρ²."""
    found = {}
    for rho in RHOS:
        random = np.random.default_rng((seed, round(rho * 100)))
        kept, plain, less = [], [], []
        for _ in range(experiments):
            arms = [_pair(random, rho, units) for _ in range(2)]
            first, second = cuped.adjusted(arms[0], arms[1])
            kept.append(cuped.kept(arms[0], arms[1]))
            plain.append(arms[1].y.mean - arms[0].y.mean)
            less.append(second.mean - first.mean)
        real = float(np.var(less) / np.var(plain))
        found[f"{rho}"] = {"left": float(np.mean(kept)), "real": real, "expected": 1 - rho**2}
    return found


def _pair(random: np.random.Generator, rho: float, units: int) -> moments.Joint:
    """Means and scatter of so many standard normal pairs; the scatter is Wishart's, drawn by its factor (Bartlett
    1933)."""
    factor = np.array([[1.0, 0.0], [rho, math.sqrt(1 - rho**2)]])
    drawn = np.array([[math.sqrt(random.chisquare(units - 1)), 0.0], [0.0, math.sqrt(random.chisquare(units - 2))]])
    drawn[1, 0] = random.standard_normal()
    root = factor @ drawn
    (x_variance, covariance), (_, y_variance) = root @ root.T / (units - 1)
    x_mean, y_mean = factor @ random.standard_normal(2) / math.sqrt(units)
    y, x = Sample(units, float(y_mean), float(y_variance)), Sample(units, float(x_mean), float(x_variance))
    return moments.Joint(y, x, float(covariance))


def mismatches(looks: int, seed: int) -> dict[str, float]:
    """Shares of looks that find a mismatch, and the power that is reported."""
    random = np.random.default_rng((seed, 7))
    found: dict[str, float] = {}
    for name, share in (("false_alarms", 0.5), ("found_51_49", 0.51), ("found_50.5_49.5", 0.505)):
        counts = random.binomial(SRM_UNITS, share, looks)
        checked = [srm.check((int(n), SRM_UNITS - int(n)), (1, 1)) for n in counts]
        found[name] = float(np.mean([each is not None and each.found for each in checked]))
    found["power_50.5_49.5"] = srm.power(SRM_UNITS, (1, 1), (50.5, 49.5))
    found["power_51_49"] = srm.power(SRM_UNITS, (1, 1), (51, 49))
    return found


def assigning_us(persons: int = 50_000) -> dict[str, float]:
    """Hash version → microseconds to find a person's arms in three experiments: the mean over so many persons, of the
    best of three runs."""
    return {v.value: round(min(_assigned_us(v, persons) for _ in range(3)), 2) for v in HashVersion}


def _assigned_us(version: HashVersion, persons: int) -> float:
    arms = tuple(Variant(name=name, buckets=5_000, changes=Arm(weights=Objectives())) for name in ("a", "b"))
    design = Design(hypothesis="none", primary_metric="conversion", variants=arms, hash_version=version)
    told = msgspec.json.encode(design.model_dump(mode="json"))
    tests = [
        test_of(ExperimentRecord(UUID(int=n), 0, f"test {n}", f"seed {n}", State.RUNNING, BUCKETS, "", told))
        for n in range(3)
    ]
    units = [str(uuid4()) for _ in range(persons)]
    began = time.perf_counter()
    found = [arms_of(tests, "home", unit, {}, dict) for unit in units]
    took = time.perf_counter() - began
    if not all(len(each) == len(tests) for each in found):
        raise RuntimeError("somebody is in no arm")
    return took / persons * 1e6


def _each(words: str, experiments: int, seed: int) -> Iterator[np.random.Generator]:
    with bar(words, experiments) as step:
        for i in range(experiments):
            yield np.random.default_rng((seed, i))
            step(1)


def main() -> None:
    """Prints what was found, then the figures."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--experiments", type=int, default=10_000)
    options.add_argument("--looks", type=int, default=100_000, help="of sample ratio mismatch")
    options.add_argument("--cuped", type=int, default=20_000, help="experiments for each correlation")
    options.add_argument("--logged", type=int, default=20, help="experiments through the log")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    began = time.perf_counter()
    figures = {
        "type_1": {world: false_finds(world, given.experiments, given.seed) for world in WORLDS},
        "coverage": {world: coverage(world, given.experiments, given.seed + 1) for world in WORLDS},
        "cuped": cuped_left(given.cuped, given.seed),
        "srm": mismatches(given.looks, given.seed),
        "through_the_log": through_the_log(given.logged, given.seed),
        "assign_3_us": assigning_us(),
    }
    for name, found in figures.items():
        print(name, json.dumps(found))
    asked = {"experiments": given.experiments, "days": DAYS, "daily_units_an_arm": DAILY, "seed": given.seed}
    print(json.dumps(figures | asked | {"seconds": round(time.perf_counter() - began, 1)} | where()))


if __name__ == "__main__":
    main()
