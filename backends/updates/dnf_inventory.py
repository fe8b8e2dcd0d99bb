"""What one dnf host could change, found from the lists that it has, without changing anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import structs

from backends.errors import SkipHost
from backends.execution import Exec
from backends.updates import dnf_argv, dnf_list, dnf_lock
from backends.updates.classes import classify, in_family
from backends.updates.dnf_advisory import mark
from backends.updates.dnf_advisory import parse as parse_advisories
from backends.updates.dnf_argv import Dialect
from backends.updates.dnf_ask import ask
from backends.updates.dnf_cautions import Findings, cautions
from backends.updates.dnf_list import Available, Package, Repository
from backends.updates.dnf_table import Row, Simulation
from backends.updates.dnf_table import parse as parse_table
from backends.updates.model import Change, Inventory
from backends.updates.rpm_version import by_version

FACTS = (
    "sh",
    "-c",
    'date "+clock %s"; . /etc/os-release; echo "system $PRETTY_NAME"; '
    'echo "boot $(cat /proc/sys/kernel/random/boot_id)"; '
    'systemctl list-units --plain --no-legend --state=active "$@" 2>/dev/null | sed "s/^/timer /"; :',
    "sh",
    *("dnf-automatic*.timer", "dnf5-automatic.timer", "dnf-makecache.timer"),
)
"""The script is constant; the units are its arguments."""
NO_LISTS = "no repository's list is on the host"


def read_dialect(host: Exec) -> Dialect:
    """Which dnf the host has. Raises SwarmError."""
    try:
        return dnf_argv.dialect(ask(host, ("dnf", "--version")).text)
    except SkipHost:
        return dnf_argv.dialect(ask(host, ("dnf5", "--version")).text, "dnf5")


def take(dnf: Dialect, host: Exec, now: float) -> Inventory:
    """Everything that could change on `host` at `now` (epoch seconds). Raises SwarmError."""
    packages = read_packages(host)
    found = dnf_list.repositories(ask(host, dnf_argv.LISTS).text, ask(host, dnf_argv.WITH_ADVISORIES).text)
    simulation = simulate(host, dnf_argv.simulate_all_argv(dnf))
    builds = dnf_list.available(ask(host, dnf_argv.upgrades_argv(dnf)).text)
    changes = _marked(dnf, host, possible(simulation, builds, packages), found)
    locked = ask(host, dnf_argv.locks_argv(dnf))
    facts = read_facts(host)
    family = tuple(sorted({each.name for each in packages if in_family(each.name)}))
    holds = dnf_list.locks(locked.text)
    findings = Findings(
        changes=changes,
        simulation=simulation,
        repositories=found,
        holds=holds,
        family=family,
        duplicates=read_duplicates(dnf, host, packages),
        lists_age_seconds=age_of(found, now),
        skew_seconds=skew_of(facts, now),
        holder=dnf_lock.read(host, now),
        lock_trouble=locked.errors if locked.exit_status else "",
    )
    unread = {
        "changes": "" if found else NO_LISTS,
        "holds": findings.lock_trouble,
    }
    return Inventory(
        host=host.host,
        manager="dnf",
        system=facts.get("system", ""),
        taken=now,
        lists_age_seconds=findings.lists_age_seconds,
        changes=changes,
        holds=holds,
        security_known=any(each.advisories for each in found),
        warnings=cautions(findings),
        missing={part: reason.splitlines()[-1] for part, reason in unread.items() if reason},
        family_packages=family,
    )


def read_packages(host: Exec) -> tuple[Package, ...]:
    """What is installed. Raises SwarmError."""
    return dnf_list.installed(ask(host, dnf_argv.INSTALLED).text)


def read_duplicates(dnf: Dialect, host: Exec, packages: Iterable[Package]) -> tuple[str, ...]:
    """What an interrupted transaction left twice; asked only when something is there twice. Raises SwarmError."""
    if not dnf_list.doubled(packages):
        return ()
    return dnf_list.duplicates(ask(host, dnf_argv.duplicates_argv(dnf)).text)


def read_facts(host: Exec) -> dict[str, str]:
    """Clock, system, boot; the active timers stand under "timers", with spaces between. Raises SwarmError."""
    pairs = [line.partition(" ") for line in ask(host, FACTS).text.splitlines()]
    timers = [value.split()[0] for key, _, value in pairs if key == "timer" and value.split()]
    return {**{key: value.strip() for key, _, value in pairs}, "timers": " ".join(timers)}


def simulate(host: Exec, argv: tuple[str, ...]) -> Simulation:
    """A simulation on the host. Raises SwarmError."""
    found = ask(host, argv)
    return parse_table(found.text, found.errors)


def possible(simulation: Simulation, builds: Iterable[Available], packages: Iterable[Package]) -> tuple[Change, ...]:
    """What dnf would do, what it would leave out and what is held back from it."""
    installed = tuple(packages)
    now = dnf_list.newest(installed)
    every = {(each.name, each.architecture, each.version): each for each in builds}
    planned = [changed(row, now, every) for row in simulation.rows]
    skipped = [
        structs.replace(changed(row, now, every), kept_back=simulation.reason(row.name)) for row in simulation.skipped
    ]
    there = {(change.name, change.architecture) for change in (*planned, *skipped)}
    gone = {name for change in planned for name in change.replaces}
    newest: dict[tuple[str, str], Available] = {}
    for build in sorted(every.values(), key=lambda each: by_version(each.version)):
        newest[build.name, build.architecture] = build
    held = [_held(build, now) for key, build in newest.items() if key not in there and build.name not in gone]
    return tuple(sorted((*planned, *skipped, *held), key=lambda change: change.name))


def changed(
    row: Row,
    now: Mapping[tuple[str, str], str],
    builds: Mapping[tuple[str, str, str], Available] | None = None,
) -> Change:
    """A row of the table as a change. A kernel that comes beside the installed ones counts as their upgrade."""
    here = now.get((row.name, row.architecture)) or next((v for (name, _), v in now.items() if name == row.name), "")
    build = (builds or {}).get((row.name, row.architecture, row.version))
    kind = _kind(row, here)
    return Change(
        name=row.name,
        architecture=row.architecture,
        kind=kind,
        installed=row.version if kind == "remove" else here,
        candidate="" if kind == "remove" else row.version,
        origin=row.repository,
        package_class=classify(row.name),
        size_bytes=build.download_bytes if build else None,
        replaces=row.replaces,
    )


def _kind(row: Row, here: str) -> Literal["upgrade", "install", "remove", "downgrade"]:
    if row.kind == "remove" or row.kind == "downgrade":
        return row.kind
    return "upgrade" if here else "install"


def _held(build: Available, now: Mapping[tuple[str, str], str]) -> Change:
    """A newer build that dnf does not take: locked or excluded."""
    return Change(
        name=build.name,
        architecture=build.architecture,
        installed=now.get((build.name, build.architecture), ""),
        candidate=build.version,
        origin=build.repository,
        package_class=classify(build.name),
        size_bytes=build.download_bytes,
        held=True,
        kept_back="locked or excluded",
    )


def _marked(dnf: Dialect, host: Exec, changes: tuple[Change, ...], found: Iterable[Repository]) -> tuple[Change, ...]:
    """The changes with their security flags."""
    informed = frozenset(each.name for each in found if each.advisories)
    if not changes or not informed:
        return changes
    advisories = parse_advisories(ask(host, dnf_argv.advisories_argv(dnf)).text)
    cves = parse_advisories(ask(host, dnf_argv.advisories_argv(dnf, "--with-cve")).text)
    return tuple(mark(change, advisories, cves, informed) for change in changes)


def age_of(repositories: Iterable[Repository], now: float) -> float | None:
    """Of the oldest list; None without any."""
    times = [each.fetched for each in repositories if each.fetched is not None]
    return now - min(times) if times else None


def skew_of(facts: Mapping[str, str], now: float) -> float | None:
    """How far the host's clock is behind ours."""
    clock = facts.get("clock", "")
    return now - float(clock) if clock.isascii() and clock.isdigit() and len(clock) < 12 else None
