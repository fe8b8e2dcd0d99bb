"""Like against like: GPUs and interfaces of one model inside a host and over a group, outliers named with numbers. P01–P03.

It needs no thresholds for what is normal: whatever is more than 10 % off the median of its peers is told (monitoring §6.5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from backends.checks import health_smi
from backends.checks.figures import median
from backends.checks.health_finding import Finding, ok, warning
from backends.checks.health_look import Look, gpu_name
from backends.metrics.sample import Gpu

OFF = 0.10
"""Share off the median."""
PEERS = 2
"""Others that there must be: with one other nobody knows which is odd."""
SAME_USE = 10.0
"""Points of utilisation within which two GPUs do the same."""
BUSY = 50.0
DEGREES = 8.0
"""Least difference in temperature: 10 % of 40 °C is the air conditioning (own reasoning)."""


class Measure(NamedTuple):
    """One number that like things share."""

    name: str
    unit: str
    of: Callable[[Gpu], float | None]
    side: int
    """−1: too low is told; +1: too high; 0: both."""
    busy: bool
    """Compared only among those that work equally hard."""


MEASURES = (
    Measure("SM clock", "MHz", lambda gpu: gpu.sm_clock_mhz, -1, True),
    Measure("power", "W", lambda gpu: gpu.power_watts, 0, True),
    Measure("temperature", "°C", lambda gpu: gpu.temperature_celsius, 1, True),
    Measure("memory temperature", "°C", lambda gpu: gpu.memory_temperature_celsius, 1, True),
    Measure("power limit", "W", lambda gpu: gpu.power_limit_watts, 0, False),
    Measure("PCIe width", "lanes", lambda gpu: gpu.pcie_width, -1, False),
    Measure("memory", "MiB", lambda gpu: (gpu.memory_total_bytes or 0) >> 20 or None, -1, False),
    Measure("NVLinks", "up", lambda gpu: gpu.nvlinks_up, -1, False),
)


class Thing(NamedTuple):
    """A GPU of some host."""

    host: str
    gpu: Gpu


def inside(look: Look) -> Iterator[Finding]:
    """P01: the GPUs of one host."""
    things = [Thing(look.host, gpu) for gpu in look.gpus if not gpu.lost]
    found = [finding for _, finding in gpus(things)]
    yield from found
    if not found and len(things) > PEERS:
        yield ok("P01", "no GPU differs from its peers")


def gpus(things: Sequence[Thing]) -> Iterator[tuple[str, Finding]]:
    """(host, finding) of every GPU that differs from those of its model."""
    models: dict[str, list[Thing]] = {}
    for thing in things:
        models.setdefault(f"{thing.gpu.name}{'/mig' if thing.gpu.mig_enabled else ''}", []).append(thing)
    for model in models.values():
        for thing in model:
            odd = [words for measure in MEASURES if (words := _odd(measure, thing, model))]
            if odd:
                text = f"GPU {thing.gpu.index} differs from its peers: {odd[0]}"
                yield thing.host, warning("P01", text, gpu_name(thing.gpu), evidence=tuple(odd))


def _odd(measure: Measure, thing: Thing, model: Iterable[Thing]) -> str:
    own = measure.of(thing.gpu)
    if own is None or (measure.busy and not _busy(thing.gpu)):
        return ""
    others = [o for o in model if o is not thing and (not measure.busy or _alike(thing.gpu, o.gpu))]
    values = [value for other in others if (value := measure.of(other.gpu)) is not None]
    if len(values) < PEERS:
        return ""
    middle = median(values)
    off = own - middle
    least = max(OFF * abs(middle), DEGREES if measure.unit == "°C" else 0.0)
    if abs(off) <= least or (measure.side and off * measure.side < 0):
        return ""
    share = f" ({100 * off / middle:+.0f}%)" if middle else ""
    return f"{measure.name} {own:.0f} {measure.unit}, peers {middle:.0f}{share}"


def _busy(gpu: Gpu) -> bool:
    return gpu.utilisation_percent is not None and gpu.utilisation_percent >= BUSY


def _alike(one: Gpu, other: Gpu) -> bool:
    first, second = one.utilisation_percent, other.utilisation_percent
    return first is not None and second is not None and abs(first - second) <= SAME_USE


def interfaces(look: Look) -> Iterator[Finding]:
    """P02: interfaces and InfiniBand ports of one kind inside a host that differ in speed or MTU."""
    rows: dict[str, dict[str, str]] = {}
    for nic in (look.facts.nics or ()) if look.facts else ():
        if nic.state == "up":
            rows.setdefault(f"NIC {nic.driver}", {})[nic.name] = f"{nic.speed} Mb/s, MTU {nic.mtu}"
    for device in (look.facts.infiniband or ()) if look.facts else ():
        for port in device.ports:
            if "ACTIVE" in port.state.upper():
                rows.setdefault(f"port {device.board}", {})[f"{device.device}/{port.port}"] = port.rate
    found = [
        finding
        for row in rows.values()
        for _, finding in _minority("P02", {(n, n): v for n, v in row.items()}, "runs at")
    ]
    yield from found
    if not found and any(len(row) > PEERS for row in rows.values()):
        yield ok("P02", "interfaces of one kind are alike")


def _minority(check: str, values: Mapping[tuple[str, str], str], words: str) -> Iterator[tuple[str, Finding]]:
    """(host, finding) of those that differ from what more than half have; keys are (host, thing)."""
    known = {key: value for key, value in values.items() if value}
    if len(known) <= PEERS:
        return
    most, count = Counter(known.values()).most_common(1)[0]
    if 2 * count <= len(known):
        return
    for (host, thing), value in known.items():
        if value != most:
            text = f"{thing} {words} {value}, {count} of {len(known)} peers {words} {most}"
            yield host, warning(check, text, thing)


def group(looks: Sequence[Look]) -> dict[str, tuple[Finding, ...]]:
    """Host → what differs from the others of the group: GPUs by their numbers (P01), versions by their majority (P03).

    Args:
        looks: of hosts that should be alike (a tag, a rack, a batch).
    """
    found: dict[str, list[Finding]] = {look.host: [] for look in looks}
    for host, finding in gpus([Thing(look.host, gpu) for look in looks for gpu in look.gpus if not gpu.lost]):
        found[host].append(finding)
    told = {look.host: versions(look) for look in looks}
    for host, finding in _odd_versions(told):
        found[host].append(finding)
    return {host: tuple(findings) for host, findings in found.items()}


def versions(look: Look) -> dict[str, str]:
    """What hosts that are alike should have alike: "driver" → version; "" where it is not known."""
    facts = look.facts
    status = look.sample.gpu_status if look.sample else None
    return {
        "driver": status.driver if status else "",
        "kernel": facts.boot.kernel if facts and facts.boot else look.identity.kernel if look.identity else "",
        "system": look.identity.system if look.identity else "",
        "GPU count": str(len(look.gpus)) if look.gpus else "",
        "adapter firmware": _all({device.firmware for device in (facts.infiniband or ())} if facts else set()),
        "VBIOS": _all({gpu.text("VBIOS Version") for gpu in _smi(look)}),
        "GPU InfoROM": _all({gpu.text("Inforom Version", "Image Version") for gpu in _smi(look)}),
    }


def against(host: str, told: Mapping[str, Mapping[str, str]]) -> tuple[Finding, ...]:
    """P03 of one host: its versions against those of its group; nothing while the group is too small to say.

    Args:
        host: the one to judge.
        told: host → what `versions` gave, of the whole group.
    """
    if len(told) <= PEERS:
        return ()
    found = tuple(finding for name, finding in _odd_versions(told) if name == host)
    return found or (ok("P03", f"its versions are those of most of {len(told)} hosts like it"),)


def _odd_versions(told: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, Finding]]:
    names = dict.fromkeys(name for row in told.values() for name in row)
    for name in names:
        values = {(host, name): row.get(name, "") for host, row in told.items()}
        yield from _minority("P03", values, "is")


def _all(values: set[str]) -> str:
    return ", ".join(sorted(value for value in values if value)[:4])


def _smi(look: Look) -> tuple[health_smi.SmiGpu, ...]:
    said = look.facts.smi if look.facts else None
    return health_smi.parse(said.lines) if said and said.status == 0 else ()
