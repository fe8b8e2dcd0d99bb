"""What the past can tell of a rule: the history keeps some series, a recording keeps samples and states. Pure.

A rule that looks at what was never kept did not "fire 0 times": nothing can be told, and why is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from backends.alerts import answers
from backends.alerts.model import Truth
from backends.alerts.rules import Finding, Rule
from backends.alerts.subjects import Held, Needs, Subject
from backends.inventory.expression import parse


class Kept(NamedTuple):
    """What there is of it."""

    series: tuple[str, ...] = ()
    """Globs over the stored series that it looks at."""
    reason: str = ""
    """Why nothing can be told; "" when something can."""
    cautions: tuple[str, ...] = ()
    """What the past cannot show of it, a clause each."""
    unknown: frozenset[str] = frozenset()
    """Fields of a site's expression that nobody kept."""
    trends: bool = False
    """It asks how the room in filesystems shrinks."""


_READ_ONLY = "read-only images are not told apart"
_USED = "filesystem.*.used_percent"
_GPU_USE = "gpu.*.utilisation_percent"
_SERIES: Mapping[str, Kept] = {
    "cpu.busy": Kept(("cpu.busy_percent", _GPU_USE)),
    "cpu.busy_gpu_node": Kept(("cpu.busy_percent", _GPU_USE)),
    "cpu.iowait": Kept(("cpu.iowait_percent",)),
    "cpu.steal": Kept(("cpu.steal_percent",)),
    "memory.used": Kept(("memory.used_percent", "memory.used_bytes")),
    "memory.swap": Kept(("swap.used_percent",)),
    "memory.pressure": Kept(("memory.pressure_some_percent",)),
    "process.zombies": Kept(("processes.zombies",)),
    "disk.space": Kept(
        (_USED,), cautions=("free bytes are not kept, so the share alone makes it critical", _READ_ONLY)
    ),
    "disk.inodes": Kept(("filesystem.*.inodes_used_percent",), cautions=(_READ_ONLY,)),
    "disk.latency": Kept(("disk.*.latency_seconds", "disk.*.busy_percent")),
    "disk.forecast": Kept(
        (_USED,), cautions=("sizes are not kept, so texts name those of a filesystem of 1 TiB", _READ_ONLY), trends=True
    ),
    "gpu.temperature": Kept(
        ("gpu.*.temperature_celsius", "gpu.*.memory_temperature_celsius"),
        cautions=("the margin to the slowdown is not kept",),
    ),
    "gpu.idle_held": Kept((_GPU_USE, "gpu.*.memory_used_bytes")),
}
"""Rules of the pack that stored minutes are enough for."""
_NOT_STORED: Mapping[str, str] = {
    "cpu.load": "loads of fifteen minutes", "disk.readonly": "how filesystems are mounted",
    "net.use": "speeds of links", "net.drops": "counts of packets", "net.errors": "counts of packets",
    "net.link": "states of links", "net.infiniband": "states of ports", "clock.sync": "offsets of clocks",
    "gpu.remap": "remapped rows", "gpu.slowdown": "reasons for slowdowns", "gpu.nvlink": "states of NVLinks",
    "gpu.pcie": "widths of PCIe links", "gpu.driver": "states of the driver", "gpu.ecc": "counts of memory errors",
    "gpu.count": "which GPUs were there", "gpu.lost": "which GPUs were there",
}  # fmt: skip
"""Rules about samples → what the history keeps none of."""
_NEEDS: Mapping[Needs, str] = {
    "health": "health checks",
    "looks": "health checks",
    "events": "the kernel log",
    "concerns": "the state of backups",
    "pending": "which updates waited",
    "deliveries": "how targets did",
    "reach": "how hosts were reached",
}
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "gpu": (_GPU_USE,),
    "gpu.max": (_GPU_USE,),
    "gpu.min": (_GPU_USE,),
    "gpumem": ("gpu.*.memory_used_percent", "gpu.*.memory_used_bytes"),
    "gpus": (_GPU_USE, "gpu.*.temperature_celsius", "gpu.*.power_watts"),
    "temp": ("gpu.*.temperature_celsius",),
    "power": ("gpu.*.power_watts",),
    "cpu": ("cpu.busy_percent",),
    "iowait": ("cpu.iowait_percent",),
    "load": ("load.1",),
    "mem": ("memory.used_percent", "memory.used_bytes"),
    "swap": ("swap.used_percent",),
    "disk": (_USED,),
    "disk.busy": ("disk.*.busy_percent",),
    "disk.read": ("disk.*.read_bytes_per_second",),
    "disk.write": ("disk.*.write_bytes_per_second",),
    "net.rx": ("net.*.rx_bytes_per_second",),
    "net.tx": ("net.*.tx_bytes_per_second",),
    "procs": ("processes.total",),
}
"""Fields of a site's expression → the series that they are made of."""
_INVENTORY = frozenset({"", "name", "tag"})
"""Known at all times: the inventory says them (a plain word is looked for in the name)."""
_NOT_RECORDED = frozenset({"alerts", "updates", "backup", "verdict"})
_RECORDED_EVENTS: Mapping[str, tuple[str, ...]] = {
    "host.reboot": ("which reboots were planned is not recorded",),
    "memory.oom": ("kills are counted by the kernel's counter, not by its log",),
}
_ASK_HISTORY = "swarm-tui alerts history tells when it fired"
_ASK_RECORDING = "try it on a recording"


