"""Decisions made again, of the generations that their receipts name: the catalogue as it was at its position, the
statistics that were published, the artefacts, rules and experiments by their hashes."""

from collections.abc import Mapping
from functools import lru_cache

from msgspec.structs import replace

from app import tuning
from app.models.in_use import bandit_of
from app.replay.errors import UnknownGenerationError
from app.wiring import Wiring
from domain.merchandising import RuleSet, rulebook_id
from ml.artefacts import ArtefactError, open_
from ml.score.scorer import open_scorer
from projections.experiment import experiments_by_hash
from projections.merchandising import rulebook_by_hash
from queries.recommend.arms import Current
from queries.recommend.ask import Ask
from queries.recommend.assemble import Assembler, Bandit, Model, Parts, config_of
from queries.recommend.decide import EVERYTHING, Rung, Without, decide
from queries.recommend.decision import Decision, Generations
from queries.recommend.past import PositionError
from queries.recommend.serving import Serving
from queries.recommend.subject import Subject
from queries.recommend.trace import Trace
from queries.recommend.weights import Weights
from readmodels.customer import CustomerRecord
from readmodels.experiment import ExperimentRecord
from readmodels.live import STATISTICS
from readmodels.statistics import Statistics, decode


class Remaker:
    """Reads each generation once. Decisions in the order of their catalogue's position are made again fastest: going
    back begins the catalogue anew. To be used from one thread."""

    def __init__(self, wiring: Wiring) -> None:
        tuning.for_answers()
        self._wiring, self._past, self._assembler = wiring, wiring.past(), Assembler()
        self._rules = rulebook_by_hash(e for _, found in wiring.catalogue.streams([rulebook_id()]) for e in found)
        self._folder = wiring.settings.models_folder()
        self._statistics = lru_cache(4)(self._published)
        self._models = lru_cache(4)(self._opened)
        self._bandits = lru_cache(4)(self._explored)
        self._of = Generations(-1)
        self._experiments: Mapping[str, tuple[ExperimentRecord, ...]] = {"": ()}

    def again(
        self,
        decision: Decision,
        record: CustomerRecord,
        *,
        arms: dict[str, str] | None = None,
        without: Without = EVERYTHING,
        trace: Trace | None = None,
    ) -> Decision:
        """The decision that is made of the same generations for a ``record`` folded anew. ``arms``: others than the
        receipt's. Raises UnknownGenerationError."""
        serving = self.serving(decision.generations)
        ask = Ask(
            decision.repeats or decision.decision_id,
            decision.placement,
            decision.at_ms,
            decision.limit,
            decision.item,
            decision.skus,
            decision.category,
            decision.store,
            decision.device,
            decision.channel,
            decision.opted_out,
        )
        subject = Subject(decision.person_id, decision.streams, record)
        chosen = decision.arms if arms is None else arms
        rung = Rung.FULL if decision.rung == Rung.CACHED else Rung(decision.rung)
        made = decide(
            serving,
            ask,
            subject,
            rung=rung,
            arms=chosen,
            without=without,
            trace=trace,
            degraded=decision.degraded,
        )
        return replace(made, decision_id=decision.decision_id, rung=decision.rung, repeats=decision.repeats)

    def serving(self, of: Generations) -> Serving:
        """The snapshot of these generations. Raises UnknownGenerationError."""
        if of != self._of:
            self._assembler.assemble(self._parts(of))
            self._of = of
        return self._assembler.serving

    def _parts(self, of: Generations) -> Parts:
        try:
            assortment = self._past.at(of.catalogue)
        except PositionError:
            raise UnknownGenerationError("catalogue") from None
        experiments = self._tested(of.experiments)
        return Parts(
            assortment=assortment,
            statistics=self._statistics(of.statistics),
            digest=of.statistics,
            config=config_of(of.statistics_config),
            model=self._models(of.model) if of.model else None,
            bandit=self._bandits(of.bandit) if of.bandit else None,
            rules=self._ruled(of.rules),
            others=tuple(self._models(digest) for digest in sorted(experiments.models)),
            experiments=experiments,
            experiments_digest=of.experiments,
            weights=Weights.of(of.weights),
        )

    def _published(self, digest: str) -> Statistics:
        stored = self._wiring.kept_generations.load(STATISTICS, digest) if digest else None
        if digest and stored is None:
            raise UnknownGenerationError("statistics")
        return decode(stored) if stored else Statistics()

    def _opened(self, digest: str) -> Model:
        try:
            artefact = open_(self._folder, digest)
            return Model(digest, open_scorer(self._folder, artefact), artefact.item_names())
        except ArtefactError:
            raise UnknownGenerationError("model") from None

    def _explored(self, digest: str) -> Bandit:
        try:
            return bandit_of(open_(self._folder, digest))
        except ArtefactError:
            raise UnknownGenerationError("bandit") from None

    def _ruled(self, digest: str) -> RuleSet:
        if not digest:
            return RuleSet()
        found = self._rules.get(digest)
        if found is None:
            raise UnknownGenerationError("rules")
        return found

    def _tested(self, digest: str) -> Current:
        """Those that counted. The log is read for them when a decision first needs any."""
        if digest not in self._experiments:
            self._experiments = experiments_by_hash(self._wiring.experiment_events())
        if digest not in self._experiments:
            raise UnknownGenerationError("experiments")
        return Current(self._experiments[digest])
