"""Are all GPUs there, does the driver answer, do its parts fit together? G01–G04, G22–G28.

Thresholds: reference monitoring §2b with the sources named there (gpud, DCGM, Azure, sichek, nvrx).
"""

from __future__ import annotations

from collections.abc import Iterator

from backends.checks import health_smi
from backends.checks.health_finding import Action, Finding, critical, ok, unknown, warning
from backends.checks.health_look import Look, gpu_name
from backends.metrics.sample import Gpu

SMI_STATUS = {
    8: ("external power cables are not attached", Action.INSPECT),
    9: ("the driver is not loaded", Action.REBOOT),
    10: ("the kernel sees an interrupt problem with a GPU", Action.REBOOT),
    12: ("the NVML library was not found", Action.NONE),
    14: ("an InfoROM is corrupted", Action.INSPECT),
    15: ("a GPU has fallen off the bus", Action.REBOOT),
}
"""Exit codes of nvidia-smi (its manual; Azure, gpud)."""
_RECOVERY_CRITICAL = ("reset", "reboot", "drain and reset", "drain-and-reset")
GONE = "nvidia-smi -L; lspci -d 10de: ; journalctl -k | grep -i NVRM"


def recovery(look: Look) -> Iterator[Finding]:
    """G01: what the driver itself says must be done (r570 and newer)."""
    for gpu in _smi(look):
        action = gpu.text("GPU Recovery Action").strip().lower()
        if not action:
            continue
        text = f"GPU {gpu.bus_id}: the driver asks for {action!r}"
        if action == "none":
            yield ok("G01", f"GPU {gpu.bus_id} needs no recovery", gpu.uuid)
        elif action.replace("-", " ") in _RECOVERY_CRITICAL:
            act = Action.REBOOT if "reboot" in action else Action.RESET_GPU
            yield critical("G01", text, gpu.uuid, action=act, advice="drain the host, then do that")
        else:
            yield warning("G01", text, gpu.uuid, advice="drain the host when convenient")


def _smi(look: Look) -> tuple[health_smi.SmiGpu, ...]:
    said = look.facts.smi if look.facts else None
    return health_smi.parse(said.lines) if said and said.status == 0 else ()


def count(look: Look) -> Iterator[Finding]:
    """G02: GPUs that answer, against the PCI bus and the inventory."""
    answering = [gpu for gpu in look.gpus if not gpu.lost]
    lost = [gpu for gpu in look.gpus if gpu.lost]
    devices = look.facts.pci if look.facts else None
    bus = len([d for d in devices if d.kind in ("display", "accelerator") and d.maker]) if devices is not None else None
    wanted = look.expected.gpus
    if not look.gpus and not bus and not wanted:
        return
    seen = (f"{len(answering)} answer", f"{bus} on the PCI bus" if bus is not None else "PCI bus not read")
    evidence = (*seen, *([f"{wanted} expected"] if wanted is not None else []))
    for gpu in lost:
        text = f"GPU {gpu.index} has fallen off the bus"
        yield critical("G02", text, gpu_name(gpu), evidence=(gpu.bus_id,), action=Action.REBOOT, advice=GONE)
    most = max(bus or 0, wanted or 0)
    if len(look.gpus) < most:
        text = f"{most - len(answering)} of {most} GPUs are missing"
        yield critical("G02", text, evidence=evidence, action=Action.REBOOT, advice=GONE, value=float(len(answering)))
    elif wanted is not None and len(look.gpus) > wanted:
        yield warning("G02", f"{len(look.gpus)} GPUs, the inventory expects {wanted}", evidence=evidence)
    else:
        yield ok("G02", f"{len(look.gpus)} GPUs are there", evidence=evidence)


