"""What one host could change, gathered without changing it, without root and without taking a lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from backends.execution import Exec
from backends.updates import apt_kept, apt_lock, apt_security, apt_simulate, apt_sizes
from backends.updates.apt_ask import ask
from backends.updates.apt_cautions import Findings, cautions
from backends.updates.apt_changelog import read_cves
from backends.updates.apt_simulate import Simulation
from backends.updates.apt_state import Package, by_key, read_packages, read_troubles
from backends.updates.classes import in_family
from backends.updates.model import Change, Inventory

UPGRADE = ("apt-get", "-s", "--with-new-pkgs", "upgrade")
"""What may be applied: new packages may come, none may go."""
FULL = ("apt-get", "-s", "dist-upgrade")
"""Tells why something is kept back: this one may remove."""
SIZES = ("apt-get", "--print-uris", "-y", "--with-new-pkgs", "upgrade")
HOLDS = ("apt-mark", "showhold")
FACTS = (
    "sh",
    "-c",
    'date "+clock %s"; stat -c "lists %Y" /var/lib/apt/lists; . /etc/os-release; echo "system $PRETTY_NAME"',
)
NAMES_AT_ONCE = 500
"""In one command line: a shell takes 128 KiB."""


def take(host: Exec, now: float) -> Inventory:
    """Everything that could change on `host` at `now` (epoch seconds). Raises SwarmError."""
    packages = read_packages(host)
    troubles = read_troubles(host, packages)
    simulation = simulate(host, UPGRADE)
    holds = tuple(ask(host, HOLDS).text.split())
    sources = apt_security.security_sources(ask(host, ("apt-cache", "policy")).text)
    changes = _changes(host, simulation, holds, sources, by_key(packages))
    facts = _facts(ask(host, FACTS).text)
    family = tuple(sorted({each.name for each in packages if each.installed and in_family(each.name)}))
    age = _age(facts.get("lists", ""), now)
    findings = Findings(
        troubles=troubles,
        simulation=simulation,
        changes=changes,
        holds=holds,
        family=family,
        security_known=bool(sources),
        lists_age_seconds=age,
        skew_seconds=_age(facts.get("clock", ""), now),
        holder=apt_lock.read(host, now),
    )
    return Inventory(
        host=host.host,
        manager="apt",
        system=facts.get("system", ""),
        taken=now,
        lists_age_seconds=age,
        changes=changes,
        holds=holds,
        security_known=bool(sources),
        warnings=cautions(findings),
        missing={"changes": "; ".join(simulation.errors)} if simulation.errors else {},
        family_packages=family,
    )


def simulate(host: Exec, argv: Sequence[str]) -> Simulation:
    """A simulation on the host; what apt complains about is in its `errors`. Raises SwarmError."""
    found = ask(host, argv)
    return apt_simulate.parse(found.text, found.errors)


def _changes(
    host: Exec,
    simulation: Simulation,
    holds: Sequence[str],
    sources: frozenset[str],
    installed: Mapping[tuple[str, str], Package],
) -> tuple[Change, ...]:
    """What can be applied and what is kept back, with security, sizes and CVEs."""
    changes = (*simulation.changes, *_kept(host, simulation, holds, installed))
    marked = _marked(host, changes, sources)
    sized = _sized(host, marked) if simulation.changes else marked
    cves = read_cves(host, sized, installed)
    return tuple(structs.replace(each, cves=cves.get(each.name, ())) for each in sized)


def _sized(host: Exec, changes: Sequence[Change]) -> tuple[Change, ...]:
    """With what is to be fetched: nothing for what is in the cache already, unknown for what is kept back."""
    asked = ask(host, SIZES)
    files = apt_sizes.parse(asked.text).files
    there = 0 if asked.exit_status == 0 else None
    return tuple(
        each if each.kept_back else structs.replace(each, size_bytes=files.get((each.name, each.candidate), there))
        for each in changes
    )


def _kept(
    host: Exec, simulation: Simulation, holds: Sequence[str], installed: Mapping[tuple[str, str], Package]
) -> tuple[Change, ...]:
    names = tuple(dict.fromkeys((*simulation.kept, *simulation.phased, *holds)))
    if not names:
        return ()
    standings = apt_kept.parse_policy(ask(host, ("apt-cache", "policy", *names)).text)
    full = simulate(host, FULL) if set(names) - set(holds) else Simulation()
    kept = apt_kept.kept_changes((*simulation.kept, *simulation.phased), holds, standings, full)
    architectures = dict(installed.keys())
    return tuple(
        each if each.architecture else structs.replace(each, architecture=architectures.get(each.name, ""))
        for each in kept
    )


def _marked(host: Exec, changes: Iterable[Change], sources: frozenset[str]) -> tuple[Change, ...]:
    """The changes with their security flags. A foreign architecture's package is asked for by its full name."""
    every = tuple(changes)
    offers: dict[str, tuple[apt_security.Offer, ...]] = {}
    asked = tuple(dict.fromkeys(change.name for change in every))
    for start in range(0, len(asked), NAMES_AT_ONCE):
        names = asked[start : start + NAMES_AT_ONCE]
        offers |= apt_security.parse_madison(ask(host, ("apt-cache", "madison", *names)).text)
    return tuple(apt_security.mark(change, offers.get(change.name, ()), sources) for change in every)


def _facts(text: str) -> dict[str, str]:
    pairs = (line.partition(" ") for line in text.splitlines())
    return {key: value.strip() for key, space, value in pairs if space}


def _age(epoch: str, now: float) -> float | None:
    """Seconds since; None when the host did not tell."""
    return now - float(epoch) if epoch.isdigit() and len(epoch) < 12 else None
