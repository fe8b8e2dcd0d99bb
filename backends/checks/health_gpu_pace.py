"""Does something hold a GPU back? Slowdown, heat, power, clocks, PCIe link, NVLink. G12–G21. Thresholds: monitoring §2b."""

from __future__ import annotations

import math
from collections.abc import Iterator

from backends.checks import health_smi
from backends.checks.glance import HOT_CRITICAL, HOT_WARNING, MARGIN_WARNING
from backends.checks.health_finding import Action, Finding, critical, graded, ok, unknown, warning
from backends.checks.health_look import Look, gpu_name, grown, unreadable
from backends.metrics.sample import Gpu
from backends.metrics.throttle import BUSY_PERCENT, HW_POWER_BRAKE, HW_THERMAL, IDLE, SLOWED, decode, link_degraded
from backends.units import percent, span

LASTING_SECONDS = 300.0
"""A reason that is set for so long is no passing event (canonical; gpud: 0.6 events a minute over ten minutes)."""
SLOW_SHARE = 0.6
SLOW_MHZ = 800.0
SLOW_SECONDS = 900.0
"""A busy GPU in P0 below 800 MHz for 15 minutes is stuck (sichek SmClkStuckLow)."""
HBM_WARNING, HBM_CRITICAL = 85.0, 95.0
"""°C of memory (VESSL; sichek 95)."""
REPLAYS_PER_MINUTE = {1: 0.15, 2: 0.30, 3: 0.48, 4: 0.96, 5: 1.92, 6: 3.84}
"""By PCIe generation and lane (DCGM); times the lanes, rounded up."""
THROTTLE_COUNTERS = ("SW Thermal Slowdown", "HW Thermal Slowdown", "HW Power Braking")
COUNTERS = "Clocks Event Reasons Counters"
LOOK_AT = "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER"


def slowdown(look: Look) -> Iterator[Finding]:
    """G12: reasons for lower clocks that DCGM takes for faults, tested bit by bit."""
    for gpu in look.gpus:
        masks = [one.throttle_bits for _, one in look.same_gpu(gpu)]
        known = [mask for mask in masks if mask is not None and mask >= 0]
        if not known:
            yield from _absent("G12", gpu, "throttle_bits")
            continue
        slowed = [mask for mask in known if mask & SLOWED]
        share = len(slowed) / len(known)
        if not slowed:
            yield ok("G12", f"GPU {gpu.index} is not held back", gpu_name(gpu))
        else:
            yield _slowed(look, gpu, slowed, share)


def _absent(check: str, gpu: Gpu, field: str) -> Iterator[Finding]:
    reason = unreadable(gpu, field)
    if reason is not None:
        yield unknown(check, f"GPU {gpu.index}: {reason}", gpu_name(gpu))


def _slowed(look: Look, gpu: Gpu, slowed: list[int], share: float) -> Finding:
    union = 0
    for mask in slowed:
        union |= mask & SLOWED
    reasons = ", ".join(reason.name for reason in decode(union))
    evidence = (f"{reasons} in {percent(100 * share)} of {span(look.span)}",)
    if look.span < LASTING_SECONDS:
        return unknown("G12", f"GPU {gpu.index}: {reasons} now; too short a look to judge", gpu_name(gpu), evidence)
    if share < SLOW_SHARE:
        return ok("G12", f"GPU {gpu.index}: {reasons} in passing", gpu_name(gpu), evidence)
    make = critical if union & (HW_THERMAL | HW_POWER_BRAKE) else warning
    action = Action.INSPECT if union & (HW_THERMAL | HW_POWER_BRAKE) else Action.NONE
    text = f"GPU {gpu.index} is held back: {reasons}"
    return make("G12", text, gpu_name(gpu), evidence=evidence, action=action, advice=LOOK_AT, value=100 * share)


def throttle_time(look: Look) -> Iterator[Finding]:
    """G13: time spent slowed down, which no gap between samples hides."""
    if look.pair is None:
        return
    before, now, seconds = look.pair
    old = {gpu.uuid: gpu for gpu in _smi(before.smi)}
    for gpu in _smi(now.smi):
        rises = {name: _rise(old.get(gpu.uuid), gpu, name) for name in THROTTLE_COUNTERS}
        known = {name: rise for name, rise in rises.items() if rise is not None}
        if not known:
            continue
        name, most = max(known.items(), key=lambda item: item[1])
        share = 100 * most / 1e6 / seconds
        text = f"GPU {gpu.bus_id}: {share:.1f}% of {span(seconds)} in {name}"
        if most > 0:
            yield warning("G13", text, gpu.uuid, advice=LOOK_AT, value=share)
        else:
            yield ok("G13", f"GPU {gpu.bus_id}: never slowed down", gpu.uuid)


