"""Every published attribution report looked at again: those whose figures are not what they were get a new version that
says why."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from adapters.attribution import Version
from app.reporting.attribution import Progress, PublishError, asked_again, publish, read
from app.training.training_set import heads
from app.wiring import Wiring
from projections.attribution.trail import Trail
from queries.attribution_plain import figures_of
from queries.attribution_report import report
from queries.attribution_restatement import difference, figures

LOGGER = logging.getLogger("bespoke.reports")


@dataclass(slots=True)
class Restated:
    """How many reports were looked at, the new versions, and the keys of those that could not be made."""

    looked_at: int = 0
    new: list[Version] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def restate(wiring: Wiring, progress: Progress = lambda n: None) -> Restated:
    """The log is folded once for all that did not change, and again for each that did. What is cut short is done again
    from where it was; where nothing changed nothing is written. Raises UnavailableError."""
    done, latest = Restated(), wiring.published.latest()
    if not latest:
        return done
    positions = heads(wiring)
    trails = read(wiring, positions, progress)
    for version in latest:
        done.looked_at += 1
        try:
            if _changed(version, trails, positions.shards) and (told := publish(wiring, asked_again(version))).new:
                done.new.append(told.version)
        except (ValueError, PublishError) as error:
            LOGGER.warning("report %s is not restated: %s", version.key, error)
            done.failed.append(version.key)
    return done


def _changed(version: Version, trails: Mapping[UUID, Trail], positions: tuple[int, ...]) -> bool:
    now = report(trails, positions, asked_again(version))
    return bool(difference(figures_of(version.report), figures(now)))
