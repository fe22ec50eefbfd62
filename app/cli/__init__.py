"""The command line, ``bespoke``: one module a group of commands. Each takes ``--json``.

A command's module is imported when it is asked for, so that none waits for what only others need.
"""

import sys
from importlib import import_module

import click
from pydantic import ValidationError

from app.cli.output import fail
from app.settings import Settings

#: Command → its module in ``app.cli``, and its name there.
COMMANDS = {
    "up": "processes:up",
    "servers": "processes:servers",
    "serve": "processes:serve",
    "ingest": "ingesting:ingest",
    "dead-letters": "ingesting:dead_letters",
    "project": "projecting:project",
    "rebuild": "projecting:rebuild",
    "projections": "projections:projections",
    "reshard": "resharding:reshard",
    "load": "loading:load",
    "train": "training:train",
    "training-set": "training_sets:sets",
    "models": "models:models",
    "worker": "jobs:worker",
    "clock": "jobs:clock",
    "jobs": "jobs:jobs",
    "customer": "customers:customer",
    "rules": "rules:rules",
    "experiment": "experiments:experiment",
    "identity": "identities:identity",
    "attribution": "attribution:attribution",
    "keys": "access:keys",
    "audit": "access:audit",
    "officers": "officers:officers",
    "privacy": "privacy:privacy",
    "decision": "decisions:decision",
    "receipts": "decisions:receipts",
    "evaluate": "evaluating:evaluate",
    "doctor": "doctor:doctor",
}
#: What a user can do something about: told in one line.
TOLD = (
    "adapters.embedded:EmbeddedServerError",
    "adapters.eventlog.moving:DifferenceError",
    "adapters.eventlog.topology:TopologyError",
    "adapters.keys.services:WrappingKeyError",
    "app.load:StalledError",
    "app.projecting.lifecycle:LifecycleError",
    "app.projecting.process:AnotherProjectorError",
    "app.replay.errors:ErasedError",
    "app.replay.errors:UnknownGenerationError",
    "app.settings:SettingsError",
    "app.sharding.reshard:ReshardError",
    "app.training.next_item:AnotherTrainingError",
    "commands.ports:UnavailableError",
    "domain.merchandising:RulesError",
    "ml.artefacts:ArtefactError",
)


class Commands(click.Group):
    """All commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the alphabet."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """None where there is no such command."""
        if (place := COMMANDS.get(cmd_name)) is None:
            return None
        module, _, name = place.partition(":")
        found: click.Command = getattr(import_module(f"app.cli.{module}"), name)
        return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bespoke")
def bespoke() -> None:
    """Bespoke: real-time personalization on an event log."""


def main() -> None:
    """Runs a command; errors that a user can do something about are one line, without a traceback."""
    try:
        bespoke()
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        fail("; ".join(_wrong_setting(wrong["loc"], wrong["msg"]) for wrong in error.errors()))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not isinstance(error, _told()):
            raise
        fail(str(error))


def _told() -> tuple[type[Exception], ...]:
    """Those whose module is loaded: no other can have been raised."""
    places = (place.partition(":") for place in TOLD)
    return tuple(getattr(sys.modules[module], name) for module, _, name in places if module in sys.modules)


def _wrong_setting(where: tuple[int | str, ...], reason: str) -> str:
    """Names the variable and never its value, which may be a secret."""
    return f"BESPOKE_{'.'.join(str(part) for part in where).upper()}: {reason}"
