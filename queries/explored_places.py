"""What the places that bandits filled earn in each arm of an experiment, by inverse propensity. Pure.

A round is a place of an answer that a bandit filled and the person saw; its reward is 1 where it was clicked within
half an hour. Bandits favour what does well, in each arm what does well there and then, so plain click rates compare
their choices and not the arms. Each round is weighted by what it would have had of an even choice among the same items,
over the chance that it had: the share of the arm when the person came times the chance of the item. Persons are the
units. Every interval holds at every look.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np

from projections.experiments import bandit, sequential
from projections.experiments.analysis import Options
from projections.experiments.bandit import Rounds
from projections.experiments.correction import corrected
from projections.experiments.exposed import Person, Rules
from projections.experiments.frequentist import Estimate
from projections.experiments.moments import Sample
from projections.experiments.places import known
from queries.experiments import Told


@dataclass(frozen=True, slots=True)
class Choice:
    """What a receipt tells of an item that a bandit chose: the experiment's ``arm``, its ``chance`` to be chosen, and
    ``among`` how many (0: not told)."""

    arm: str
    chance: float
    among: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """``unread``: decisions whose receipts cannot be read, or are no longer kept."""

    choices: Mapping[tuple[UUID, str], Choice]
    unread: int = 0


@dataclass(frozen=True, slots=True)
class ArmPlaces:
    """``shown``: clicks a place as bandits chose; ``ipw`` and ``snipw``: at an even choice. ``difference``: of SNIPW to
    the control's, its ``p_corrected`` for all arms. ``effective``: even rounds that the weighted ones are worth;
    ``thin``: too few of them to believe an interval."""

    persons: int
    places: int
    shown: float
    ipw: Estimate | None
    snipw: Estimate | None
    effective: float
    thin: bool
    difference: Estimate | None = None
    p_corrected: float | None = None


@dataclass(frozen=True, slots=True)
class ExploredPlaces:
    """``untold``: places whose receipts tell no chance that can be used."""

    arms: Mapping[str, ArmPlaces]
    unread: int
    untold: int


@dataclass(frozen=True, slots=True)
class _Round:
    arm: str
    clicked: bool
    propensity: float
    target: float
    person: int


def explored(
    told: Told, persons: Sequence[Person], chosen: Chosen, rules: Rules, options: Options
) -> ExploredPlaces | None:
    """None where no bandit chose anything. Who was exposed to two arms is left out, as everywhere."""
    found = list(_rounds(told, persons, chosen.choices, rules))
    rounds = [each for each in found if each.propensity > 0]
    if not found:
        return None
    return ExploredPlaces(_arms(rounds, options) if rounds else {}, chosen.unread, len(found) - len(rounds))


def shares_at(told: Told, at_ms: int) -> dict[str, float]:
    """Arm → its part of those who were let in at a moment."""
    buckets = {variant.name: variant.buckets for variant in told.design.variants}
    changes = [c for c in told.history if "buckets" in c.to]
    for change in changes[:1] + [c for c in changes[1:] if c.at_ms <= at_ms]:
        buckets = change.to["buckets"]
    whole = sum(buckets.values())
    return {arm: share / whole for arm, share in buckets.items()} if whole else {}


def _rounds(
    told: Told, persons: Sequence[Person], choices: Mapping[tuple[UUID, str], Choice], rules: Rules
) -> Iterator[_Round]:
    """``propensity`` 0: none that can be used."""
    until = rules.until_ms or 1 << 62
    for number, person in enumerate(persons):
        seen = [(at, arm) for at, arm in person.exposures if at < until]
        if len({arm for _, arm in seen}) != 1:
            continue
        since, arm = min(seen)
        share = shares_at(told, since).get(arm, 0.0)
        end = min(until, since + rules.within_ms) if rules.within_ms else until
        for key, clicked in known(person.showings, since, end, until).items():
            choice = choices.get(key)
            if choice and choice.arm == arm:
                usable = choice.among and 0 < choice.chance <= 1
                yield _Round(arm, clicked, share * choice.chance if usable else 0, 1 / (choice.among or 1), number)


def _arms(rounds: Sequence[_Round], options: Options) -> dict[str, ArmPlaces]:
    names = sorted({each.arm for each in rounds} - {options.control})
    names = [options.control, *names]
    table = Rounds(
        np.array([names.index(each.arm) for each in rounds], np.int64),
        np.array([each.clicked for each in rounds], np.float64),
        np.array([each.propensity for each in rounds]),
        np.array([each.target for each in rounds]),
        np.array([each.person for each in rounds], np.int64),
    )
    found = {name: _arm(table, code, options) for code, name in enumerate(names) if (table.arms == code).any()}
    return _corrected(found, options)


def _arm(table: Rounds, code: int, options: Options) -> ArmPlaces:
    mine, worth = table.arms == code, bandit.value(table, code)
    units = np.unique(table.units) if table.units is not None else table.arms
    persons = len(np.unique(table.units[mine])) if table.units is not None else int(mine.sum())
    difference = bandit.compare(table, 0, code, options.alpha) if code else None
    return ArmPlaces(
        persons,
        int(mine.sum()),
        float(table.rewards[mine].mean()),
        _interval(worth.ipw, options),
        _interval(worth.snipw, options) if worth.snipw else None,
        worth.effective,
        worth.thin,
        _held(difference.value, difference.standard_error, len(units), options) if difference else None,
    )


def _interval(sample: Sample, options: Options) -> Estimate | None:
    """None where nothing varies, or there is one person alone."""
    error = math.sqrt(sample.squared_error)
    return _held(sample.mean, error, sample.n, options) if error > 0 and sample.n > 1 else None


def _held(value: float, error: float, n: int, options: Options) -> Estimate:
    return sequential.estimate(value, error, n, options.alpha, options.tuned or sequential.TUNED)


def _corrected(arms: dict[str, ArmPlaces], options: Options) -> dict[str, ArmPlaces]:
    """The arms are one family of questions."""
    asked = [name for name, arm in arms.items() if arm.difference]
    p_values = corrected([d.p_value for name in asked if (d := arms[name].difference)], options.correction)
    return arms | {name: replace(arms[name], p_corrected=p) for name, p in zip(asked, p_values, strict=True)}
