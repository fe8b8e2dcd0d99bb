"""Whether apprise takes the URLs that the configuration tells: those that stand in it and in files. Connects to nothing.

It takes a third of a second, and so is done where somebody asks for a check, not when an engine starts. What a command or
the engine's environment gives is not asked for here. No URL is in any message.
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.alerts.channel import Channel
from backends.alerts.targets import problems, resolve, targets
from backends.config.problem import Problem
from backends.config.schema import AlertsConfig
from backends.errors import SwarmError


def url_problems(config: AlertsConfig) -> Iterator[Problem]:
    """What is wrong with the URLs; nothing when the targets themselves are wrong."""
    if problems(config):
        return
    for at, target in enumerate(targets(config)):
        if target.way in ("url", "url_file"):
            try:
                Channel(target, resolve(target, {}), None)
            except SwarmError as error:
                yield Problem(key=f"alerts.targets.{at}.{target.way}", message=error.message, hint=error.hint or "")
