"""What learning costs: regret of Thompson sampling on a simulated shop whose clicks are logistic in the context.

Each arm's weights are drawn once a seed, normal with standard deviation ``--scale``, its intercept around ``--bias``;
a context is an intercept and normal numbers. All policies meet the same contexts, and an arm shown in a round is
clicked or not whichever policy shows it. They learn after each ``--batch`` rounds, so clicks come late, as in a shop.
Regret is the sum over rounds of the best arm's click probability less that of the arm chosen.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from app.cli.output import bar
from benchmarks.where import where
from ml.bandit.model import Config, Observations, Posterior, sigmoid, start, update
from ml.bandit.philox import normals
from ml.bandit.score import moments_of, scorer

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
EPSILON = 0.1


class World(NamedTuple):
    """How the truth is drawn."""

    rounds: int
    arms: int
    dimensions: int
    scale: float
    bias: float
    batch: int


class Policy(Protocol):
    """Chooses arms (n,) for contexts (n, D); learns what came of it. ``random`` is its own."""

    def choose(self, contexts: Floats, random: np.random.Generator) -> Rows: ...

    def learn(self, arms: Rows, contexts: Floats, clicked: Rows) -> None: ...


class Logistic:
    """The posteriors of ``ml.bandit``, whoever chooses by them."""

    def __init__(self, world: World) -> None:
        self.posterior: Posterior = start(Config(world.dimensions), world.arms)

    def learn(self, arms: Rows, contexts: Floats, clicked: Rows) -> None:
        """A batch."""
        self.posterior = update(self.posterior, Observations.of(arms, contexts, clicked))


class Thompson(Logistic):
    """Draws as ``ml.bandit.score.choose`` does, many decisions at once."""

    def choose(self, contexts: Floats, random: np.random.Generator) -> Rows:
        """By one draw an arm."""
        means, deviations = moments_of(scorer(self.posterior), contexts)
        drawn = normals(str(random.integers(1 << 62)), means.size).reshape(means.shape)
        return np.asarray((means + deviations * drawn).argmax(axis=1))


class EpsilonGreedy(Logistic):
    """The same model; the best mean, or with probability ε any arm."""

    def choose(self, contexts: Floats, random: np.random.Generator) -> Rows:
        """By the means alone."""
        best = (contexts @ self.posterior.means.T).argmax(axis=1)
        any_arm = random.integers(0, self.posterior.arms, len(best))
        return np.where(random.random(len(best)) < EPSILON, any_arm, best)


class ContextFree:
    """Thompson sampling of click rates, Beta(1, 1) at first."""

    def __init__(self, world: World) -> None:
        self._clicked, self._not = np.ones(world.arms), np.ones(world.arms)

    def choose(self, contexts: Floats, random: np.random.Generator) -> Rows:
        """By one draw an arm, whatever the context."""
        return np.asarray(random.beta(self._clicked, self._not, (len(contexts), len(self._not))).argmax(axis=1))

    def learn(self, arms: Rows, contexts: Floats, clicked: Rows) -> None:
        """Counts."""
        np.add.at(self._clicked, arms, clicked)
        np.add.at(self._not, arms, 1 - clicked)


class Vowpal:
    """Vowpal Wabbit's contextual bandit, a weight for each pair of arm and context feature; learns at once."""

    def __init__(self, world: World, how: str) -> None:
        from vowpalwabbit import Workspace

        self._arms = [f"|a arm{arm}" for arm in range(world.arms)]
        self._model = Workspace(f"--cb_explore_adf -q ca --ignore_linear c --quiet --random_seed 1 {how}")
        self._chances: list[float] = []

    def choose(self, contexts: Floats, random: np.random.Generator) -> Rows:
        """By the distribution it predicts."""
        chosen, self._chances = [], []
        for context in contexts:
            chances = np.array(self._model.predict([self._shared(context), *self._arms]), np.float64)
            chosen.append(int(random.choice(len(chances), p=chances / chances.sum())))
            self._chances.append(float(chances[chosen[-1]]))
        return np.array(chosen)

    def learn(self, arms: Rows, contexts: Floats, clicked: Rows) -> None:
        """Costs are -1 for a click."""
        for arm, context, click, chance in zip(arms, contexts, clicked, self._chances, strict=True):
            lines = self._arms.copy()
            lines[arm] = f"0:{-int(click)}:{chance:.6f} {lines[arm]}"
            self._model.learn([self._shared(context), *lines])

    @staticmethod
    def _shared(context: Floats) -> str:
        return "shared |c " + " ".join(f"{i}:{value:.5f}" for i, value in enumerate(context))


