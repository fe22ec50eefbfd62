"""Experiments: designed, started, ramped, paused, resumed, shipped, stopped."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints

from commands.command import Command
from domain.experiment import BUCKETS, Actor, Coverage, Design, Experiment, ExperimentError, Shares, experiment_id
from domain.values import Name, Text


class ExperimentCommand(Command):
    """Goes to the stream of the experiment with this key. ``actor``: who asks for it, "" where nobody does."""

    key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    actor: Actor = ""

    @property
    def stream(self) -> UUID:
        """Where it goes."""
        return experiment_id(self.key)

    def facts(self) -> dict[str, Any]:
        """When, of which delivery, and who asks: the fields that all events have."""
        return {"occurred_at": self.occurred_at, "source_id": self.source_id, "actor": self.actor}

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Asks the experiment, which may not exist yet. Raises ExperimentError."""
        raise ExperimentError("nothing is asked of the experiment")


class DesignExperiment(ExperimentCommand):
    """A new experiment. Its design is fixed from then on."""

    design: Design

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Records Designed. Raises ExperimentError for a key that is taken."""
        if experiment is None:
            return Experiment.plan(self.key, self.design, **self.facts())
        if self.source_id not in experiment.sources:
            raise ExperimentError("there is an experiment with this key")
        return experiment


class ChangeExperiment(ExperimentCommand):
    """Of an experiment that there is."""

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Records the change. Raises ExperimentError where the experiment is not in a state that allows it."""
        if experiment is None:
            raise ExperimentError("there is no experiment with this key")
        self.change(experiment, **self.facts())
        return experiment

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Asks the experiment to change. Raises ExperimentError."""
        raise ExperimentError("nothing is asked of the experiment")


class StartExperiment(ChangeExperiment):
    """Visitors are assigned to its variants from now on; ``coverage`` in 10,000ths."""

    coverage: Coverage = BUCKETS

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Started."""
        experiment.start(self.coverage, **fields)


class RampExperiment(ChangeExperiment):
    """More or fewer visitors come in from now on."""

    coverage: Coverage

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Ramped."""
        experiment.ramp(self.coverage, **fields)


class ReweightExperiment(ChangeExperiment):
    """Other shares of buckets by variant, for those who come from now on."""

    buckets: Shares

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Reweighted."""
        experiment.reweight(self.buckets, **fields)


class PauseExperiment(ChangeExperiment):
    """Nobody new is let in; who is in stays."""

    reason: Text

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Paused."""
        experiment.pause(self.reason, **fields)


class ResumeExperiment(ChangeExperiment):
    """It goes on after a pause."""

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Resumed."""
        experiment.resume(**fields)


class TellMismatch(ChangeExperiment):
    """Its arms have not the shares that were designed; ``counts``: persons by variant."""

    counts: dict[Name, int]
    p_value: Text

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records MismatchFound."""
        experiment.mismatch(self.counts, self.p_value, **fields)


class ShipExperiment(ChangeExperiment):
    """One variant is for everybody from now on."""

    variant: Name
    reason: Text = ""

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Shipped."""
        experiment.ship(self.variant, self.reason, **fields)


class StopExperiment(ChangeExperiment):
    """Nobody is assigned any more, and nothing of it is changed for anybody."""

    reason: Text

    def change(self, experiment: Experiment, **fields: Any) -> None:
        """Records Stopped."""
        experiment.stop(self.reason, **fields)
