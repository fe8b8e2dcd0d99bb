"""What differs between a sick host and a healthy peer, or between now and its own last good bundle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from backends.hostkit.triage_answer import TriageAnswer
from backends.metrics.sample import Record
from backends.triage.facts import Facts, facts
from backends.triage.model import Bundle

ABSENT = "—"
"""Stands where one side has no such thing."""
MOST = 200
_ORDER = ("GPU", "driver", "kernel", "failed unit", "mount", "link", "unit", "package", "system", "reboot", "other")
_TOLD_BY = {
    "package ": "versions",
    "mount ": "mounts",
    "failed unit ": "units.failed",
    "unit ": "units",
    "link ": "nics",
    "GPU count on the bus": "pci",
    "reboot required": "boot",
}
"""Beginning of a subject → the section without which nothing is known of it."""


class Difference(Record, frozen=True, kw_only=True):
    """One thing that is not the same."""

    subject: str
    """ "kernel", "GPU 3 PCIe width", "package nvidia-driver-550", "mount /data"."""
    here: str
    """On the host in question, now."""
    there: str
    """On the peer, or then."""


def differences(bundle: Bundle, other: Bundle) -> tuple[Difference, ...]:
    """What is not the same, the likeliest to matter first; at most 200.

    Args:
        bundle: of the sick host.
        other: of a healthy peer, or of the same host when it was well.
    """
    seen = facts_of(bundle), facts_of(other)
    by_table = all(each.gpus is not None for each in seen)
    ours, theirs = comparable(seen[0], by_table=by_table), comparable(seen[1], by_table=by_table)
    if bundle.host == other.host:
        _same_host(ours, theirs, bundle, other)
    for start, name in _TOLD_BY.items():  # not told is not absent
        if not (_told(bundle, name) and _told(other, name)):
            ours, theirs = _without(ours, start), _without(theirs, start)
    found = [
        Difference(subject=name, here=ours.get(name, ABSENT), there=theirs.get(name, ABSENT))
        for name in {**theirs, **ours}
        if ours.get(name, ABSENT) != theirs.get(name, ABSENT)
    ]
    return tuple(sorted(found, key=lambda each: (_rank(each.subject), each.subject))[:MOST])


def facts_of(bundle: Bundle) -> Facts:
    """The facts again from what was kept."""
    return facts(TriageAnswer(begin=bundle.begin, end=bundle.begin, root=bundle.root, sections=bundle.sections))


def comparable(seen: Facts, *, by_table: bool = True) -> dict[str, str]:
    """Everything that should be the same on two hosts of one kind, as subject → value. What is not known is missing.

    `by_table`: GPUs are compared by what nvidia-smi says of each, which needs that of both sides; else by their slots.
    """
    plain = {"kernel": seen.kernel, "driver": seen.driver, "system": seen.system}
    found = {name: value for name, value in plain.items() if value}
    found["GPU count on the bus"] = str(len(seen.gpu_devices))
    if seen.gpus is not None:
        found["GPU count in nvidia-smi"] = str(sum(not row.lost for row in seen.gpus))
    found |= _table(seen) if by_table and seen.gpus else _slots(seen)
    found |= {f"mount {each.mount}": f"{each.kind} {'ro' if each.read_only else 'rw'}" for each in seen.mounts}
    found |= {f"failed unit {name}": "failed" for name in seen.failed_units}
    found |= {f"unit {name}": state for name, state in seen.units.items()}
    found |= {f"link {name}": state for name, state in seen.links.items()}
    found |= {f"package {name}": version for name, version in seen.versions.items()}
    found["reboot required"] = "yes" if seen.reboot_required else "no"
    return found


def _table(seen: Facts) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in seen.gpus or ():
        fields = {"name": "model", "vbios_version": "VBIOS", "pcie.link.width.current": "PCIe width"}
        fields |= {"pcie.link.gen.max": "PCIe generation"}  # not the current one: idle links step down
        found |= {f"GPU {row.index} {word}": row.values[field] for field, word in fields.items() if field in row.values}
    return found


def _slots(seen: Facts) -> dict[str, str]:
    widths = Counter(str(each.width) for each in seen.gpu_devices if each.width)
    told = ", ".join(f"{count} × x{width}" for width, count in sorted(widths.items()))
    return {"GPU PCIe widths": told} if told else {}


def _same_host(ours: dict[str, str], theirs: dict[str, str], bundle: Bundle, other: Bundle) -> None:
    for values, each in ((ours, bundle), (theirs, other)):
        boot = facts_of(each).boot_id
        if boot:
            values["reboot: boot id"] = boot


def _told(bundle: Bundle, name: str) -> bool:
    section = bundle.section(name)
    return section is not None and section.kind == "done"


def _without(values: Mapping[str, str], start: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if not name.startswith(start)}


def _rank(subject: str) -> int:
    return next((index for index, word in enumerate(_ORDER) if subject.startswith(word)), len(_ORDER))
