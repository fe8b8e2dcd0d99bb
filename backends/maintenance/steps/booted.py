"""Whether a host runs the kernel and the driver that the plan meant, also where its reboot was skipped. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from backends.maintenance import facts
from backends.maintenance.steps.token import is_reason
from backends.maintenance.steps_text import CHANGES, REBOOTS
from backends.maintenance.worker import Look, Place, Told
from backends.updates.model import RebootNeed

HINT = "choose it in its boot loader and boot it by hand, then retry; skip leaves the host as it is, drained"


def wanted(place: Place) -> bool:
    """Whether an earlier step could have changed what runs."""
    return any(step.kind in CHANGES for step in place.run.steps[: place.number])


def unlike(need: RebootNeed, planned: str) -> Iterator[str]:
    """What runs and was not meant to, a sentence each; what is not known says nothing.

    Args:
        need: as the host says now.
        planned: the kernel that the run's own reboot was to bring; "": what the next boot would bring counts.
    """
    kernel = planned or need.expected_kernel
    if kernel and need.running_kernel and need.running_kernel != kernel:
        yield f"kernel {need.running_kernel} runs, {kernel} was planned"
    driver = need.installed_driver
    if driver and need.loaded_driver and need.loaded_driver != driver:
        yield f"NVIDIA driver {need.loaded_driver} is loaded, {driver} is installed"


def with_boot(look: Look, place: Place, need: RebootNeed, planned: str) -> Look:
    """The verdict of the health gate with that of the boot: grave once a reboot was to bring it, else work that is left."""
    found = tuple(unlike(need, planned))
    known = {**look.facts, **({facts.KERNEL_AFTER: need.running_kernel} if need.running_kernel else {})}
    look = replace(look, facts=known)
    if not found:
        return look
    if not _rebooted_last(place):
        text = f"{look.text}; a reboot is still to come: {'; '.join(found)}"
        told = facts.written((f"until the next reboot: {each}",) for each in found)
        warnings = "\n".join(filter(None, (known.get(facts.WARNINGS, ""), told)))
        return replace(look, text=text, facts={**known, facts.WARNINGS: warnings})
    if is_reason(place.reason):
        text = f"{look.text}; {'; '.join(found)}: overruled"
        return replace(look, text=text, facts={**known, facts.OVERRULED: place.reason})
    said = f"; {look.text}" if look.told is not Told.DONE else ""
    values = {**known, facts.KERNEL_EXPECTED: planned or need.expected_kernel}
    return Look(told=Told.FAILED, text=f"not as planned: {'; '.join(found)}{said}", hint=HINT, facts=values)


def _rebooted_last(place: Place) -> bool:
    """Nothing was updated after the last reboot step before this one, so what was updated should run."""
    kinds = [step.kind for step in place.run.steps[: place.number] if step.kind in CHANGES]
    return bool(kinds) and kinds[-1] in REBOOTS