POLICIES: dict[str, Callable[[World], Policy]] = {
    "thompson": Thompson,
    "epsilon_greedy": EpsilonGreedy,
    "context_free": ContextFree,
}
VOWPAL: dict[str, Callable[[World], Policy]] = {
    "vw_epsilon": lambda world: Vowpal(world, f"--epsilon {EPSILON}"),
    "vw_squarecb": lambda world: Vowpal(world, "--squarecb"),
}


def regret(policy: Policy, world: World, seed: int, step: Callable[[int], None] = lambda n: None) -> float:
    """Of one policy in the world of one seed."""
    truth, nature, own = (np.random.default_rng((seed, part)) for part in range(3))
    weights = truth.normal(0, world.scale, (world.arms, world.dimensions))
    weights[:, 0] += world.bias
    total = 0.0
    for begin in range(0, world.rounds, world.batch):
        n = min(world.batch, world.rounds - begin)
        contexts = nature.standard_normal((n, world.dimensions))
        contexts[:, 0] = 1.0
        chances, luck = sigmoid(contexts @ weights.T), nature.random((n, world.arms))
        arms = policy.choose(contexts, own)
        each = np.arange(n)
        policy.learn(arms, contexts, (luck[each, arms] < chances[each, arms]).astype(np.int64))
        total += float((chances.max(axis=1) - chances[each, arms]).sum())
        step(n)
    return total


def main() -> None:
    """Prints a table, then the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=100_000)
    options.add_argument("--arms", type=int, default=20)
    options.add_argument("--dimensions", type=int, default=16)
    options.add_argument("--scale", type=float, default=1.0, help="standard deviation of the true weights")
    options.add_argument("--bias", type=float, default=0.0, help="mean of the true intercepts, in log-odds")
    options.add_argument("--batch", type=int, default=100, help="rounds between two updates")
    options.add_argument("--seeds", type=int, default=10, help="how many")
    options.add_argument("--first-seed", type=int, default=0)
    options.add_argument("--vw", action="store_true", help="Vowpal Wabbit too (minutes; pip install vowpalwabbit)")
    given = options.parse_args()
    world = World(given.rounds, given.arms, given.dimensions, given.scale, given.bias, given.batch)
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    policies = POLICIES | (_vowpal() if given.vw else {})
    regrets = {name: _regrets(name, policies[name], world, seeds) for name in policies}
    print(_table(regrets))
    print(json.dumps(_figures(regrets) | world._asdict() | {"seeds": list(seeds)} | where()))


def _vowpal() -> dict[str, Callable[[World], Policy]]:
    try:
        import vowpalwabbit  # noqa: F401
    except ImportError:
        print("vowpalwabbit is not installed: no row for it")
        return {}
    return VOWPAL


def _regrets(name: str, policy: Callable[[World], Policy], world: World, seeds: range) -> tuple[list[float], float]:
    began = time.perf_counter()
    with bar(name, world.rounds * len(seeds)) as step:
        found = [regret(policy(world), world, seed, step) for seed in seeds]
    return found, time.perf_counter() - began


def _table(regrets: dict[str, tuple[list[float], float]]) -> str:
    lines = ["| policy | mean regret | lowest | highest | seconds |", "|---|---|---|---|---|"]
    for name, (found, seconds) in regrets.items():
        lines.append(f"| {name} | {np.mean(found):,.0f} | {min(found):,.0f} | {max(found):,.0f} | {seconds:.0f} |")
    return "\n".join(lines)


def _figures(regrets: dict[str, tuple[list[float], float]]) -> dict[str, Any]:
    """Ratios of mean regrets, and the worst of the seeds."""
    ours = np.array(regrets["thompson"][0])
    figures: dict[str, Any] = {}
    for rival, (found, _) in regrets.items():
        if rival != "thompson":
            figures[f"regret_vs_{rival}"] = round(float(ours.mean() / np.mean(found)), 4)
            figures[f"worst_vs_{rival}"] = round(float((ours / np.array(found)).max()), 4)
    return figures


if __name__ == "__main__":
    main()
