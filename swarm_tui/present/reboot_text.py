"""Services and reboots in words, one line each. Shared by screen and subcommands."""

from __future__ import annotations

from collections.abc import Sequence

from backends.states import Severity
from backends.updates.aftercare import HostGate
from backends.updates.gate_finding import Finding
from backends.updates.reboots import RebootRecord
from backends.updates.restart import RestartRecord, Services

MARKS = {Severity.OK: "ok", Severity.WARNING: "warn", Severity.CRITICAL: "RED", Severity.UNKNOWN: "?"}
STAGES = {"queued": "queued", "gate": "asking the gate", "requested": "reboot asked for", "going-down": "away"}


def finding_line(finding: Finding) -> str:
    """ "RED  kernel … has no initrd (…)"."""
    mark = "RED" if finding.blocks else MARKS[finding.severity]
    return f"{mark:<4}  {finding.text}" + (f"  ({finding.evidence})" if finding.evidence else "")


def gate_words(gate: HostGate) -> str:
    """The gate in one sentence."""
    bad = [finding.text for finding in gate.findings if finding.blocks]
    if bad:
        return f"must not be rebooted: {'; '.join(bad)}"
    odd = [finding.text for finding in gate.findings if finding.severity is not Severity.OK]
    return f"may be rebooted; {'; '.join(odd)}" if odd else "may be rebooted"


def gate_lines(gate: HostGate) -> list[str]:
    """Everything that the gate looked at, worst first."""
    kernel = f"kernel {gate.running_kernel or 'unknown'} runs, {gate.next_kernel or 'unknown'} is next"
    lines = [f"{gate.host}: {gate_words(gate)}", f"      {kernel}; {need_words(gate)}"]
    lines += [f"{finding_line(finding)}" for finding in gate.findings]
    return lines + [f"      logged in: {user}" for user in gate.users]


def need_words(gate: HostGate) -> str:
    """Whether a reboot is needed at all."""
    if gate.reboot.needed is None:
        return "whether a reboot is needed is not known"
    reasons = f": {', '.join(gate.reboot.reasons[:3])}" if gate.reboot.reasons else ""
    return f"a reboot is needed{reasons}" if gate.reboot.needed else "no reboot is needed"


def reboot_words(record: RebootRecord) -> str:
    """Where a reboot stands."""
    stage = STAGES.get(record.stage, record.stage)
    return f"{stage}: {record.text}" if record.text else stage


def restart_words(record: RestartRecord) -> str:
    """Where a restart of services stands."""
    return f"{record.stage}: {record.text}" if record.text else record.stage


def restart_lines(record: RestartRecord) -> list[str]:
    """What became of each unit."""
    lines = [f"{record.host}: {restart_words(record)}"]
    return lines + [f"  {'ok' if each.good else 'BAD':<4} {each.unit}: {each.text}" for each in record.results]


def service_lines(services: Services) -> list[str]:
    """The units that run old code."""
    if services.unknown:
        return [f"{services.host}: which services run old code is not known: {services.unknown}"]
    if not services.services:
        return [f"{services.host}: no service runs old code"]
    lines = [f"{services.host}: {len(services.services)} services run old code"]
    return lines + [
        f"  {'named only' if each.deferred else 'restart':<10}  {each.unit}  ({each.reason})"
        for each in services.services
    ]


def confirm_word(hosts: Sequence[str]) -> str:
    """What a person types to go on: the host's name, or how many they are."""
    return hosts[0] if len(hosts) == 1 else str(len(hosts))
