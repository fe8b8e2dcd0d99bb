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
    ours, theirs = comparable(facts_of(bundle)), comparable(facts_of(other))
    if bundle.host == other.host:
        _same_host(ours, theirs, bundle, other)
    seen = bundle.section("versions"), other.section("versions")
    if any(section is None or section.kind != "done" for section in seen):  # not told is not absent
        ours, theirs = _without(ours, "package "), _without(theirs, "package ")
    found = [
        Difference(subject=name, here=ours.get(name, ABSENT), there=theirs.get(name, ABSENT))
        for name in {**theirs, **ours}
        if ours.get(name, ABSENT) != theirs.get(name, ABSENT)
    ]
    return tuple(sorted(found, key=lambda each: (_rank(each.subject), each.subject))[:MOST])


def facts_of(bundle: Bundle) -> Facts:
    """The facts again from what was kept."""
    return facts(TriageAnswer(begin=bundle.begin, end=bundle.begin, root=bundle.root, sections=bundle.sections))


def comparable(seen: Facts) -> dict[str, str]:
    """Everything that should be the same on two hosts of one kind, as subject → value. What is not known is missing."""
    plain = {"kernel": seen.kernel, "driver": seen.driver, "system": seen.system}
    found = {name: value for name, value in plain.items() if value}
    found["GPU count on the bus"] = str(len(seen.gpu_devices))
    if seen.gpus is not None:
        found["GPU count in nvidia-smi"] = str(sum(not row.lost for row in seen.gpus))
    found |= _gpus(seen)
    found |= {f"mount {each.mount}": f"{each.kind} {'ro' if each.read_only else 'rw'}" for each in seen.mounts}
    found |= {f"failed unit {name}": "failed" for name in seen.failed_units}
    found |= {f"unit {name}": state for name, state in seen.units.items()}
    found |= {f"link {name}": state for name, state in seen.links.items()}
    found |= {f"package {name}": version for name, version in seen.versions.items()}
    found["reboot required"] = "yes" if seen.reboot_required else "no"
    return found


def _gpus(seen: Facts) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in seen.gpus or ():
        fields = {"name": "model", "vbios_version": "VBIOS", "pcie.link.width.current": "PCIe width"}
        fields |= {"pcie.link.gen.max": "PCIe generation"}  # not the current one: idle links step down
        found |= {f"GPU {row.index} {word}": row.values[field] for field, word in fields.items() if field in row.values}
    if not seen.gpus:
        widths = Counter(str(each.width) for each in seen.gpu_devices if each.width)
        found |= (
            {"GPU PCIe widths": ", ".join(f"{count} × x{width}" for width, count in sorted(widths.items()))}
            if widths
            else {}
        )
    return found


def _same_host(ours: dict[str, str], theirs: dict[str, str], bundle: Bundle, other: Bundle) -> None:
    for values, each in ((ours, bundle), (theirs, other)):
        boot = facts_of(each).boot_id
        if boot:
            values["reboot: boot id"] = boot


def _without(values: Mapping[str, str], start: str) -> dict[str, str]:
    return {name: value for name, value in values.items() if not name.startswith(start)}


def _rank(subject: str) -> int:
    return next((index for index, word in enumerate(_ORDER) if subject.startswith(word)), len(_ORDER))
