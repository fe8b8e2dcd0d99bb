"""Which updates are security fixes: zypper's patches, joined with the packages that each of them replaces. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from backends.updates.dnf_advisory import Advice
from backends.updates.rpm_version import shown
from backends.updates.zypper_xml import Update

ARCHITECTURES = ("noarch", "x86_64", "aarch64", "i586", "i686", "ppc64le", "s390x", "src")
_NAME = re.compile(r"^Name +: (\S+)$", re.MULTILINE)
_CONFLICT = re.compile(r"^(?:Conflicts +: | {4})([^\s<]+) < (\S+)$", re.MULTILINE)


def replaced(messages: Iterable[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Patch → (package, first good version), from the messages of `patch_info_argv`."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for text in messages:
        name = _NAME.search(text)
        if name:
            pairs = _CONFLICT.findall(text)
            found[name[1]] = tuple((_bare(package), shown(version)) for package, version in pairs)
    return found


def advisories(patches: Iterable[Update], packages: Mapping[str, Iterable[tuple[str, str]]]) -> tuple[Advice, ...]:
    """One advice for each package of each patch."""
    return tuple(
        _advice(patch.name, patch, package, version)
        for patch in patches
        for package, version in packages.get(patch.name, ())
    )


def cves(patches: Iterable[Update], packages: Mapping[str, Iterable[tuple[str, str]]]) -> tuple[Advice, ...]:
    """The same by CVE."""
    return tuple(
        _advice(cve, patch, package, version)
        for patch in patches
        for cve in patch.cves
        for package, version in packages.get(patch.name, ())
    )


def _advice(identity: str, patch: Update, package: str, version: str) -> Advice:
    return Advice(
        id=identity,
        security=patch.category == "security",
        name=package,
        version=version,
        architecture="noarch",  # a patch fixes a package on every architecture
        severity=patch.severity,
    )


def _bare(name: str) -> str:
    """Without an architecture: "openssl.x86_64" → "openssl", but "python3.11" stays."""
    base, dot, last = name.rpartition(".")
    return base if dot and last in ARCHITECTURES else name
