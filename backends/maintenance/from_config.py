"""A run of the configuration as a request."""

from __future__ import annotations

from collections.abc import Mapping

from backends.config.schema import Config, RunConfig
from backends.errors import BadInput
from backends.maintenance.request import Request, Window
from backends.maintenance.steps_text import seconds


def named(config: Config, name: str) -> Request:
    """The run of that name. Raises BadInput when there is none."""
    for run in config.runs:
        if run.name == name:
            return request(run)
    known = ", ".join(run.name for run in config.runs)
    raise BadInput(f'no run is called "{name[:60]}"', hint=f"there are: {known}" if known else "[[runs]] names them")


def request(run: RunConfig) -> Request:
    """What it asks for; its window has no times yet."""
    window = run.window
    return Request(
        name=run.name,
        selector=run.hosts,
        steps=run.steps,
        batches=run.batches,
        canary=run.canary,
        canaries=run.canaries,
        soak_seconds=run.soak_minutes * 60.0,
        promote=run.promote,
        max_unavailable=run.max_unavailable,
        max_unavailable_per_domain=run.max_unavailable_per_domain or "",
        max_failed=run.max_failed,
        window=Window(cron=window.cron, timezone=window.timezone, hours=window.hours) if window.cron else None,
        timeouts=dict(run.timeouts),
        approvals=run.approvals,
        packages=run.packages,
        exclude_packages=run.exclude_packages,
        minimum_age_days=run.minimum_age_days,
    )


def commands(config: Config) -> Mapping[str, float]:
    """Name of each command step → its time-out in seconds; for `Site.commands`."""
    return {each.name: seconds(each.timeout) for each in config.maintenance.commands}
