"""What of the updates that wait a run takes."""

from __future__ import annotations

from backends.maintenance.model import Step, StepKind
from backends.maintenance.request import Request
from backends.maintenance.steps_text import step
from backends.updates.model import PackageClass, Selection


def selection(request: Request) -> Selection | None:
    """For the simulation; None when it has no update step. Of several update steps each takes its part of the whole.

    Raises:
        BadInput: a step that is none.
    """
    found = [each for each in map(step, request.steps) if each.kind is StepKind.UPDATE]
    if not found:
        return None
    return Selection(
        security_only=all(each.argument == "security" for each in found),
        classes=_classes(found),
        packages=request.packages,
        exclude=request.exclude_packages,
        minimum_age_seconds=request.minimum_age_days * 86400.0,
    )


def _classes(found: list[Step]) -> tuple[PackageClass, ...]:
    """Those that are named; () is all, as soon as one step takes everything."""
    words = [each.argument for each in found]
    if any(word in ("", "all", "security") for word in words):
        return ()
    return tuple(dict.fromkeys(map(PackageClass, words)))
