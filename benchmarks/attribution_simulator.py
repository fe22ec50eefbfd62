"""What attribution models find of effects that were planted, and what a hold-out experiment finds.

    python -m benchmarks.attribution_simulator                                  # JSON on standard output
    python -m benchmarks.attribution_simulator --page docs/results/attribution.md   # and the page from it

A person wants to buy more or less. Channels reach people: some reach many alike (display), some those who already want
to buy (their own brand's search, retargeting, coming directly, recommendations). Each meeting adds what was planted, of
some channels nothing. The truth of a channel: how many conversions fewer there would be without it, everything else
equal. The models see what a shop sees: paths. The experiment leaves each channel out for a tenth of the people, by
chance. In a second kind of world nobody meets a channel more for wanting to buy, and channels come in any order.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.where import where
from projections.attribution.models import MODELS, Options, credit
from projections.attribution.paths import Path as Way
from projections.attribution.paths import merged, stepped
from projections.experiments.frequentist import compare
from projections.experiments.moments import proportion

Floats = NDArray[np.float64]
Channels = Sequence["Channel"]


@dataclass(frozen=True, slots=True)
class Channel:
    """``reach``: log of how often one person meets it, ``drawn``: how much more those who want to buy do; ``late``:
    when on the way, 0 … 1; ``effect``: on the log odds to convert, of the first meeting."""

    name: str
    reach: float
    drawn: float
    late: float
    effect: float


CHANNELS = (
    Channel("display", 0.0, 0.0, 0.2, 0.35),
    Channel("social", -0.4, 0.1, 0.3, 0.50),
    Channel("e-mail", -0.6, 0.3, 0.5, 0.45),
    Channel("search", -0.8, 0.5, 0.6, 0.40),
    Channel("recommendations", -0.7, 0.7, 0.7, 0.30),
    Channel("affiliate", -1.2, 0.4, 0.8, 0.10),
    Channel("brand search", -0.8, 1.0, 0.9, 0.05),
    Channel("retargeting", -0.6, 0.9, 0.85, 0.00),
    Channel("direct", -0.3, 0.8, 0.95, 0.00),
)
NAMES = tuple(channel.name for channel in CHANNELS)
#: The same effects where wanting to buy brings nobody to a channel, and channels come in any order.
ALIKE = tuple(replace(channel, drawn=0.0, late=0.5) for channel in CHANNELS)
KINDS = {"wanting": CHANNELS, "alike": ALIKE}
BASE, WANTING, OUT = -4.6, 1.1, 0.1


@dataclass(frozen=True, slots=True)
class World:
    """``met`` (n, c): how often each person met each channel; ``wants`` (n,); ``out`` (n, c): who is left out of what;
    ``bought`` (n,)."""

    met: NDArray[np.int64]
    wants: Floats
    out: NDArray[np.bool_]
    bought: NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=100_000)
    parser.add_argument("--worlds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    began = perf_counter()
    kinds = {kind: several(channels, given) for kind, channels in KINDS.items()}
    told = {
        "persons": given.persons,
        "worlds": given.worlds,
        "seed": given.seed,
        "kinds": kinds,
        "seconds": round(perf_counter() - began, 1),
        **where(),
    }
    print(json.dumps(told))
    if given.page:
        given.page.parent.mkdir(parents=True, exist_ok=True)
        given.page.write_text(page(told))


def several(channels: Channels, given: argparse.Namespace) -> dict[str, Any]:
    """Means over worlds of a kind."""
    runs = [one(channels, given.persons, given.seed + number) for number in range(given.worlds)]
    return {
        "conversion_rate": _mean([run["conversion_rate"] for run in runs]),
        "truth": _means([run["truth"] for run in runs]),
        "rank_correlation": _means([run["rank_correlation"] for run in runs]),
        "share_error": _means([run["share_error"] for run in runs]),
        "shares": {name: _means([run["shares"][name] for run in runs]) for name in runs[0]["shares"]},
        "experiment": {name: _means([run["experiment"][name] for run in runs]) for name in NAMES},
        "experiment_covers": _mean([run["experiment_covers"] for run in runs]),
    }


def one(channels: Channels, persons: int, seed: int) -> dict[str, Any]:
    """One world: the truth, what each model says, and what the experiment finds."""
    chance = np.random.default_rng(seed)
    watched = lived(channels, persons, chance, out=0.0)
    true = truth(watched)
    paths = merged(ways(channels, watched, chance))
    shares = {}
    for model in MODELS:
        made = credit(model, paths, Options(half_life=2, direct="direct")).credits
        shares[model] = _shares({name: made[name].conversions if name in made else 0 for name in NAMES})
    found, covered = experiment(lived(channels, persons, chance, out=OUT))
    shares["experiment"] = _shares({name: max(each["conversions"], 0.0) for name, each in found.items()})
    right = _shares(true)
    order = [right[name] for name in NAMES]
    said = {model: [share[name] for name in NAMES] for model, share in shares.items()}
    said["experiment"] = [found[name]["conversions"] for name in NAMES]
    return {
        "conversion_rate": float(watched.bought.mean()),
        "truth": right,
        "shares": shares,
        "rank_correlation": {model: float(spearmanr(order, each).statistic) for model, each in said.items()},
        "share_error": {m: sum(abs(s[n] - right[n]) for n in NAMES) / 2 for m, s in shares.items()},
        "experiment": found,
        "experiment_covers": covered,
    }


def lived(channels: Channels, persons: int, chance: np.random.Generator, out: float) -> World:
    """``out``: the part of people that each channel is kept from, each by its own draw."""
    wants = chance.normal(size=persons)
    rates = np.exp([c.reach for c in channels] + np.outer(wants, [c.drawn for c in channels]) - 0.5)
    met = chance.poisson(np.minimum(rates, 6.0))
    left = chance.random(met.shape) < out
    met = np.where(left, 0, met)
    return World(met, wants, left, chance.random(persons) < converts(met, wants))


def converts(met: NDArray[np.int64], wants: Floats) -> Floats:
    """(n,): the chance to buy. A second meeting adds less than the first."""
    gained = np.sqrt(np.minimum(met, 4)) @ np.array([c.effect for c in CHANNELS])
    return np.asarray(1 / (1 + np.exp(-(BASE + WANTING * wants + gained))))


def truth(world: World) -> dict[str, float]:
    """Channel → conversions that there would not be without it, of those expected."""
    whole = converts(world.met, world.wants).sum()
    found = {}
    for number, name in enumerate(NAMES):
        without = world.met.copy()
        without[:, number] = 0
        found[name] = float(whole - converts(without, world.wants).sum())
    return found


def ways(channels: Channels, world: World, chance: np.random.Generator) -> list[Way]:
    """Each person's meetings in their order."""
    found = []
    late = np.array([c.late for c in channels])
    for counts, bought in zip(world.met, world.bought, strict=True):
        met = np.repeat(np.arange(len(channels)), counts)
        if len(met):
            order = np.argsort(late[met] + chance.normal(0, 0.25, len(met)), kind="stable")
            way = tuple(NAMES[each] for each in met[order])
            found.append(stepped(way, int(bought), int(bought), int(not bought)))
    return found