def reachable(look: Look) -> Iterator[Finding]:
    """G03: the driver answers within its deadline."""
    sample, said = look.sample, look.facts.smi if look.facts else None
    status = sample.gpu_status if sample else None
    if not look.gpus and not look.expected.gpus and not _on_bus(look):
        return  # nvidia-smi may be installed where no GPU is
    if said is not None and said.stuck:
        yield critical("G03", "the GPU driver hangs", evidence=(said.stuck,), action=Action.REBOOT, advice=HUNG)
    elif look.facts is not None and look.facts.missing.get("smi", "").startswith("no answer"):
        evidence = (look.facts.missing["smi"],)
        yield critical("G03", "the GPU driver hangs", evidence=evidence, action=Action.REBOOT, advice=HUNG)
    elif status is not None and status.hung:
        evidence = (status.reason or "no answer within its deadline",)
        yield critical("G03", "the GPU driver hangs", evidence=evidence, action=Action.REBOOT, advice=HUNG)
    elif said is not None and said.status:
        words = SMI_STATUS.get(said.status, (said.lines[0][:120] if said.lines else "no reason given", Action.NONE))
        text = f"nvidia-smi ends with {said.status}: {words[0]}"
        yield critical("G03", text, evidence=said.lines[:3], action=words[1], advice=GONE)
    elif status is not None and status.reason and status.way == "none" and look.expected.gpus:
        yield critical("G03", f"the GPUs cannot be read: {status.reason}", action=Action.REBOOT, advice=GONE)
    elif look.gpus:
        yield ok("G03", "the driver answers")


def _on_bus(look: Look) -> bool:
    devices = (look.facts.pci or ()) if look.facts else ()
    return any(device.maker == "nvidia" and device.kind in ("display", "accelerator") for device in devices)


HUNG = "start nothing else that talks to the driver: each would hang as well; drain the host and reboot it"


def versions(look: Look) -> Iterator[Finding]:
    """G04: loaded module, library and fabric manager must be of one version."""
    driver = look.facts.driver if look.facts else None
    if driver is None:
        return
    manager = " ".join(driver.fabric_manager.lines) if driver.fabric_manager and driver.fabric_manager.lines else ""
    parts = (f"module {driver.module or 'not loaded'}", f"library {driver.library or 'not found'}")
    evidence = (*parts, *([manager[:80]] if manager else []))
    if driver.module and driver.library and driver.module != driver.library:
        text = f"the loaded driver is {driver.module}, its library {driver.library}"
        advice = "new programs find no GPU until the host is rebooted (or the module reloaded)"
        yield critical("G04", text, evidence=evidence, action=Action.REBOOT, advice=advice)
    elif driver.module and manager and driver.module not in manager:
        text = f"the fabric manager is not of the driver's version {driver.module}"
        advice = "install the fabric manager of that version"
        yield critical("G04", text, evidence=evidence, action=Action.REBOOT, advice=advice)
    elif driver.module and driver.library:
        yield ok("G04", f"driver {driver.module}", evidence=evidence)
    elif driver.module:
        yield unknown("G04", "the driver's library was not found where it usually is", evidence=evidence)


def fabric(look: Look) -> Iterator[Finding]:
    """G22: NVSwitches need a fabric manager, and every GPU its place in the fabric."""
    facts = look.facts
    switches = [d for d in (facts.pci or ()) if d.maker == "nvidia" and d.kind == "bridge"] if facts else []
    units = {unit.unit: unit for unit in facts.units or ()} if facts else {}
    manager = units.get("nvidia-fabricmanager.service")
    if switches and facts is not None and facts.units is not None:
        state = manager.active if manager else "not installed"
        if state != "active":
            text = f"{len(switches)} NVSwitches, but the fabric manager is {state}"
            advice = "systemctl status nvidia-fabricmanager; journalctl -u nvidia-fabricmanager -n 50"
            yield critical("G22", text, action=Action.RESTART_APP, advice=advice)
        else:
            yield ok("G22", "the fabric manager runs")
    elif switches:
        yield unknown("G22", "NVSwitches, but no systemd to ask for the fabric manager")
    for gpu in _smi(look):
        yield from _fabric_of(gpu)