def _smi(said: object) -> tuple[health_smi.SmiGpu, ...]:
    return health_smi.parse(getattr(said, "lines", ())) if getattr(said, "status", None) == 0 else ()


def _rise(old: health_smi.SmiGpu | None, new: health_smi.SmiGpu, name: str) -> int | None:
    """Microseconds."""
    return None if old is None else grown(old.number(COUNTERS, name), new.number(COUNTERS, name))


def heat(look: Look) -> Iterator[Finding]:
    """G14: degrees to the slowdown; where there is no margin to be had (or 0 and less, unreliable), the temperature."""
    for gpu in look.gpus:
        margin, celsius = gpu.temperature_margin_celsius, gpu.temperature_celsius
        if margin is not None and margin > 0:
            text = f"GPU {gpu.index}: {margin:.0f}°C below its slowdown"
            near = margin <= MARGIN_WARNING
            yield (
                warning("G14", text, gpu_name(gpu), advice=LOOK_AT, value=margin)
                if near
                else ok("G14", text, gpu_name(gpu))
            )
        elif celsius is not None:
            text = f"GPU {gpu.index}: {celsius:.0f}°C"
            yield graded("G14", celsius, (HOT_WARNING, HOT_CRITICAL), text, gpu_name(gpu), advice=LOOK_AT)
        else:
            yield unknown(
                "G14", f"GPU {gpu.index}: {gpu.missing.get('temperature_celsius', 'not read')}", gpu_name(gpu)
            )


def memory_heat(look: Look) -> Iterator[Finding]:
    """G15: memory above its stated maximum, or hot where none is stated."""
    limits = {gpu.uuid: _memory_limit(gpu) for gpu in _smi(look.facts.smi if look.facts else None)}
    for gpu in look.gpus:
        celsius, limit = gpu.memory_temperature_celsius, limits.get(gpu.uuid)
        if celsius is None:
            continue
        text = f"GPU {gpu.index}: its memory has {celsius:.0f}°C"
        grades = (float(limit), None) if limit else (HBM_WARNING, HBM_CRITICAL)
        yield graded("G15", celsius, grades, text, gpu_name(gpu), advice=LOOK_AT)


def _memory_limit(gpu: health_smi.SmiGpu) -> int | None:
    return gpu.number("Temperature", "Memory Max Operating Temp") or gpu.number(
        "Temperature", "GPU Memory Max Operating Temp"
    )


def power(look: Look) -> Iterator[Finding]:
    """G16: power that cannot be read although the GPU measures it (DCGM)."""
    for gpu in look.gpus:
        reason = gpu.missing.get("power_watts", "")
        if gpu.lost:  # told once (G03), with what matters of it
            continue
        if gpu.power_watts is not None:
            yield ok("G16", f"GPU {gpu.index}: {gpu.power_watts:.0f} W", gpu_name(gpu))
        elif reason and "not supported" not in reason and "not offered" not in reason:
            yield warning("G16", f"GPU {gpu.index}: power cannot be read: {reason}", gpu_name(gpu))


def stuck_clock(look: Look) -> Iterator[Finding]:
    """G17: a GPU that works in P0 at a crawl."""
    if look.span < SLOW_SECONDS * 0.9:
        return
    for gpu in look.gpus:
        rows = [one for _, one in look.same_gpu(gpu)]
        clocks = [one.sm_clock_mhz for one in rows if _works(one) and one.sm_clock_mhz is not None]
        if len(clocks) == len(rows) and clocks and max(clocks) < SLOW_MHZ:
            text = f"GPU {gpu.index} works at {max(clocks):.0f} MHz for {span(look.span)}"
            yield critical("G17", text, gpu_name(gpu), action=Action.RESET_GPU, advice=LOOK_AT, value=max(clocks))
        elif clocks:
            yield ok("G17", f"GPU {gpu.index} works at {clocks[-1]:.0f} MHz", gpu_name(gpu))


def _works(gpu: Gpu) -> bool:
    busy = gpu.utilisation_percent is not None and gpu.utilisation_percent >= BUSY_PERCENT
    return busy and gpu.performance_state == 0 and not (gpu.throttle_bits or 0) & IDLE


