"""Every key in Redis: its name, type, value, writer and expiry. Nothing else builds a key.

All begin with the namespace, then the generation (``g7``) where a rebuild makes them anew. Braces hold what a Redis
Cluster hashes, so that one person is on one node. No key holds an identifier, a name or an address.
"""

from dataclasses import dataclass
from uuid import UUID

#: The field of a person's hash that tells where the stream went that the hash is named after.
MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one generation of one namespace."""

    namespace: str
    generation: int

    def person(self, person_id: UUID) -> str:
        """HASH stream id → version and CustomerRecord, or ``moved`` → person id. Writer: project. No expiry."""
        return f"{self.namespace}:g{self.generation}:person:{{{person_id}}}"

    def settling(self, person_id: UUID) -> str:
        """STRING token of who moves streams in or out of that person's hash, in whose slot it is. Writer: project.
        Expires after 30 s."""
        return f"{self.namespace}:g{self.generation}:settling:{{{person_id}}}"

    def filling(self, shard: int) -> str:
        """STRING 1 while that shard's records are still being put into the generation, after Redis was wiped. Writer:
        project. No expiry."""
        return f"{self.namespace}:g{self.generation}:filling:{shard}"

    @property
    def epoch(self) -> str:
        """STRING epoch of the log's shards that the generation was folded from, 1 where it is missing. Writer: project
        and rebuild. No expiry."""
        return f"{self.namespace}:g{self.generation}:epoch"

    def part(self, tag: str) -> str:
        """STRING 1, one in each part of a cluster's slots: where one is missing, a node was wiped. Writer: project and
        rebuild. No expiry."""
        return f"{self.namespace}:g{self.generation}:part:{{{tag}}}"

    @property
    def catalogue(self) -> str:
        """HASH product stream id → version and ProductRecord. Writer: project. No expiry."""
        return f"{self.namespace}:g{self.generation}:catalogue:{{all}}"

    @property
    def catalogue_position(self) -> str:
        """STRING position in the catalogue's log: the catalogue is the fold of all up to it. Writer: project. No
        expiry."""
        return f"{self.namespace}:g{self.generation}:catalogue:{{all}}:position"

    @property
    def catalogue_changes(self) -> str:
        """ZSET product stream id → position of the stream's last event. Writer: project. No expiry."""
        return f"{self.namespace}:g{self.generation}:catalogue:{{all}}:changes"

    @property
    def catalogue_shape(self) -> str:
        """STRING number of the form in which the ProductRecords are. Writer: project. No expiry."""
        return f"{self.namespace}:g{self.generation}:catalogue:{{all}}:shape"

    @property
    def rules(self) -> str:
        """HASH rule book's stream id → version and PublishedRules. Writer: project. No expiry."""
        return f"{self.namespace}:g{self.generation}:rules:{{all}}"

    @property
    def experiments(self) -> str:
        """HASH one id → version and PublishedExperiments: all that run, are paused or shipped. Writer: project. No
        expiry."""
        return f"{self.namespace}:g{self.generation}:experiments:{{all}}"

    def statistics_part(self, shard: int) -> str:
        """STRING position and absolute counts of one shard. Writer: that shard's project. No expiry."""
        return f"{self.namespace}:g{self.generation}:statistics:part:{shard}"

    @property
    def statistics_current(self) -> str:
        """STRING hash of the published statistics. Writer: project. No expiry."""
        return f"{self.namespace}:g{self.generation}:statistics:current"

    def statistics(self, digest: str) -> str:
        """STRING the published statistics with this hash. Writer: project. Expires a day after the next."""
        return f"{self.namespace}:g{self.generation}:statistics:{digest}"


def identity(namespace: str, model: str) -> str:
    """STRING of the index of an identity model: 0 while it is being made, 1 where it is whole. Writer: identity link;
    expiry deletes it. No expiry."""
    return f"{namespace}:identity:{model}:whole"


def identity_models(namespace: str) -> str:
    """SET versions of the identity models that have an index. Writer: identity link. No expiry."""
    return f"{namespace}:identity:models"


def identity_stream(namespace: str, model: str, stream: UUID) -> str:
    """HASH of linking: ``node``, the stream's ties; ``keys``, its blocking keys as HMACs; ``secret`` and ``compared``,
    what its person told, encrypted under the stream's key. Writer: identity link. No expiry."""
    return f"{namespace}:identity:{model}:stream:{{{stream}}}"


def identity_pairs(namespace: str, model: str, stream: UUID) -> str:
    """HASH stream id of another → match weight, 8 bytes: pairs that may be one person. Writer: identity link. No
    expiry."""
    return f"{namespace}:identity:{model}:pairs:{{{stream}}}"


def identity_block(namespace: str, model: str, name: str) -> str:
    """SET of the stream ids that have the blocking key with this HMAC. Writer: identity link. No expiry."""
    return f"{namespace}:identity:{model}:block:{name}"


def identity_review(namespace: str, model: str) -> str:
    """ZSET two stream ids → match weight: pairs that people decide. Writer: identity link. No expiry."""
    return f"{namespace}:identity:{model}:review"


def generations(namespace: str) -> str:
    """HASH projection → live generation; ``<projection>:previous`` and ``:ready`` → the one before it, and one that
    waits for its switch; ``:projecting:<log>`` → the one that the projector of a log writes. Writer: project, rebuild
    and projections. No expiry."""
    return f"{namespace}:generations"


def identifier(namespace: str, pseudonym: str) -> str:
    """STRING stream id of the identifier with this HMAC, 16 bytes, or nothing for a while after it was forgotten.
    Writer: serve, ingest and whoever else claims. Expires after 7 days."""
    return f"{namespace}:identifier:{pseudonym}"


def rate(namespace: str, key_id: str) -> str:
    """HASH ``tokens`` left and ``at``, in microseconds, of the API key with this id. Writer: serve. Expires when the
    bucket is full again."""
    return f"{namespace}:rate:{{{key_id}}}"


def newest_generation(namespace: str) -> str:
    """STRING counter of generations ever begun. Writer: project and rebuild. No expiry."""
    return f"{namespace}:generation:newest"


def confirmed(namespace: str, part: str = "0") -> str:
    """STRING counter, written to learn when what came before it is on disk, one on each node. Writer: project. No
    expiry."""
    return f"{namespace}:confirmed:{{{part}}}"


def jobs(namespace: str) -> str:
    """QUEUES of jobs: keys that begin so hold ids and messages, as dramatiq has them. Writer: worker and clock. Failed
    jobs go after 7 days."""
    return f"{namespace}:{{jobs}}"


def job_runs(namespace: str) -> str:
    """HASH job → the latest run of it, as JSON: when, how far, with what result. Writer: worker. No expiry."""
    return f"{namespace}:{{jobs}}:runs"


def job_times(namespace: str) -> str:
    """HASH job → when it was due that was emitted last, ``<job>:done`` → that was done last, in ms. Writer: clock and
    worker. No expiry."""
    return f"{namespace}:{{jobs}}:times"