def _fabric_of(gpu: health_smi.SmiGpu) -> Iterator[Finding]:
    state, status = gpu.text("Fabric", "State"), gpu.text("Fabric", "Status")
    health = gpu.text("Fabric", "Health", "Summary") or gpu.text("Fabric", "Health")
    if not state:
        return
    bad = [f"state {state}"] if state.lower() != "completed" else []
    bad += [f"status {status}"] if status and status.lower() != "success" else []
    bad += [f"health {health}"] if health and health.lower() in ("unhealthy", "limited capacity", "limited") else []
    if bad:
        text = f"GPU {gpu.bus_id} is not in the NVLink fabric: {', '.join(bad)}"
        yield critical("G22", text, gpu.uuid, action=Action.RESTART_APP, advice="nvidia-smi -q | grep -A8 Fabric")
    else:
        yield ok("G22", f"GPU {gpu.bus_id} is in the fabric", gpu.uuid)


def imex(look: Look) -> Iterator[Finding]:
    """G23: the IMEX domain is up and each of its daemons ready (DCGM)."""
    said = look.facts.imex if look.facts else None
    if said is None:
        return
    text = " ".join(said.lines)
    bad = [word for word in ("DOWN", "DEGRADED", "NOT_READY", "UNAVAILABLE", "INVALID") if word in text.upper()]
    if said.status != 0:
        yield unknown("G23", f"nvidia-imex-ctl: {said.error or 'no answer'}")
    elif bad:
        advice = "nvidia-imex-ctl -N; systemctl status nvidia-imex"
        yield critical(
            "G23", f"IMEX is {bad[0].lower()}", evidence=said.lines[:4], action=Action.RESTART_APP, advice=advice
        )
    else:
        yield ok("G23", "the IMEX domain is up")


def persistence(look: Look) -> Iterator[Finding]:
    """G24: without persistence each first use initialises the GPU (gpud and DCGM fail it, sichek warns)."""
    off = [gpu.index for gpu in look.gpus if gpu.persistence is False]
    known = [gpu for gpu in look.gpus if gpu.persistence is not None]
    if off:
        text = f"persistence mode is off on {_gpus(off)}"
        yield warning("G24", text, advice="systemctl enable --now nvidia-persistenced", value=float(len(off)))
    elif known:
        yield ok("G24", "persistence mode is on")


def _gpus(indices: list[int]) -> str:
    return f"GPU {', '.join(map(str, indices[:8]))}" if len(indices) <= 8 else f"{len(indices)} GPUs"


def peer_memory(look: Look) -> Iterator[Finding]:
    """G25: RDMA straight to GPU memory needs nvidia_peermem (sichek: critical, gpud: informational)."""
    facts = look.facts
    if facts is None or facts.modules is None or not facts.infiniband or not look.gpus:
        return
    events = look.recent(("peermem",), 3600.0)
    if events:
        yield warning(
            "G25", "peer memory met an invalid context", evidence=(events[-1].text,), action=Action.RESTART_APP
        )
    elif "nvidia_peermem" in facts.modules or "nv_peer_mem" in facts.modules:
        yield ok("G25", "nvidia_peermem is loaded")
    else:
        advice = "modprobe nvidia_peermem (not needed where dma-buf is used)"
        yield warning("G25", "InfiniBand and GPUs, but nvidia_peermem is not loaded", advice=advice)


def access_control(look: Look) -> Iterator[Finding]:
    """G26: on bare metal ACS and a translating IOMMU send traffic between GPUs through the root (sichek: critical)."""
    facts = look.facts
    virtual = bool(look.identity and look.identity.virtualisation)
    if facts is None or facts.access_control is None or virtual or len(look.gpus) < 2:
        return
    found = facts.access_control
    bad = [f"ACS redirects on {len(found.redirecting)} bridges"] if found.redirecting else []
    bad += ["the IOMMU translates"] if any(kind.startswith("DMA") for kind in found.translation) else []
    if bad:
        evidence = (*found.redirecting[:4], *(facts.boot.options if facts.boot else ())[:4])
        advice = "peer-to-peer copies are slow: disable ACS on the bridges, boot with iommu=pt"
        yield warning("G26", " and ".join(bad), evidence=evidence, advice=advice)
    elif found.unread:
        yield unknown("G26", f"no permission: the configuration of {found.unread} bridges is for root only")
    else:
        yield ok("G26", "nothing stands between the GPUs")


