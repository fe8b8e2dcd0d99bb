"""What a host still has to do after a change: reboot, restart services. Several witnesses, one answer.

The absence of /run/reboot-required proves nothing: on Debian, after 16 packages with libssl3 among them, it was absent while
needrestart listed six units (measured). So a "no" counts only from those who looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from backends.errors import BadInput
from backends.metrics.sample import Record
from backends.updates.model import RebootNeed, ServiceNeed
from backends.updates.preflight_model import CommandAnswer, Preflight

MANAGER = "systemd-manager"
"""The pseudo unit that means: the first process itself, renewed by `systemctl daemon-reexec`."""
ALLOWED = (
    *("ssh.service", "sshd.service", "cron.service", "crond.service", "atd.service", "rsyslog.service"),
    *("chrony.service", "chronyd.service", "systemd-timesyncd.service", "systemd-journald.service"),
    *("systemd-udevd.service", "systemd-resolved.service", "systemd-networkd.service", "polkit.service"),
    *("packagekit.service", "udisks2.service", "smartmontools.service", "smartd.service", "irqbalance.service"),
    *("prometheus-node-exporter.service", "node_exporter.service", "snmpd.service", "postfix@-.service"),
    *("multipathd.service", "unattended-upgrades.service", "fwupd.service", "rpcbind.service", MANAGER),
)
"""Restarted without asking: nothing that an operator or a job notices."""
DEFERRED = (
    ("dbus*", "everything on the host talks through it"),
    ("docker*", "its containers may end"),
    ("containerd*", "its containers may end"),
    ("podman*", "its containers may end"),
    ("crio*", "its containers may end"),
    ("kubelet*", "the node's pods"),
    ("NetworkManager*", "the way to the host"),
    ("wpa_supplicant*", "the way to the host"),
    ("systemd-logind*", "everybody's sessions"),
    ("slurm*", "running jobs"),
    ("munge*", "running jobs"),
    ("nvidia-*", "the GPUs' users"),
    ("dcgm*", "the GPUs' monitoring"),
    ("opensm*", "the InfiniBand fabric"),
    ("user@*", "somebody's session"),
    ("getty@*", "somebody's session"),
    ("serial-getty@*", "somebody's session"),
    ("display-manager*", "somebody's session"),
    ("gdm*", "somebody's session"),
)
"""Never restarted by default (reference: patching §3); with what would suffer."""
OTHER = "not on the list of those that are restarted without asking"
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,200}\.(?:service|socket|mount|path|target)")
_CORE = re.compile(r"^\s*\* (\S+)")
_NEEDED, _NOT_NEEDED = "Reboot is required", "Reboot should not be necessary"
ZYPPER_REBOOT, ZYPPER_FINE = 102, 0
KERNEL_CURRENT, KERNEL_SAME_ABI, KERNEL_NEWER = 1, 2, 3
"""needrestart's KSTA; 0 is unknown."""


class Needrestart(Record, frozen=True, kw_only=True):
    """`needrestart -b`."""

    running: str = ""
    expected: str = ""
    kernel_state: int | None = None
    microcode_state: int | None = None
    """1: current, 2: a newer one waits for the reboot."""
    services: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()


class Witness(Record, frozen=True, kw_only=True):
    """One who says whether a reboot is needed; None: it cannot tell."""

    source: str
    needed: bool | None
    reasons: tuple[str, ...] = ()


