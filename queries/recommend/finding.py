"""Candidates as a placement's recipe asks for them."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml.sequences import Rows
from queries.recommend import candidates
from queries.recommend.ask import Ask
from queries.recommend.candidates import Found, among
from queries.recommend.heard import Heard
from queries.recommend.inventory import sellable
from queries.recommend.placements import MOST_CANDIDATES, Scope, Source
from queries.recommend.plan import Plan
from queries.recommend.serving import Serving


def find(serving: Serving, ask: Ask, plan: Plan, heard: Heard | None, tried: Rows) -> Found:
    """Those of all sources that the recipe names. ``heard``: the history, None without a model. ``tried``:
    what may be explored."""
    if plan.recipe.scope is not Scope.SHOP:
        return _merged(serving, ask, plan, {Source.GIVEN: _given(serving, ask, plan)})
    quotas, learned = plan.recipe.quotas, plan.learned if heard is not None else None
    found: dict[Source, Rows] = {}
    if len(plan.past.rows):
        found[Source.SESSION] = candidates.near(learned, heard, "session", quotas.get(Source.SESSION, 0))
        found[Source.PEOPLE] = candidates.near(learned, heard, "ncf", quotas.get(Source.PEOPLE, 0))
        found[Source.CONTENT] = candidates.alike(learned, plan.past, quotas.get(Source.CONTENT, 0))
        found[Source.TOGETHER] = candidates.together(serving, plan.past, quotas.get(Source.TOGETHER, 0))
    found[Source.TRENDING] = candidates.trending(serving, quotas.get(Source.TRENDING, 0))
    found[Source.NEW] = candidates.arrivals(serving, ask.at_ms, quotas.get(Source.NEW, 0))
    found[Source.POPULAR] = serving.trends.popular[: quotas.get(Source.POPULAR, 0)]
    found[Source.EXPLORE] = tried
    return _merged(serving, ask, plan, found)


def find_popular(serving: Serving, ask: Ask, plan: Plan) -> Found:
    """What is popular with everybody, or what the caller gave, and nothing else."""
    if plan.recipe.scope is not Scope.SHOP:
        return _merged(serving, ask, plan, {Source.GIVEN: _given(serving, ask, plan)})
    return _merged(serving, ask, plan, {Source.POPULAR: serving.trends.popular[:MOST_CANDIDATES]})


def _given(serving: Serving, ask: Ask, plan: Plan) -> Rows:
    if plan.recipe.scope is Scope.HITS:
        return candidates.given(serving.assortment, ask.skus)
    name = ask.category or ""
    found = partial(candidates.category, serving.assortment, name, serving.trends.popular)
    return serving.of_category(name, found)


def _merged(serving: Serving, ask: Ask, plan: Plan, found: dict[Source, Rows]) -> Found:
    shelf = serving.assortment
    away = hidden(plan)
    unwanted = np.fromiter(away, np.int32, len(away))
    categories = np.unique(shelf.category[plan.seeds]) if plan.recipe.other_category else None

    def may(rows: Rows) -> NDArray[np.bool_]:
        good = sellable(shelf, rows, ask.store)
        if len(unwanted):
            good &= ~among(rows, unwanted)
        if categories is not None:
            good &= ~among(shelf.category[rows], categories)
        return good

    return candidates.merged(shelf, found, may)


def hidden(plan: Plan) -> set[int]:
    """What is shown already, lies in the cart, or was bought where that counts. Hits that were asked for stay."""
    if plan.recipe.scope is Scope.HITS:
        return set()
    rows = set(plan.seeds.tolist()) | plan.past.cart
    return rows | plan.past.bought if plan.recipe.hide_bought else rows
