"""What is wrong with the GPUs of a host: XIDs, missing ones, memory errors, links, a driver that does not answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.hostkit.triage_answer import Section
from backends.states import Severity
from backends.triage.context import Context
from backends.triage.facts import Facts
from backends.triage.gpu_facts import SLOWED, GpuRow
from backends.triage.kernel_lines import KernelEvent
from backends.triage.model import Finding
from backends.units import span

_CRITICAL, _WARNING = Severity.CRITICAL, Severity.WARNING
_EXITS = {
    8: ("a GPU has no external power", "check the power cables"),
    9: ("the NVIDIA driver is not loaded", "modprobe nvidia; dkms status"),
    10: ("the NVIDIA driver has an interrupt problem with a GPU", "reboot; then inspect the hardware"),
    12: ("the NVML library is missing", "install the driver's libraries"),
    14: ("a GPU's InfoROM is corrupt", "ask the vendor"),
    15: ("a GPU fell off the bus or cannot be reached", "drain and power-cycle the host"),
}
"""Exit status of nvidia-smi → meaning and next step (G03)."""
GPU_STEP, KERNEL_STEP, PCI_STEP, LOAD_STEP = 4, 2, 3, 5


def gpu_findings(facts: Facts, sections: Sequence[Section], context: Context) -> Iterator[Finding]:
    """Everything about GPUs, in no order."""
    yield from _hung(facts, sections)
    yield from _failed(sections)
    yield from _xids(facts, context)
    yield from _count(facts, context)
    for row in facts.gpus or ():
        yield from _row(row)


def gpu_name(facts: Facts, bus: str) -> str:
    """ "GPU 3" where nvidia-smi told, else "GPU at 0000:05:00"."""
    row = next((row for row in facts.gpus or () if row.bus == bus), None)
    if row is None:
        return f"GPU at {bus}" if bus else "a GPU"
    serial = row.values.get("serial", "")
    return f"GPU {row.index}" + (f" (serial {serial})" if serial else "")


def _hung(facts: Facts, sections: Sequence[Section]) -> Iterator[Finding]:
    stuck = next((each for each in sections if each.step == GPU_STEP and each.kind == "stuck"), None)
    waiting = [
        each for each in facts.waiting if each.state == "D" and each.name.startswith("nvidia") and each.age_seconds > 10
    ]
    if stuck is None and not waiting:
        return
    evidence = tuple(
        f"{each.name} (pid {each.pid}) state=D in {each.where} for {span(each.age_seconds)}" for each in waiting[:5]
    )
    told = (f"{stuck.name}: {stuck.note}",) if stuck is not None else ()
    yield Finding(
        kind="driver-hung",
        step=GPU_STEP,
        severity=_CRITICAL,
        text="the GPU driver hangs: nvidia-smi does not answer",
        evidence=told + evidence,
        next_step="run no more GPU commands there; drain and reboot the host (a stuck one cannot be killed)",
        weight=70,
    )  # fmt: skip


def _failed(sections: Sequence[Section]) -> Iterator[Finding]:
    section = next((each for each in sections if each.name == "gpu"), None)
    if section is None or section.kind != "done" or section.status == 0:
        return
    said = next((line for line in (*section.lines, section.error) if line.strip()), "")
    if "version mismatch" in said.lower():
        text, step = "driver and library have different versions", "reboot, or reload the nvidia modules after a drain"
    else:
        text, step = _EXITS.get(section.status, (f"nvidia-smi failed with status {section.status}", "nvidia-smi"))
    yield Finding(
        kind="driver", step=GPU_STEP, severity=_CRITICAL, text=text, evidence=(said[:300],), next_step=step, weight=60
    )


def _xids(facts: Facts, context: Context) -> Iterator[Finding]:
    groups: dict[tuple[str, int | None, str], list[KernelEvent]] = {}
    for event in facts.events:
        if event.kind in ("xid", "sxid", "off-bus"):
            groups.setdefault((event.kind, event.number, event.device), []).append(event)
    told_79 = {device for kind, number, device in groups if kind == "xid" and number == 79}
    for (kind, number, device), events in groups.items():
        if kind == "off-bus" and (device in told_79 or (not device and told_79)):
            continue
        if kind == "sxid":
            yield _switch(number or 0, device, events)
        else:
            yield _xid(79 if kind == "off-bus" else number or 0, kind, gpu_name(facts, device), events, context)


def _xid(code: int, kind: str, name: str, events: list[KernelEvent], context: Context) -> Finding:
    advice = context.advise(code)
    severity = advice.severity if advice is not None else _WARNING
    meaning = advice.meaning if advice is not None else "not in the catalogue"
    last = events[-1]
    hit = sorted({f"{event.process or '?'} (pid {event.pid})" for event in events if event.pid})
    text = f"{name} fell off the bus" if kind == "off-bus" else f"XID {code} ({meaning}) on {name}"
    return Finding(
        kind="xid",
        step=KERNEL_STEP,
        severity=severity,
        text=text + (f", {len(events)} times" if len(events) > 1 else ""),
        evidence=(last.text, *([f"hit: {', '.join(hit[:5])}"] if hit else ())),
        next_step=advice.action if advice is not None else "look the code up in NVIDIA's XID catalogue",
        confidence="high" if advice is not None else "medium",
        time=events[0].time,
        weight=100 if code == 79 else 90,
    )


def _switch(code: int, device: str, events: list[KernelEvent]) -> Finding:
    return Finding(
        kind="sxid",
        step=KERNEL_STEP,
        severity=_CRITICAL if any("fatal" in each.text.lower().replace("non-fatal", "") for each in events) else _WARNING,
        text=f"SXid {code} on the NVSwitch at {device}",
        evidence=(events[-1].text,),
        next_step="drain; restart nvidia-fabricmanager and reset all GPUs of the host",
        time=events[0].time,
        weight=85,
    )  # fmt: skip


def _count(facts: Facts, context: Context) -> Iterator[Finding]:
    on_bus = len(facts.gpu_devices)
    listed = None if facts.gpus is None else sum(not row.lost for row in facts.gpus)
    parts = []
    if context.expected_gpus is not None and facts.devices is not None and on_bus < context.expected_gpus:
        parts.append(f"{on_bus} of {context.expected_gpus} expected GPUs on the PCI bus")
    if listed is not None and listed < on_bus:
        parts.append(f"nvidia-smi lists {listed} of {on_bus}")
    if parts:
        seen = {row.bus for row in facts.gpus or () if not row.lost}
        missing = tuple(
            each.address for each in facts.gpu_devices if facts.gpus is not None and each.address not in seen
        )
        yield Finding(
            kind="gpu-count",
            step=PCI_STEP,
            severity=_CRITICAL,
            text="; ".join(parts),
            evidence=tuple(f"without a driver's answer: {address}" for address in missing[:16]),
            next_step="drain and reboot; still missing after two reboots: hardware inspection",
            weight=80,
        )  # fmt: skip
    if on_bus and not facts.driver and facts.gpus is None:
        yield Finding(
            kind="driver",
            step=PCI_STEP,
            severity=_CRITICAL,
            text=f"{on_bus} GPUs on the bus and no NVIDIA driver loaded",
            next_step="modprobe nvidia; dkms status",
            weight=65,
        )


def _row(row: GpuRow) -> Iterator[Finding]:
    name = f"GPU {row.index}"
    if (errors := row.number("ecc.errors.uncorrected.volatile.total") or 0) > 0:
        yield _gpu(
            _CRITICAL,
            "ecc",
            f"{name}: {errors:.0f} uncorrectable memory errors since the last reset",
            "drain and reset the GPU",
            75,
        )
    if row.values.get("remapped_rows.failure", "").lower() in ("yes", "1"):
        yield _gpu(_CRITICAL, "remap", f"{name}: a row remap failed", "drain it and ask for a replacement", 76)
    elif row.values.get("remapped_rows.pending", "").lower() in ("yes", "1"):
        yield _gpu(_WARNING, "remap", f"{name}: a row remap is pending", "reset the GPU at the next drain", 40)
    if row.mask() & SLOWED:
        degrees = row.values.get("temperature.gpu", "?")
        yield _gpu(
            _WARNING, "slowed", f"{name}: slowed down by heat or power ({degrees} °C)", "check cooling and power", 45
        )
    width, most = row.number("pcie.link.width.current"), row.number("pcie.link.width.max")
    if width and most and width < most:
        yield _gpu(
            _WARNING,
            "pcie-width",
            f"{name}: PCIe x{width:.0f} of x{most:.0f}",
            "reseat the card or riser at the next drain",
            42,
        )


def _gpu(severity: Severity, kind: str, text: str, step: str, weight: int) -> Finding:
    return Finding(kind=kind, step=GPU_STEP, severity=severity, text=text, next_step=step, weight=weight)