def inforom(look: Look) -> Iterator[Finding]:
    """G27 within a host: a corrupt InfoROM (drift against the group: `health_peers`)."""
    said = look.facts.smi if look.facts else None
    if said is None or said.stuck:
        return
    corrupt = [line for line in said.lines if "nforom" in line.lower() and "corrupt" in line.lower()]
    if corrupt or said.status == 14:
        yield warning("G27", "an InfoROM is corrupted", evidence=tuple(corrupt[:2]), action=Action.INSPECT)
    elif said.status == 0:
        yield ok("G27", "no InfoROM is corrupted")


def setup(look: Look) -> Iterator[Finding]:
    """G28: ECC off or changing, MIG changing, nouveau, variables that slow CUDA down (DCGM diag)."""
    facts = look.facts
    found = []
    ecc = {gpu.ecc_enabled for gpu in look.gpus if gpu.ecc_enabled is not None}
    if ecc == {True, False}:
        off = [gpu.index for gpu in look.gpus if gpu.ecc_enabled is False]
        found.append(warning("G28", f"ECC is off on {_gpus(off)} only", "ecc", advice="nvidia-smi -e 1; then reset"))
    for gpu in _smi(look):
        found += _pending(gpu)
    if facts is not None and facts.modules and "nouveau" in facts.modules and "nvidia" in facts.modules:
        found.append(warning("G28", "nouveau is loaded beside the driver", "nouveau", action=Action.REBOOT))
    if facts is not None and facts.extras is not None and facts.extras.variables:
        names = ", ".join(facts.extras.variables)
        found.append(warning("G28", f"/etc/environment sets {names}", "environment", action=Action.CHECK_APP))
    yield from found
    if not found and (look.gpus or (facts is not None and facts.smi is not None)):
        yield ok("G28", "set up as it should be")


def _pending(gpu: health_smi.SmiGpu) -> Iterator[Finding]:
    for heading, name in (("ECC Mode", "ECC"), ("MIG Mode", "MIG")):
        now, then = gpu.text(heading, "Current"), gpu.text(heading, "Pending")
        if now and then and now != then:
            text = f"GPU {gpu.bus_id}: {name} is {now.lower()} and will be {then.lower()} after a reset"
            yield warning("G28", text, f"{gpu.uuid} {name}", action=Action.RESET_GPU)


def held(look: Look) -> Iterator[Finding]:
    """G29: memory of dead processes; memory or use without any process (gcm: 15 MiB)."""
    facts = look.facts
    if facts is None or facts.holders is None:
        return
    found = []
    for holder in facts.holders:
        if not holder.alive:
            text = f"process {holder.pid} is gone, but holds {holder.mebibytes or 0} MiB of GPU memory"
            found.append(warning("G29", text, holder.uuid, action=Action.RESET_GPU, advice="fuser -v /dev/nvidia*"))
    busy = {holder.uuid for holder in facts.holders}
    for gpu in look.gpus:
        found += (
            _unowned(gpu)
            if gpu.vendor == "nvidia"
            and gpu.uuid
            and gpu.uuid not in busy
            and not gpu.processes
            and not gpu.mig_enabled
            else []
        )
    yield from found
    if not found and look.gpus:
        yield ok("G29", "GPU memory belongs to living processes")


HELD_BYTES = 1 << 30
"""Of which no process is told: above what the driver and its firmware take for themselves (own reasoning; gcm's 15 MiB
counts without that reserve)."""
USED_PERCENT = 20.0


def _unowned(gpu: Gpu) -> Iterator[Finding]:
    used, busy = gpu.memory_used_bytes, gpu.utilisation_percent
    if used is not None and used > HELD_BYTES:
        text = f"GPU {gpu.index}: {used >> 20} MiB are in use, but by no process"
        yield warning("G29", text, gpu_name(gpu), action=Action.RESET_GPU, advice="fuser -v /dev/nvidia*")
    elif busy is not None and busy > USED_PERCENT:
        yield warning("G29", f"GPU {gpu.index} is {busy:.0f}% used, but by no process", gpu_name(gpu))
