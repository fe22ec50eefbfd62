"""The models by name, and what each says of paths: credits in whole numbers that sum exactly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from projections.attribution import exact, markov, markov_game, shapley
from projections.attribution.apportion import by_shares
from projections.attribution.exact import Owed
from projections.attribution.markov import Chain, Effect
from projections.attribution.paths import MILLION, Path
from projections.attribution.positional import DIRECT, weighing

POSITIONAL = tuple(weighing(1))
ORDERS = {f"markov-{order}": order for order in (1, 2, 3, 4)}
SHAPLEY, GAME, FINE = "shapley", "shapley-markov", "time-decay"
MODELS = (*POSITIONAL, *ORDERS, SHAPLEY, GAME)


@dataclass(frozen=True, slots=True)
class Options:
    """``half_life`` of the time decay, in the unit of the paths' ages. ``direct``: the channel that last-non-direct
    passes over. ``seed``: of what is sampled."""

    half_life: int = 7 * 24
    direct: str = DIRECT
    seed: int = markov_game.SEED


@dataclass(frozen=True, slots=True)
class Credit:
    """``conversions`` in millionths of one; ``value`` in the unit of the paths. Errors are standard errors in the same
    units, of what was sampled; 0: exact."""

    conversions: int
    value: int
    conversions_error: float = 0.0
    value_error: float = 0.0


@dataclass(frozen=True, slots=True)
class Credited:
    """What a model says: channel → credit, by name, and of Markov chains what is lost without each channel."""

    model: str
    credits: Mapping[str, Credit]
    effects: Mapping[str, Effect] = field(default_factory=dict)
    orders: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sums:
    """What all paths with touches brought: conversions in millionths, and value; and their channels."""

    channels: tuple[str, ...]
    conversions: int
    value: int


def sums(paths: Sequence[Path]) -> Sums:
    """Of those paths that have touches; the others' is unattributed."""
    touched = [path for path in paths if path.channels]
    channels = tuple(sorted({channel for path in touched for channel in path.channels}))
    return Sums(channels, MILLION * sum(p.conversions for p in touched), sum(p.value for p in touched))


def credit(model: str, paths: Sequence[Path], options: Options = Options()) -> Credited:
    """What a model says of these paths. Raises ValueError for one that there is not, and for chains that are too
    large."""
    began = perf_counter()
    whole = sums(paths)
    if model in POSITIONAL:
        weigh = weighing(options.half_life, options.direct)[model]
        made = exactly(model, whole, *exact.owed(paths, weigh, fine=model == FINE))
    elif model in ORDERS:
        made = by_effects(model, whole, markov.chain(markov.count(paths, ORDERS[model])))
    elif model == SHAPLEY:
        made = exactly(model, whole, *shapley.owed(shapley.together(paths)))
    elif model == GAME:
        made = by_game(whole, markov.chain(markov.count(paths)), options.seed)
    else:
        raise ValueError(f"there is no model {model}; there are {', '.join(MODELS)}")
    return Credited(made.model, made.credits, made.effects, made.orders, perf_counter() - began)


def exactly(model: str, whole: Sums, conversions: Owed, value: Owed) -> Credited:
    """Credits of what channels are owed."""
    many, worth = conversions.credits(whole.channels), value.credits(whole.channels)
    return Credited(model, {each: Credit(many[each], worth[each]) for each in whole.channels})


def by_effects(model: str, whole: Sums, chain: Chain) -> Credited:
    """All divided as removal effects are."""
    found = markov.effects(chain)
    effects = {channel: found.get(channel, Effect(0.0, 0.0)) for channel in whole.channels}
    many, worth = markov.shares(effects)
    return Credited(model, _shared(whole, many, worth), effects)


def by_game(whole: Sums, chain: Chain, seed: int) -> Credited:
    """All divided as the values of the Markov game are, whose errors are scaled alike."""
    played = markov_game.play(chain, seed)
    of_value = played.value if any(played.value.values()) else played.conversions
    value_error = played.value_error if of_value is played.value else played.conversions_error
    credits = _shared(whole, played.conversions, of_value)
    found = {
        channel: Credit(
            each.conversions,
            each.value,
            _scaled(whole.conversions, played.conversions, played.conversions_error.get(channel, 0.0)),
            _scaled(whole.value, of_value, value_error.get(channel, 0.0)),
        )
        for channel, each in credits.items()
    }
    return Credited(GAME, found, orders=played.orders)


def _scaled(total: int, values: Mapping[str, float], error: float) -> float:
    whole = sum(values.values())
    return abs(total) * error / whole if whole > 0 else 0.0


def _shared(whole: Sums, many: Mapping[str, float], worth: Mapping[str, float]) -> dict[str, Credit]:
    if not whole.channels:
        return {}
    conversions = by_shares(whole.conversions, {each: many.get(each, 0.0) for each in whole.channels})
    value = by_shares(whole.value, {each: worth.get(each, 0.0) for each in whole.channels})
    return {each: Credit(conversions[each], value[each]) for each in whole.channels}