def link(look: Look) -> Iterator[Finding]:
    """G18: a PCIe link narrower than both ends and all between allow, or slower while the GPU works."""
    devices = {device.address.lower(): device for device in (look.facts.pci or ())} if look.facts else {}
    for gpu in look.gpus:
        device = devices.get(_sysfs_address(gpu.bus_id))
        widest = min((w for w in (gpu.pcie_width_max, device.above.width_max if device else None) if w), default=None)
        now = f"gen {gpu.pcie_generation} x{gpu.pcie_width} of gen {gpu.pcie_generation_max} x{widest or gpu.pcie_width_max}"
        if gpu.pcie_width is None or widest is None:
            yield from _absent("G18", gpu, "pcie_width")
        elif gpu.pcie_width < widest or (gpu.pcie_width == gpu.pcie_width_max and link_degraded(gpu)):
            text = f"GPU {gpu.index} runs on PCIe {now}"
            advice = "reseat the card or the riser when the host is drained"
            yield warning("G18", text, gpu_name(gpu), action=Action.INSPECT, advice=advice, value=float(gpu.pcie_width))
        else:
            yield ok("G18", f"GPU {gpu.index}: {now}", gpu_name(gpu))


def _sysfs_address(bus_id: str) -> str:
    """NVML writes a domain of eight digits, the kernel one of four."""
    domain, _, rest = bus_id.lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def replays(look: Look) -> Iterator[Finding]:
    """G19: PCIe replays a minute, against what the link's speed and width excuse."""
    for gpu in look.gpus:
        points = [(time, one.pcie_replays) for time, one in look.same_gpu(gpu) if one.pcie_replays is not None]
        if len(points) < 2 or points[-1][0] - points[0][0] < 60.0:
            continue
        rise = grown(points[0][1], points[-1][1])
        lane = REPLAYS_PER_MINUTE.get(gpu.pcie_generation or 0)
        if rise is None or lane is None or not gpu.pcie_width:
            yield unknown("G19", f"GPU {gpu.index}: its counter or its link is not known", gpu_name(gpu))
            continue
        limit = math.ceil(lane * gpu.pcie_width)
        rate = 60.0 * rise / (points[-1][0] - points[0][0])
        text = f"GPU {gpu.index}: {rate:.0f} PCIe replays a minute (limit {limit})"
        yield graded("G19", rate, (limit + 1e-9, None), text, gpu_name(gpu), action=Action.INSPECT, advice="reseat it")


def nvlink(look: Look) -> Iterator[Finding]:
    """G20: inactive NVLinks."""
    said = look.facts.nvlink if look.facts else None
    told = health_smi.inactive_links(said.lines) if said and said.status == 0 else {}
    for gpu in look.gpus:
        down, total = told.get(gpu.uuid, (0, 0))
        if gpu.nvlinks_total and gpu.nvlinks_up is not None:
            down, total = gpu.nvlinks_total - gpu.nvlinks_up, gpu.nvlinks_total
        if down > 0:
            text = f"GPU {gpu.index}: {down} of {total} NVLinks are down"
            yield critical(
                "G20", text, gpu_name(gpu), action=Action.RESET_GPU, advice="nvidia-smi nvlink -s", value=float(down)
            )
        elif total:
            yield ok("G20", f"GPU {gpu.index}: {total} NVLinks are up", gpu_name(gpu))


def nvlink_errors(look: Look) -> Iterator[Finding]:
    """G21: NVLink error counters that rose: replay or recovery from one on, CRC from a hundred a second on (DCGM)."""
    if look.pair is None:
        return
    before, now, seconds = look.pair
    if now.nvlink_errors is None or before.nvlink_errors is None:
        return
    old, new = health_smi.nvlink_errors(before.nvlink_errors.lines), health_smi.nvlink_errors(now.nvlink_errors.lines)
    rises = {name: rise for name, value in new.items() if (rise := grown(old.get(name), value))}
    by_gpu: dict[str, list[str]] = {}
    for name in rises:
        by_gpu.setdefault(name.partition("/")[0], []).append(name)
    for gpu, names in by_gpu.items():
        yield _nvlink_errors(gpu, {name: rises[name] for name in names}, seconds)
    if not by_gpu and new:
        yield ok("G21", "no NVLink error since the last look")


def _nvlink_errors(gpu: str, rises: dict[str, int], seconds: float) -> Finding:
    names = sorted(rises, key=lambda name: -rises[name])
    evidence = tuple(f"link {name.split('/')[1]} {name.split('/')[2]} +{rises[name]}" for name in names[:4])
    only_crc = all("crc" in name.lower() for name in names)
    crc = max((rises[name] for name in names if "crc" in name.lower()), default=0) / seconds
    severe = not only_crc or crc >= 100.0
    make = critical if severe else warning
    text = f"NVLink errors on {gpu}: {sum(rises.values())} in {span(seconds)}"
    return make("G21", text, gpu, evidence=evidence, action=Action.RESET_GPU, advice="nvidia-smi nvlink -e")
