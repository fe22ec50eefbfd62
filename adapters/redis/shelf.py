"""Keeps an assortment in step with the catalogue in Redis: what changed since is fetched, never all of it again."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec

from adapters.redis import AsyncClient, translated
from queries.recommend.assortment import Assortment
from readmodels.catalogue import ProductRecord
from readmodels.keys import Keys

SINCE = Path(__file__).with_name("since.lua").read_text()
#: Records of one answer: how long the server works for us alone (1 to 2 ms), and how long a decoding holds the lock of
#: the interpreter.
PAGE = 1_000
#: Records that are made into arrays at a time.
AT_ONCE = 8_000
_DECODER = msgspec.msgpack.Decoder(list[ProductRecord])


class Shelf:
    """For one event loop. Only a whole assortment is ever given out: the fold of the log up to its ``position``."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._where: Keys | None = None
        self._lock = asyncio.Lock()
        self.now = Assortment.empty()

    async def refresh(self, where: Keys, at_least: int | None = None) -> Assortment:
        """The assortment of a generation as it is now; what there is, where it is of ``at_least`` that position. Until
        another generation is loaded whole, ``now`` is of the one before. Raises UnavailableError."""
        async with self._lock:
            if at_least is None or where != self._where or self.now.position < at_least:
                base = self.now if where == self._where else Assortment.empty()
                self.now, self._where = await self._brought_up(base, where), where
            return self.now

    async def _brought_up(self, base: Assortment, where: Keys) -> Assortment:
        """Pages follow each other by the time of the last change, so what changes meanwhile comes again later: with
        the last page, which is cut from one moment, everything is as of that moment."""
        at, cursor, packed = await self._since(where, base.position)
        if at < base.position:  # the server came back without its last writes, which will be the same again
            return base
        records: list[ProductRecord] = []
        while cursor < at:
            (records, base), (at, further, packed) = await asyncio.gather(
                asyncio.to_thread(_taken, records, base, packed), self._since(where, cursor)
            )
            if at < cursor:
                return await self._brought_up(Assortment.empty(), where)
            cursor = further
        return await asyncio.to_thread(_finished, records, base, packed, at)

    async def _since(self, where: Keys, cursor: int) -> tuple[int, int, bytes]:
        keys = where.catalogue, where.catalogue_changes, where.catalogue_position
        with translated():
            answer: Any = await self._client.eval(SINCE, len(keys), *keys, str(cursor), str(PAGE))
        at, up_to, packed = answer
        return int(at), int(up_to), packed


def _taken(records: list[ProductRecord], base: Assortment, packed: bytes) -> tuple[list[ProductRecord], Assortment]:
    """With one more page; many records become arrays together."""
    records += _DECODER.decode(packed)
    if len(records) < AT_ONCE:
        return records, base
    return [], base.with_changes(records, base.position)


def _finished(records: list[ProductRecord], base: Assortment, packed: bytes, position: int) -> Assortment:
    return base.with_changes([*records, *_DECODER.decode(packed)], position)