def experiment(world: World) -> tuple[dict[str, dict[str, float]], float]:
    """Channel → how many conversions it made, by those it was kept from against the others, with an interval of 95 %;
    and the part of intervals that hold what is true."""
    found, held = {}, []
    true = truth(world)
    n = len(world.bought)
    for number, name in enumerate(NAMES):
        out = world.out[:, number]
        without = proportion(int(out.sum()), int(world.bought[out].sum()))
        within = proportion(int((~out).sum()), int(world.bought[~out].sum()))
        compared = compare(without, within)
        assert compared is not None
        each, reached = compared.absolute, int((~out).sum())
        found[name] = {
            "conversions": each.value * n,
            "low": each.low * n,
            "high": each.high * n,
        }
        held.append(float(each.low <= true[name] / reached <= each.high))
    return found, float(np.mean(held))


def _shares(amounts: dict[str, float]) -> dict[str, float]:
    whole = sum(amounts.values())
    return {name: amount / whole if whole else 0.0 for name, amount in amounts.items()}


def _mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 4)


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: _mean([row[name] for row in rows]) for name in rows[0]}


HEAD = """# What attribution finds of planted effects

`make simulate-attribution`, at commit {commit}, seed {seed}: means over {worlds} worlds of each kind, of {persons:,}
persons each. Made and written by [attribution_simulator.py](../../benchmarks/attribution_simulator.py), which says how
a world is made. The truth of a channel is how many conversions fewer there would be without it.

Rank correlation (Spearman) of channels with the truth: 1 is the same order, 0 none, below 0 the wrong way round.
Misplaced: the part of all credit that is given to the wrong channel. To nothing: what {idle}
are given, which change nothing in any of these worlds.

## As shops know it

Who wants to buy meets some channels more often (brand search, retargeting, recommendations, direct), and late.
{wanting}
No model can tell wanting from what a channel causes: nobody's path says what they would have done anyway. Which model
is nearest depends on the world: here those who reach people early cause most, which suits models that look at the first
touch.

## Where wanting leads nobody anywhere

The same effects, but nobody meets a channel more for wanting to buy, and channels come in any order.
{alike}
Also here a model credits whoever was met: channels that change nothing are given what their reach is.

So take a model as a way to divide revenue, and an experiment to learn what a channel is worth.
"""
PART = """{conversion_rate:.2%} convert.

| | rank correlation | misplaced | to nothing |
|---|---|---|---|
{ranked}

The nearest model is {best}, the furthest {worst}. Shares of all that is credited
(negative estimates of the experiment count as 0):

{channels}

The experiment keeps each channel from a tenth of the people, each by its own draw; {experiment_covers:.0%} of its 95 %
intervals hold what is true. Conversions that a channel makes, means over the worlds; where an interval crosses 0, so
many people are too few to say which of two small channels is the larger:

| channel | found | 95 % interval |
|---|---|---|
{found}
"""