def in_history(rule: Rule, expression: str = "") -> Kept:
    """What stored minutes can tell; `expression` is that of a rule of the site."""
    if rule.needs == "row":
        return _expressed(expression)
    known = _SERIES.get(rule.id)
    if known is not None:
        return known
    what, instead = _NOT_STORED.get(rule.id) or _NEEDS.get(rule.needs, "what it looks at"), _ASK_HISTORY
    if rule.needs in ("sample", "reach") or rule.id in _RECORDED_EVENTS:
        instead = _ASK_RECORDING
    return Kept(reason=f"the history does not keep {what}; {instead}")


def in_recording(rule: Rule, expression: str = "") -> Kept:
    """What a recording can tell."""
    if rule.needs == "row":
        lost = _lost(expression, _NOT_RECORDED)
        return Kept(unknown=_NOT_RECORDED, cautions=_hanging(lost, "a recording"))
    if rule.needs in ("sample", "reach"):
        return Kept()
    if rule.id in _RECORDED_EVENTS:
        return Kept(cautions=_RECORDED_EVENTS[rule.id])
    return Kept(reason=f"a recording does not hold {_NEEDS.get(rule.needs, 'what it looks at')}; {_ASK_HISTORY}")


def _expressed(expression: str) -> Kept:
    names = _names(expression)
    unknown = frozenset(names) - _FIELDS.keys() - _INVENTORY
    series = tuple(dict.fromkeys(each for name in names for each in _FIELDS.get(name, ())))
    lost = tuple(name for name in names if name in unknown)
    if lost and not series and not _INVENTORY & set(names):
        return Kept(reason=f"the history does not keep {', '.join(lost)}; {_ASK_RECORDING}", unknown=unknown)
    return Kept(series, cautions=_hanging(lost, "the history"), unknown=unknown)


def _hanging(lost: Iterable[str], what: str) -> tuple[str, ...]:
    names = ", ".join(lost)
    return (f"{what} does not keep {names}: what hangs on that is not known",) if names else ()


def _lost(expression: str, unknown: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in _names(expression) if name in unknown)


def _names(expression: str) -> tuple[str, ...]:
    tree = parse(expression, space_is_and=True)
    return tuple(dict.fromkeys(answers.names_of(tree))) if tree is not None else ()


def without(rule: Rule, expression: str, unknown: frozenset[str]) -> Rule:
    """The rule of a site where these fields are not known, whatever stands in the row."""
    tree = parse(expression, space_is_and=True)
    if tree is None or not unknown:
        return rule
    holds = answers.compiled(tree, unknown)
    judge = rule.judge

    def judged(subject: Subject, thing: str, held: Held) -> Finding:
        answer = holds(subject)
        if answer is None:
            return Finding(Truth.NODATA, text="not kept")
        return judge(subject, thing, held)._replace(truth=Truth.TRUE if answer else Truth.FALSE)

    return msgspec.structs.replace(rule, scan=lambda subject: ("",) if holds(subject) else (), judge=judged)
