"""The rules that are live, as a serving process reads them."""

from typing import Any

from adapters.redis import AsyncClient, translated
from domain.merchandising import rulebook_id
from readmodels import keys
from readmodels.keys import Keys
from readmodels.live import CATALOGUE
from readmodels.merchandising import PublishedRules, decode


async def published_rules(client: AsyncClient, namespace: str) -> PublishedRules:
    """The set that is live, a new one within a second of its publication; nothing where none is projected yet. Raises
    UnavailableError."""
    unsafe: Any = client
    with translated():
        live = int(await unsafe.hget(keys.generations(namespace), CATALOGUE) or 0)
        stored = await unsafe.hget(Keys(namespace, live).rules, str(rulebook_id())) if live else None
    return decode(stored) if stored else PublishedRules()
