"""What one zypper host could change, found from the lists that it has, without changing anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from backends.execution import Exec
from backends.updates import dnf_list, dnf_lock, zypper_argv, zypper_patch
from backends.updates.classes import classify, in_family
from backends.updates.dnf_advisory import mark
from backends.updates.dnf_argv import INSTALLED
from backends.updates.dnf_ask import ask, fetch
from backends.updates.dnf_cautions import Findings, cautions
from backends.updates.dnf_inventory import age_of, skew_of
from backends.updates.dnf_list import Package, Repository
from backends.updates.dnf_table import Simulation
from backends.updates.model import Change, Inventory, PackageClass
from backends.updates.zypper_xml import Document, Row, Update, parse

FACTS = (
    "sh",
    "-c",
    'date "+clock %s"; . /etc/os-release; echo "system $PRETTY_NAME"; '
    'echo "boot $(cat /proc/sys/kernel/random/boot_id)"; '
    'systemctl list-units --plain --no-legend --state=active "$@" 2>/dev/null | sed "s/^/timer /"; :',
    "sh",
    *("transactional-update.timer", "os-update.timer"),
)
"""The script is constant; the units are its arguments."""
_RAW = re.compile(r"/var/cache/zypp/raw/([^/]+)/repodata/repomd\.xml")
NOT_TAKEN = "zypper does not take it: another one is needed, or its vendor differs"
NO_LISTS = "no repository's list is on the host"


def take(host: Exec, now: float) -> Inventory:
    """Everything that could change on `host` at `now` (epoch seconds). Raises SwarmError."""
    packages = read_packages(host)
    found = repositories(ask(host, zypper_argv.LISTS).text, ask(host, zypper_argv.WITH_ADVISORIES).text)
    simulation = read_document(host, zypper_argv.SIMULATE_ALL)
    updates = read_document(host, zypper_argv.UPDATES)
    holds = read_document(host, zypper_argv.LOCKS).locks
    changes = _marked(host, possible(simulation.rows, updates.updates, holds), found)
    facts = read_facts(host)
    family = tuple(sorted({each.name for each in packages if in_family(each.name)}))
    findings = Findings(
        changes=changes,
        simulation=Simulation(errors=tuple(text.splitlines()[0] for text in updates.errors if text)),
        repositories=found,
        holds=holds,
        family=family,
        duplicates=duplicates(packages),
        duplicates_repair="zypper-duplicates",
        lists_age_seconds=age_of(found, now),
        skew_seconds=skew_of(facts, now),
        holder=dnf_lock.read(host, now),
    )
    return Inventory(
        host=host.host,
        manager="zypper",
        system=facts.get("system", ""),
        taken=now,
        lists_age_seconds=findings.lists_age_seconds,
        changes=changes,
        holds=holds,
        security_known=any(each.advisories for each in found),
        warnings=cautions(findings),
        missing={} if found else {"changes": NO_LISTS},
        family_packages=family,
    )


def read_packages(host: Exec) -> tuple[Package, ...]:
    """What is installed. Raises SwarmError."""
    return dnf_list.installed(ask(host, INSTALLED).text)


def read_document(host: Exec, argv: Sequence[str]) -> Document:
    """What zypper answers. Raises SwarmError."""
    return parse(fetch(host, argv).stdout.decode("utf-8", "replace"))


def read_facts(host: Exec) -> dict[str, str]:
    """Clock, system, boot; the active timers stand under "timers", with spaces between. Raises SwarmError."""
    pairs = [line.partition(" ") for line in ask(host, FACTS).text.splitlines()]
    timers = [value.split()[0] for key, _, value in pairs if key == "timer" and value.split()]
    return {**{key: value.strip() for key, _, value in pairs}, "timers": " ".join(timers)}


def repositories(fetched: str, advisories: str) -> tuple[Repository, ...]:
    """From `LISTS` and `WITH_ADVISORIES`."""
    counted = (line.rpartition(":") for line in advisories.splitlines())
    told = {_repository(path) for path, _, count in counted if count not in ("", "0")}
    pairs = (line.partition(" ") for line in fetched.splitlines())
    times = {name: dnf_list.number(time) for time, _, path in pairs if (name := _repository(path))}
    return tuple(Repository(name=name, fetched=time, advisories=name in told) for name, time in times.items())


def duplicates(packages: Iterable[Package]) -> tuple[str, ...]:
    """What an interrupted transaction left twice; several kernels are none."""
    return tuple(name for name in dnf_list.doubled(packages) if classify(name) is not PackageClass.KERNEL)


def possible(rows: Iterable[Row], updates: Iterable[Update], holds: Sequence[str]) -> tuple[Change, ...]:
    """What zypper would do, and what has a newer version that it leaves alone."""
    planned = [changed(row) for row in rows]
    there = {(change.name, change.architecture) for change in planned}
    left = [
        _left(each, holds) for each in updates if each.kind == "package" and (each.name, each.architecture) not in there
    ]
    return tuple(sorted((*planned, *left), key=lambda change: change.name))


def changed(row: Row) -> Change:
    """A row of the summary as a change."""
    return Change(
        name=row.name,
        architecture=row.architecture,
        kind=row.kind,
        installed=row.installed,
        candidate=row.version,
        origin=row.repository,
        package_class=classify(row.name),
    )


def _left(update: Update, holds: Sequence[str]) -> Change:
    held = dnf_list.matches(update.name, holds)
    return Change(
        name=update.name,
        architecture=update.architecture,
        installed=update.installed,
        candidate=update.version,
        origin=update.repository,
        package_class=classify(update.name),
        held=held,
        kept_back="locked" if held else NOT_TAKEN,
    )


def _marked(host: Exec, changes: tuple[Change, ...], found: Iterable[Repository]) -> tuple[Change, ...]:
    """The changes with their security flags."""
    informed = frozenset(each.name for each in found if each.advisories)
    patches = [each for each in read_document(host, zypper_argv.PATCHES).updates if each.kind == "patch"]
    names = [patch.name for patch in patches]
    described = read_document(host, zypper_argv.patch_info_argv(names)).messages if names else ()
    packages = zypper_patch.replaced(described)
    advisories, cves = zypper_patch.advisories(patches, packages), zypper_patch.cves(patches, packages)
    return tuple(mark(change, advisories, cves, informed) for change in changes)


def _repository(path: str) -> str:
    found = _RAW.fullmatch(path)
    return found[1] if found else ""