def parse_needrestart(text: str) -> Needrestart | None:
    """The batch output; other lines are passed over. None when there is no line of it."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, colon, value = line.partition(": ")
        if colon and key.startswith("NEEDRESTART-"):
            found.setdefault(key.removeprefix("NEEDRESTART-"), []).append(value.strip())
    if not found:
        return None
    return Needrestart(
        running=_first(found, "KCUR"),
        expected=_first(found, "KEXP"),
        kernel_state=_digit(_first(found, "KSTA")),
        microcode_state=_digit(_first(found, "UCSTA")),
        services=tuple(dict.fromkeys(found.get("SVC", []))),
        sessions=tuple(found.get("SESS", [])),
        containers=tuple(found.get("CONT", [])),
    )


def parse_dnf_reboot(answer: CommandAnswer) -> Witness:
    """`dnf needs-restarting -r`: status 1 means "yes", but also any error, so only its sentence counts."""
    source = "dnf needs-restarting"
    if _NEEDED in answer.text:
        packages = tuple(match[1] for line in answer.lines if (match := _CORE.match(line)))
        return Witness(source=source, needed=True, reasons=packages or ("core packages were updated",))
    if _NOT_NEEDED in answer.text and answer.status == 0:
        return Witness(source=source, needed=False)
    return Witness(source=source, needed=None)


def parse_zypper_reboot(answer: CommandAnswer) -> Witness:
    """`zypper needs-rebooting`: status 102 yes, 0 no, anything else is an error."""
    needed = {ZYPPER_REBOOT: True, ZYPPER_FINE: False}.get(-1 if answer.status is None else answer.status)
    reasons = ("core libraries or services were updated",) if needed else ()
    return Witness(source="zypper needs-rebooting", needed=needed, reasons=reasons)


def parse_units(answer: CommandAnswer) -> tuple[str, ...] | None:
    """Unit names, one a line, as `dnf needs-restarting -s` and `zypper ps -sss` print them; None when it failed.

    zypper names units without their ending; dnf5 exits with 1 when it lists some.
    """
    units = [line.strip() for line in answer.lines if len(line.split()) == 1]
    if answer.status not in (0, 1) or (answer.status == 1 and not units):
        return None
    named = (unit if unit.endswith((".service", ".socket", ".mount")) else f"{unit}.service" for unit in units)
    return tuple(dict.fromkeys(unit for unit in named if _UNIT.fullmatch(unit)))


def reboot_need(preflight: Preflight) -> RebootNeed:
    """Yes when anybody says so, no when somebody who looked says so and nobody else, else unknown."""
    witnesses = [witness for witness in _witnesses(preflight) if witness.needed is not None]
    saying = [witness for witness in witnesses if witness.needed]
    expected = _expected(preflight)
    return RebootNeed(
        needed=bool(saying) if witnesses else None,
        reasons=tuple(dict.fromkeys(reason for witness in saying for reason in witness.reasons)),
        running_kernel=preflight.kernel.running if preflight.kernel else "",
        expected_kernel=expected,
        source=", ".join(dict.fromkeys(witness.source for witness in saying or witnesses)),
        loaded_driver=preflight.loaded.nvidia if preflight.loaded else "",
        installed_driver=_installed_driver(preflight),
    )


def service_needs(preflight: Preflight) -> tuple[ServiceNeed, ...]:
    """Units that run old code, those that are restarted without asking first. Empty may mean: nobody could look."""
    found: dict[str, ServiceNeed] = {}
    for unit, reason in _units(preflight):
        found.setdefault(unit, _need(unit, reason))
    return tuple(sorted(found.values(), key=lambda each: (each.deferred, each.unit)))


def restart_argv(unit: str) -> tuple[str, ...]:
    """What gives a unit its new code. Raises BadInput for what is no unit's name (names come from the host)."""
    if unit == MANAGER:
        return ("systemctl", "daemon-reexec")
    if not _UNIT.fullmatch(unit):
        raise BadInput(f"not a unit: {unit!r}", action="restart a service")
    return ("systemctl", "restart", "--", unit)


def _witnesses(preflight: Preflight) -> Iterator[Witness]:
    if preflight.reboot_files:
        packages = preflight.reboot_files.packages or ("a package asks for it",)
        yield Witness(source=preflight.reboot_files.path, needed=True, reasons=packages)
    said = parse_needrestart(preflight.needrestart.text) if preflight.needrestart else None
    if said is not None:
        yield _by_needrestart(said)
    if preflight.dnf_reboot:
        yield parse_dnf_reboot(preflight.dnf_reboot)
    if preflight.zypper_reboot:
        yield parse_zypper_reboot(preflight.zypper_reboot)
    yield _by_kernel(preflight)
    yield _by_driver(preflight)


