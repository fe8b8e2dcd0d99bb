"""The runs of the configuration that have a name, with the hosts that each means now."""

from __future__ import annotations

from collections.abc import Callable

from backends.config.schema_runs import RunConfig
from backends.errors import BadInput
from backends.maintenance.from_config import request
from backends.maintenance.views import NamedRun


def named_run(run: RunConfig, select: Callable[[str], list[str]]) -> NamedRun:
    """One of them. `select`: selector → hosts; raises BadInput, which is told here: the others can be had all the same."""
    wanted, problem, hosts = request(run), "", 0
    try:
        hosts = len(select(wanted.selector))
    except BadInput as error:
        problem = error.message.partition("\n")[0]  # the rest draws the place as several lines
    return NamedRun(
        name=wanted.name,
        selector=wanted.selector,
        hosts=hosts,
        steps=wanted.steps,
        window=wanted.window.text if wanted.window is not None else "",
        problem=problem,
    )
