"""Experiments: designed, started, stopped."""

from typing import Annotated
from uuid import UUID

from pydantic import StringConstraints

from commands.command import Command
from domain.experiment import Design, Experiment, ExperimentError, experiment_id
from domain.values import Text


class ExperimentCommand(Command):
    """Goes to the stream of the experiment with this key."""

    key: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]

    @property
    def stream(self) -> UUID:
        """Where it goes."""
        return experiment_id(self.key)

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Asks the experiment, which may not exist yet. Raises ExperimentError."""
        raise ExperimentError("nothing is asked of the experiment")


class DesignExperiment(ExperimentCommand):
    """A new experiment. Its design is fixed from then on."""

    design: Design

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Records Designed. Raises ExperimentError for a key that is taken."""
        if experiment is None:
            return Experiment.plan(self.key, self.design, occurred_at=self.occurred_at, source_id=self.source_id)
        if self.source_id not in experiment.sources:
            raise ExperimentError("there is an experiment with this key")
        return experiment


class StartExperiment(ExperimentCommand):
    """Visitors are assigned to its variants from now on."""

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Records Started. Raises ExperimentError unless it is designed and not started."""
        known = _known(experiment)
        known.start(occurred_at=self.occurred_at, source_id=self.source_id)
        return known


class StopExperiment(ExperimentCommand):
    """Nobody is assigned any more."""

    reason: Text

    def handle(self, experiment: Experiment | None) -> Experiment:
        """Records Stopped. Raises ExperimentError unless it is running."""
        known = _known(experiment)
        known.stop(self.reason, occurred_at=self.occurred_at, source_id=self.source_id)
        return known


def _known(experiment: Experiment | None) -> Experiment:
    if experiment is None:
        raise ExperimentError("there is no experiment with this key")
    return experiment
