"""The command line, ``bespoke``: one module a group of commands. Each takes ``--json``."""

import sys

import click
from pydantic import ValidationError

from adapters.embedded import EmbeddedServerError
from adapters.eventlog.moving import DifferenceError
from adapters.eventlog.topology import TopologyError
from adapters.keys.services import WrappingKeyError
from app.cli import (
    access,
    attribution,
    customers,
    decisions,
    evaluating,
    experiments,
    identities,
    ingesting,
    jobs,
    keeping,
    loading,
    models,
    officers,
    privacy,
    processes,
    projecting,
    projections,
    proving,
    resharding,
    rules,
    training,
    training_sets,
)
from app.cli.doctor import doctor
from app.cli.output import fail
from app.load import StalledError
from app.projecting.lifecycle import LifecycleError
from app.projecting.process import AnotherProjectorError
from app.replay.errors import ErasedError, UnknownGenerationError
from app.settings import Settings, SettingsError
from app.sharding.reshard import ReshardError
from app.training.next_item import AnotherTrainingError
from commands.ports import UnavailableError
from domain.merchandising import RulesError
from ml.artefacts import ArtefactError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bespoke")
def bespoke() -> None:
    """Bespoke: real-time personalization on an event log."""


for command in (
    processes.up,
    processes.servers,
    processes.serve,
    ingesting.ingest,
    ingesting.dead_letters,
    projecting.project,
    projecting.rebuild,
    projections.projections,
    resharding.reshard,
    loading.load,
    training.train,
    training_sets.sets,
    models.models,
    jobs.worker,
    jobs.clock,
    jobs.jobs,
    customers.customer,
    rules.rules,
    experiments.experiment,
    identities.identity,
    attribution.attribution,
    access.keys,
    access.audit,
    officers.officers,
    privacy.privacy,
    decisions.decision,
    decisions.receipts,
    evaluating.evaluate,
    doctor,
):
    bespoke.add_command(command)
for command in (
    proving.bundle,
    proving.verify,
    proving.public_key,
    keeping.rotate_keys,
    keeping.epochs,
    keeping.expire,
):
    privacy.privacy.add_command(command)


def main() -> None:
    """Runs a command; errors that a user can do something about are one line, without a traceback."""
    try:
        bespoke()
    except (
        UnavailableError,
        UnknownGenerationError,
        ErasedError,
        AnotherTrainingError,
        ArtefactError,
        EmbeddedServerError,
        SettingsError,
        AnotherProjectorError,
        LifecycleError,
        StalledError,
        ReshardError,
        RulesError,
        DifferenceError,
        TopologyError,
        WrappingKeyError,
    ) as error:
        fail(str(error))
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        fail("; ".join(_wrong_setting(wrong["loc"], wrong["msg"]) for wrong in error.errors()))
    except KeyboardInterrupt:
        sys.exit(130)


def _wrong_setting(where: tuple[int | str, ...], reason: str) -> str:
    """Names the variable and never its value, which may be a secret."""
    return f"BESPOKE_{'.'.join(str(part) for part in where).upper()}: {reason}"