def _by_needrestart(said: Needrestart) -> Witness:
    reasons = []
    if said.kernel_state in (KERNEL_SAME_ABI, KERNEL_NEWER):
        reasons.append(f"kernel {said.expected} is installed, {said.running} runs")
    if said.microcode_state == 2:
        reasons.append("newer microcode waits")
    known = said.kernel_state in (KERNEL_CURRENT, KERNEL_SAME_ABI, KERNEL_NEWER)
    return Witness(source="needrestart", needed=bool(reasons) if known or reasons else None, reasons=tuple(reasons))


def _by_kernel(preflight: Preflight) -> Witness:
    """Own detection: the newest kernel of the same flavour is not the one that runs, or its modules are gone."""
    running = preflight.kernel.running if preflight.kernel else ""
    if preflight.module_tree_gone:
        return Witness(source="own detection", needed=True, reasons=(f"the modules of kernel {running} were removed",))
    if not running or not preflight.next_kernel:
        return Witness(source="own detection", needed=None)
    if preflight.next_kernel == running:
        return Witness(source="own detection", needed=False)
    reason = f"kernel {preflight.next_kernel} is installed, {running} runs"
    return Witness(source="own detection", needed=True, reasons=(reason,))


def _by_driver(preflight: Preflight) -> Witness:
    """The loaded driver is older than the module on disk: new processes cannot use the GPUs."""
    installed = _installed_driver(preflight)
    loaded = preflight.loaded.nvidia if preflight.loaded else ""
    if not installed or not loaded or installed == loaded:
        return Witness(source="own detection", needed=None)
    reason = f"NVIDIA driver {installed} is installed, {loaded} is loaded"
    return Witness(source="own detection", needed=True, reasons=(reason,))


def _installed_driver(preflight: Preflight) -> str:
    """Version of the module on the disk for the running kernel; "" when it is not known."""
    module = preflight.module(preflight.kernel.running if preflight.kernel else "", "nvidia")
    return module.version if module is not None else ""


def _expected(preflight: Preflight) -> str:
    said = parse_needrestart(preflight.needrestart.text) if preflight.needrestart else None
    own = preflight.next_kernel
    return own or (said.expected if said else "")


def _units(preflight: Preflight) -> Iterator[tuple[str, str]]:
    """(unit, who says so); our own look only where no tool of the distribution has looked."""
    said = parse_needrestart(preflight.needrestart.text) if preflight.needrestart else None
    looked = said is not None
    yield from _named(said.services if said else (), "needrestart")
    for answer, source in (
        (preflight.dnf_services, "dnf needs-restarting"),
        (preflight.zypper_services, "zypper ps"),
    ):
        units = parse_units(answer) if answer else None
        looked = looked or units is not None
        yield from _named(units or (), source)
    if not looked and preflight.stale:
        for each in preflight.stale.units:
            if each.unit == MANAGER or _UNIT.fullmatch(each.unit):
                yield each.unit, f"runs replaced code: {each.path}"


def _named(units: Iterable[str], source: str) -> Iterator[tuple[str, str]]:
    for unit in units:
        if unit == MANAGER or _UNIT.fullmatch(unit):
            yield unit, source


def _need(unit: str, reason: str) -> ServiceNeed:
    for pattern, suffers in DEFERRED:
        if fnmatchcase(unit, pattern):
            return ServiceNeed(unit=unit, deferred=True, reason=f"{reason}; deferred: {suffers}")
    if unit in ALLOWED:
        return ServiceNeed(unit=unit, reason=reason)
    return ServiceNeed(unit=unit, deferred=True, reason=f"{reason}; {OTHER}")


def _first(found: dict[str, list[str]], key: str) -> str:
    return found.get(key, [""])[0]


def _digit(text: str) -> int | None:
    return int(text) if len(text) == 1 and text in "0123456789" else None
