"""One simulated host as far as updates go: what is installed, what is held, what is wrong with it. It changes only in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from msgspec import structs

from backends.errors import RetryLater
from backends.states import Severity
from backends.updates import apt_cautions, apt_repair, demo_packages
from backends.updates.apt_kept import HELD
from backends.updates.classes import in_family
from backends.updates.model import (
    Caution,
    Change,
    FamilyVersion,
    HistoryEntry,
    Inventory,
    PackageClass,
    RebootNeed,
    ServiceNeed,
)

_STORIES: dict[str, dict[int, str]] = {
    "h100": {1: "interrupted", 4: "moved", 7: "current", 9: "dead-mirror", 11: "locked"},
    "a100": {1: "cut", 4: "phased"},
    "cpu": {1: "full", 7: "broken"},
    "login": {0: "reboot"},
}
"""Role → place among its kind in a pod → the one thing that is special there."""
_POD = {"h100": 16, "a100": 12, "cpu": 10, "login": 2}
LISTS_AGE_SECONDS, OLD_LISTS_SECONDS = 9 * 3600.0, 19 * 86400.0
MIRROR = "http://mirror2.demo.internal/ubuntu"
DEAD = f"{MIRROR}/dists/noble-updates/InRelease: Could not connect to mirror2.demo.internal:80, connection timed out"
BREAKS = "slurmd"
"""On a "broken" host the configuration of this package fails."""
HOLDS_ON = "h100"
_NONE = Change(name="")
_LATE = ("tzdata", "vim-common", "rsync", "curl", "libcurl4t64")
"""Updates of the last days, which a host with old lists has not heard of."""


class DemoHost:
    """Every method may be called from any thread. `unreachable` says why the host cannot be asked now, "" when it can."""

    def __init__(self, name: str, role: str, place: int, unreachable: Callable[[], str], now: float):
        self.name, self.role = name, role
        self.story = _STORIES.get(role, {}).get(place % _POD.get(role, 1), "")
        self.lock = threading.RLock()
        self.half = {"openssh-server"} if self.story == "interrupted" else set[str]()
        self.full = self.story == "full"
        self.cut = False
        """The link is lost while a change goes on."""
        self._unreachable = unreachable
        self._lists = now - (OLD_LISTS_SECONDS if self.story == "dead-mirror" else LISTS_AGE_SECONDS)
        self._offered = {each.name: each for each in demo_packages.waiting(role)}
        self.installed = {name: each.installed for name, each in self._offered.items()}
        if self.story == "current":
            self.installed = {name: each.candidate for name, each in self._offered.items()}
        self.holds = {each.name for each in self._offered.values() if self._is_held_at_first(each)}
        self._booted = dict(self.installed)
        self.history = [self._first_entry(now)]

    def _is_held_at_first(self, change: Change) -> bool:
        kernel = change.package_class is PackageClass.KERNEL and bool(change.installed)
        return self.role == HOLDS_ON and self.story != "current" and (in_family(change.name) or kernel)

    def _first_entry(self, now: float) -> HistoryEntry:
        done = [each for each in self._offered.values() if each.installed][:3]
        changes = tuple(structs.replace(each, candidate=each.installed, installed=_before(each)) for each in done)
        return HistoryEntry(
            host=self.name,
            id="2026-01-12 03:10:44",
            time=now - 41 * 86400.0,
            changes=changes,
            command="apt-get -y upgrade",
            actor="anna (1000)",
            ok=True,
            rollback=True,
        )

    def demand_link(self) -> None:
        """Raises RetryLater while the host cannot be asked."""
        reason = "connection lost: no answer for 10 s" if self.cut else self._unreachable()
        if reason:
            raise RetryLater(f"not connected: {reason}", host=self.name, hint="R on the Fleet screen tries again")

    # What waits -------------------------------------------------------------------------------------------------

    def changes(self) -> tuple[Change, ...]:
        """Everything that is not in its newest version, with what is held and kept back."""
        with self.lock:
            waiting = [each for each in self._offered.values() if self.installed[each.name] != each.candidate]
            return tuple(self._seen(each) for each in waiting if self._is_known(each))

    def _is_known(self, change: Change) -> bool:
        if demo_packages.METAPACKAGES.get(change.name) in self.holds:
            return False  # a new kernel only comes with its metapackage
        return self.story != "dead-mirror" or change.name not in _LATE

    def _seen(self, change: Change) -> Change:
        held = change.name in self.holds
        phased = "phased (20% of hosts so far)" if self.story == "phased" and change.name == "vim-common" else ""
        return structs.replace(
            change,
            installed=self.installed[change.name],
            held=held,
            kept_back=HELD if held else phased,
        )

    def meant(self, words: Iterable[str]) -> tuple[Change, ...]:
        """The changes that package arguments ("bash=5.2-1") mean here, with the new packages that come along."""
        named = dict(word.split("=", 1) for word in words if "=" in word and word.partition("=")[0] in self._offered)
        with self.lock:
            changes = [self._to(self._offered[name], version) for name, version in named.items()]
            new = [
                self._to(self._offered[name], self._offered[name].candidate)
                for name, parent in demo_packages.METAPACKAGES.items()
                if named.get(parent) == self._offered.get(parent, _NONE).candidate and not self.installed[name]
            ]
        return (*changes, *new)

    def _to(self, change: Change, version: str) -> Change:
        kind = change.kind if version == change.candidate else "downgrade"
        return structs.replace(change, kind=kind, installed=self.installed[change.name], candidate=version)

    def configure(self) -> None:
        """What `dpkg --configure -a` does."""
        with self.lock:
            for name in self.half & set(self._offered):
                self.installed[name] = self._offered[name].candidate
            self.half.clear()

    def renewed(self, now: float) -> bool:
        """Renew the package lists; False where the mirror is dead."""
        with self.lock:
            if self.story == "dead-mirror":
                return False
            self._lists = now
            return True

    def moved(self, change: Change) -> Change:
        """What a new simulation gives: on a "moved" host the mirror has a newer build than was approved."""
        if self.story == "moved" and change.name == "rsync" and change.kind == "upgrade":
            return structs.replace(change, candidate="3.2.7-1ubuntu1.2")
        return change

    def inventory(self, now: float) -> Inventory:
        """What one asks for with the key r."""
        changes = self.changes()
        with self.lock:
            age, holds, family = now - self._lists, tuple(sorted(self.holds)), self._family()
            packages = tuple(sorted(name for name, version in self.installed.items() if version and in_family(name)))
            reboot, services = self._reboot(), self._services()
        return Inventory(
            host=self.name,
            manager="apt",
            system="Debian GNU/Linux 12 (bookworm)" if self.role == "login" else "Ubuntu 24.04.1 LTS",
            taken=now,
            lists_age_seconds=age,
            changes=changes,
            holds=holds,
            reboot=reboot,
            services=services,
            family=family,
            warnings=self.cautions(now),
            family_packages=packages,
        )

    def cautions(self, now: float) -> tuple[Caution, ...]:
        """What an operator must know before approving, what blocks first."""
        findings = apt_cautions.Findings(
            troubles=self.troubles(),
            changes=self.changes(),
            holds=tuple(sorted(self.holds)),
            family=tuple(name for name in self.installed if in_family(name)),
            security_known=True,
            lists_age_seconds=now - self._lists,
            skew_seconds=0.0,
            holder=None,
        )
        return (*self._room(), *apt_cautions.cautions(findings), *self._mirror())

    def _room(self) -> Iterable[Caution]:
        if self.full:
            text = "/var has 118M free, this needs 2.1G: fetching or unpacking would fail half-way"
            yield Caution(
                kind="var-space", text=text, severity=Severity.CRITICAL, blocks=True, repair=apt_repair.CLEAN.id
            )

    def _mirror(self) -> Iterable[Caution]:
        if self.story == "dead-mirror":
            yield Caution(kind="dead-mirror", text=DEAD)

    def troubles(self) -> tuple[str, ...]:
        """What dpkg has not finished with."""
        with self.lock:
            return tuple(f"{name} is half-configured" for name in sorted(self.half))

    # What runs --------------------------------------------------------------------------------------------------

    def _family(self) -> tuple[FamilyVersion, ...]:
        driver = self.installed.get("nvidia-driver-550-server", "")
        if not driver:
            return ()
        loaded, now = _upstream(self._booted["nvidia-driver-550-server"]), _upstream(driver)
        versions = [("loaded driver", loaded), ("next boot", now), ("NVML", loaded), ("libraries", now)]
        if fabric := self.installed.get(demo_packages.FABRIC_MANAGER):
            versions.append(("fabric manager", _upstream(fabric)))
        return tuple(FamilyVersion(part=part, version=version) for part, version in versions)

    def _reboot(self) -> RebootNeed:
        reasons = []
        running, expected = demo_packages.OLD_KERNEL, demo_packages.NEW_KERNEL
        kernel = "linux-image-6.8.0-49-generic"
        if self.role == "login":
            (running, expected), kernel = demo_packages.DEBIAN_KERNEL, "linux-image-6.1.0-28-amd64"
        if self._is_new(kernel) or self.story == "reboot":
            reasons.append(f"kernel {expected} is installed, {running} runs")
        if self._is_new("nvidia-driver-550-server"):
            now, before = self.installed["nvidia-driver-550-server"], self._booted["nvidia-driver-550-server"]
            reasons.append(f"NVIDIA driver {_upstream(now)} is installed, {_upstream(before)} is loaded")
        return RebootNeed(
            needed=bool(reasons),
            reasons=tuple(reasons),
            running_kernel=running,
            expected_kernel=expected if reasons else running,
            source="needrestart",
        )

    def _services(self) -> tuple[ServiceNeed, ...]:
        if not any(self._is_new(name) for name in ("libc6", "libssl3", "libssl3t64")) and self.story != "reboot":
            return ()
        deferred = ServiceNeed(
            unit="dbus.service", deferred=True, reason="needrestart; deferred: logins and systemctl hang without it"
        )
        return (*(ServiceNeed(unit=unit, reason="needrestart") for unit in ("cron.service", "ssh.service")), deferred)

    def _is_new(self, name: str) -> bool:
        return name in self.installed and self.installed[name] != self._booted[name]


def _before(change: Change) -> str:
    """An older build of the installed version."""
    head, _, tail = change.installed.rpartition(".")
    return f"{head}.{int(tail) - 1}" if head and tail.isdigit() and int(tail) else f"{change.installed}~1"


def _upstream(version: str) -> str:
    return version.partition("-")[0]