def page(told: dict[str, Any]) -> str:
    """The page of results, from the JSON alone."""
    parts = {kind: part(found) for kind, found in told["kinds"].items()}
    return HEAD.format(**{**told, **parts, "idle": " and ".join(_idle())})


def part(told: dict[str, Any]) -> str:
    """Of one kind of worlds."""
    ranked = sorted(told["rank_correlation"].items(), key=lambda each: -each[1])
    models = [each for each in ranked if each[0] != "experiment"]
    rows = [
        f"| {m} | {value:.2f} | {told['share_error'][m]:.0%} | {sum(told['shares'][m][n] for n in _idle()):.0%} |"
        for m, value in ranked
    ]
    head = f"| channel | truth | {' | '.join(told['shares'])} |\n|---|---|{'---|' * len(told['shares'])}"
    cells = {name: " | ".join(f"{share[name]:.0%}" for share in told["shares"].values()) for name in NAMES}
    channels = [f"| {name} | {told['truth'][name]:.0%} | {cells[name]} |" for name in NAMES]
    found = [
        f"| {name} | {each['conversions']:,.0f} | {each['low']:,.0f} … {each['high']:,.0f} |"
        for name, each in told["experiment"].items()
    ]
    lists = {"ranked": rows, "channels": [head, *channels], "found": found}
    best, worst = (f"{model} ({value:.2f})" for model, value in (models[0], models[-1]))
    return PART.format(**{**told, **{n: "\n".join(lines) for n, lines in lists.items()}, "best": best, "worst": worst})


def _idle() -> list[str]:
    return [channel.name for channel in CHANNELS if not channel.effect]


if __name__ == "__main__":
    main()
